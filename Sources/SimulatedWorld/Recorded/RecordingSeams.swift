// Clock, buses, lines and kernel files that are recorded while they are used: each call goes to the seam inside, and
// question and answer go to the recorder. Whoever uses them cannot tell the difference, but for the time it takes.

public import World

public struct RecordingClock<C: Clock>: Clock {
    private let inside: C
    private let recorder: SeamRecorder

    public init(_ inside: C, _ recorder: SeamRecorder) {
        self.inside = inside
        self.recorder = recorder
    }

    public func now() -> Boottime {
        let now = inside.now()
        recorder.note("now", String(now.nanoseconds))
        return now
    }

    public func wall() -> WallReading {
        let wall = inside.wall()
        recorder.note("wall", wall.words.joined(separator: " "))
        return wall
    }
}

public struct RecordingBus<B: Bus & ~Copyable>: Bus, ~Copyable {
    private var inside: B
    private let recorder: SeamRecorder

    public init(_ inside: consuming B, _ recorder: SeamRecorder) {
        self.inside = inside
        self.recorder = recorder
    }

    public mutating func claim(_ device: BusDevice) throws(BusFault) {
        let recorder = recorder
        let question = Question.claim(device)
        do throws(BusFault) { try inside.claim(device) } catch {
            recorder.note(question, error.answer)
            throw error
        }
        recorder.note(question, "ok")
    }

    public mutating func transfer(
        _ device: BusDevice, write bytes: UnsafeRawBufferPointer, read reply: UnsafeMutableRawBufferPointer
    ) throws(BusFault) {
        let recorder = recorder
        let question = Question.transfer(device, bytes, reply.count)
        do throws(BusFault) { try inside.transfer(device, write: bytes, read: reply) } catch {
            recorder.note(question, error.answer)
            throw error
        }
        recorder.note(question, hex(UnsafeRawBufferPointer(reply)))
    }
}

public struct RecordingLines<L: Lines & ~Copyable>: Lines, ~Copyable {
    private var inside: L
    private let recorder: SeamRecorder

    public init(_ inside: consuming L, _ recorder: SeamRecorder) {
        self.inside = inside
        self.recorder = recorder
    }

    public mutating func request(_ line: LineRequest) throws(LineFault) -> LineHandle {
        let recorder = recorder
        let question = Question.request(line)
        let handle: LineHandle
        do throws(LineFault) { handle = try inside.request(line) } catch {
            recorder.note(question, error.answer)
            throw error
        }
        recorder.note(question, String(handle.index))
        return handle
    }

    public mutating func isActive(_ line: LineHandle) throws(LineFault) -> Bool {
        let recorder = recorder
        let question = Question.level(line)
        let isActive: Bool
        do throws(LineFault) { isActive = try inside.isActive(line) } catch {
            recorder.note(question, error.answer)
            throw error
        }
        recorder.note(question, isActive ? "1" : "0")
        return isActive
    }

    public mutating func nextEdge() -> Edge? {
        let recorder = recorder
        let edge = inside.nextEdge()
        let answer = edge.map { "\($0.line.index) \($0.isActive ? 1 : 0) \($0.at.nanoseconds) \($0.sequence)" }
        recorder.note(Question.edge, answer ?? "none")
        return edge
    }

    public mutating func drive(_ line: LineHandle, active isActive: Bool) throws(LineFault) {
        let recorder = recorder
        let question = Question.drive(line, isActive)
        do throws(LineFault) { try inside.drive(line, active: isActive) } catch {
            recorder.note(question, error.answer)
            throw error
        }
        recorder.note(question, "ok")
    }

    public mutating func release(_ line: LineHandle) throws(LineFault) {
        let recorder = recorder
        let question = Question.release(line)
        do throws(LineFault) { try inside.release(line) } catch {
            recorder.note(question, error.answer)
            throw error
        }
        recorder.note(question, "ok")
    }

    public mutating func pulse(_ line: LineHandle, for width: Duration) throws(LineFault) {
        let recorder = recorder
        let question = Question.pulse(line, width)
        do throws(LineFault) { try inside.pulse(line, for: width) } catch {
            recorder.note(question, error.answer)
            throw error
        }
        recorder.note(question, "ok")
    }

    public mutating func giveUp(_ line: LineHandle) {
        let recorder = recorder
        inside.giveUp(line)
        recorder.note(Question.giveUp(line), "ok")
    }
}

public struct RecordingAttributes<A: Attributes & ~Copyable>: Attributes, ~Copyable {
    private var inside: A
    private let recorder: SeamRecorder

    public init(_ inside: consuming A, _ recorder: SeamRecorder) {
        self.inside = inside
        self.recorder = recorder
    }

    public mutating func list(_ directory: String) throws(AttributeFault) -> [String] {
        let recorder = recorder
        let question = Question.list(directory)
        let names: [String]
        do throws(AttributeFault) { names = try inside.list(directory) } catch {
            recorder.note(question, error.answer)
            throw error
        }
        recorder.note(question, (["ok"] + names.map(escaped)).joined(separator: " "))
        return names
    }

    public mutating func open(_ path: String) throws(AttributeFault) -> AttributeHandle {
        let recorder = recorder
        let question = Question.open(path)
        let handle: AttributeHandle
        do throws(AttributeFault) { handle = try inside.open(path) } catch {
            recorder.note(question, error.answer)
            throw error
        }
        recorder.note(question, String(handle.index))
        return handle
    }

    public mutating func read(
        _ attribute: AttributeHandle, into buffer: UnsafeMutableRawBufferPointer
    ) throws(AttributeFault) -> Int {
        let recorder = recorder
        let question = Question.read(attribute, buffer.count)
        let count: Int
        do throws(AttributeFault) { count = try inside.read(attribute, into: buffer) } catch {
            recorder.note(question, error.answer)
            throw error
        }
        recorder.note(question, hex(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
        return count
    }

    public mutating func write(_ path: String, _ text: String) throws(AttributeFault) {
        let recorder = recorder
        let question = Question.write(path, text)
        do throws(AttributeFault) { try inside.write(path, text) } catch {
            recorder.note(question, error.answer)
            throw error
        }
        recorder.note(question, "ok")
    }

    public func written(_ path: String) -> AttributeWrite? {
        let recorder = recorder
        let written = inside.written(path)
        recorder.note(Question.written(path), written.map { "\($0.count) \($0.ago.nanoseconds)" } ?? "never")
        return written
    }
}
