// Clock, buses, lines and kernel files that answer out of a recording. When the Sampler asks what was not recorded,
// `SeamReplayer.divergence` says so, and a bus answers that nobody is there, a line that it does not exist.

public import World

public struct ReplayingClock: Clock {
    private let replayer: SeamReplayer
    public init(_ replayer: SeamReplayer) { self.replayer = replayer }

    public func now() -> Boottime { replayer.now() }

    public func wall() -> WallReading {
        let words = replayer.answer(to: "wall")
        if let words, let wall = WallReading(words: words) { return wall }
        replayer.refuse("wall", words)
        return WallReading(
            boottime: replayer.now(), utc: UTC(nanoseconds: 0), isSynchronised: false,
            maximumErrorNanoseconds: .max)
    }
}

public struct ReplayingBus: Bus {
    private let replayer: SeamReplayer
    public init(_ replayer: SeamReplayer) { self.replayer = replayer }

    public mutating func claim(_ device: BusDevice) throws(BusFault) {
        let words = replayer.answer(to: Question.claim(device))
        if words == ["ok"] { return }
        if let fault = words.flatMap({ BusFault($0) }) { throw fault }
        replayer.refuse(Question.claim(device), words)
        throw .noAcknowledge
    }

    public mutating func transfer(
        _ device: BusDevice, write written: UnsafeRawBufferPointer, read reply: UnsafeMutableRawBufferPointer
    ) throws(BusFault) {
        let words = replayer.answer(to: Question.transfer(device, written, reply.count))
        if let words, words.count == 1, let recorded = bytes(words[0]), recorded.count == reply.count {
            reply.copyBytes(from: recorded)
            return
        }
        if let fault = words.flatMap({ BusFault($0) }) { throw fault }
        replayer.refuse(Question.transfer(device, written, reply.count), words)
        throw .noAcknowledge
    }
}

public struct ReplayingLines: Lines {
    private let replayer: SeamReplayer
    public init(_ replayer: SeamReplayer) { self.replayer = replayer }

    public mutating func request(_ line: LineRequest) throws(LineFault) -> LineHandle {
        let words = replayer.answer(to: Question.request(line))
        if let words, words.count == 1, let index = UInt16(words[0]) { return LineHandle(index: index) }
        if let fault = words.flatMap({ LineFault($0) }) { throw fault }
        replayer.refuse(Question.request(line), words)
        throw .noSuchLine
    }

    public mutating func isActive(_ line: LineHandle) throws(LineFault) -> Bool {
        let words = replayer.answer(to: Question.level(line))
        if words == ["1"] { return true }
        if words == ["0"] { return false }
        if let fault = words.flatMap({ LineFault($0) }) { throw fault }
        replayer.refuse(Question.level(line), words)
        throw .noSuchLine
    }

    public mutating func nextEdge() -> Edge? {
        let words = replayer.answer(to: Question.edge)
        if words == ["none"] { return nil }
        if let words, words.count == 4, let line = UInt16(words[0]), ["0", "1"].contains(words[1]),
            let at = boottime(words[2]), let sequence = UInt32(words[3])
        {
            return Edge(line: LineHandle(index: line), isActive: words[1] == "1", at: at, sequence: sequence)
        }
        replayer.refuse(Question.edge, words)
        return nil
    }

    public mutating func drive(_ line: LineHandle, active isActive: Bool) throws(LineFault) {
        try done(Question.drive(line, isActive))
    }

    public mutating func release(_ line: LineHandle) throws(LineFault) { try done(Question.release(line)) }

    public mutating func pulse(_ line: LineHandle, for width: Duration) throws(LineFault) {
        try done(Question.pulse(line, width))
    }

    public mutating func giveUp(_ line: LineHandle) { try? done(Question.giveUp(line)) }

    private func done(_ question: String) throws(LineFault) {
        let words = replayer.answer(to: question)
        if words == ["ok"] { return }
        if let fault = words.flatMap({ LineFault($0) }) { throw fault }
        replayer.refuse(question, words)
        throw .noSuchLine
    }
}

public struct ReplayingAttributes: Attributes {
    private let replayer: SeamReplayer
    public init(_ replayer: SeamReplayer) { self.replayer = replayer }

    public mutating func list(_ directory: String) throws(AttributeFault) -> [String] {
        let words = replayer.answer(to: Question.list(directory))
        if let words, words.first == "ok" {
            let names = words.dropFirst().compactMap(unescaped)
            if names.count == words.count - 1 { return names }
        }
        if let fault = words.flatMap({ AttributeFault($0) }) { throw fault }
        replayer.refuse(Question.list(directory), words)
        throw .noSuchFile
    }

    public mutating func open(_ path: String) throws(AttributeFault) -> AttributeHandle {
        let words = replayer.answer(to: Question.open(path))
        if let words, words.count == 1, let index = UInt16(words[0]) { return AttributeHandle(index: index) }
        if let fault = words.flatMap({ AttributeFault($0) }) { throw fault }
        replayer.refuse(Question.open(path), words)
        throw .noSuchFile
    }

    public mutating func read(
        _ attribute: AttributeHandle, into buffer: UnsafeMutableRawBufferPointer
    ) throws(AttributeFault) -> Int {
        let words = replayer.answer(to: Question.read(attribute, buffer.count))
        if let words, words.count == 1, let recorded = bytes(words[0]), recorded.count <= buffer.count {
            buffer.copyBytes(from: recorded)
            return recorded.count
        }
        if let fault = words.flatMap({ AttributeFault($0) }) { throw fault }
        replayer.refuse(Question.read(attribute, buffer.count), words)
        throw .noSuchFile
    }

    public mutating func write(_ path: String, _ text: String) throws(AttributeFault) {
        let words = replayer.answer(to: Question.write(path, text))
        if words == ["ok"] { return }
        if let fault = words.flatMap({ AttributeFault($0) }) { throw fault }
        replayer.refuse(Question.write(path, text), words)
        throw .noSuchFile
    }

    public func written(_ path: String) -> AttributeWrite? {
        let words = replayer.answer(to: Question.written(path))
        if words == ["never"] { return nil }
        if let words, words.count == 2, let count = UInt32(words[0]), let ago = boottime(words[1]) {
            return AttributeWrite(count: count, ago: .nanoseconds(ago.nanoseconds))
        }
        replayer.refuse(Question.written(path), words)
        return nil
    }
}
