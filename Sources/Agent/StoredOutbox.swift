// Where an outbox is and what is known of it before its segments are read: the folders of both tiers, what stands in
// them, checkpoint and cursors, and whether an agent is at work there. Read only; of a live outbox everything may
// change meanwhile.

import Glibc
import LinuxWorld
import Outbox
import World

/// The folders of an outbox: the flash, and the memory tier where there is one to look at.
public struct OutboxPlace: Sendable {
    public var state: String
    public var runtime: String?

    /// Without a word both folders of the installed agent. A state folder alone is a dead node's: its memory tier went
    /// with its power.
    public init(state: String?, runtime: String?) {
        let usual = Folders.usual(runtime: nil, state: nil)
        self.state = state ?? usual.state
        self.runtime = runtime ?? (state == nil ? usual.runtime : nil)
    }
}

struct StoredSegment {
    var name: SegmentName
    var path: String
    var isInMemory: Bool
    var file: String { name.text }
}

/// What the checkpoint's file is like.
enum StoredCheckpoint {
    case none
    case sound(Checkpoint, isOtherSlotTorn: Bool)
    case damaged

    var checkpoint: Checkpoint? {
        if case .sound(let checkpoint, _) = self { return checkpoint }
        return nil
    }
}

/// What the runtime folder of this very boot tells beside its segments.
struct RuntimeTier {
    var stream: StreamID
    /// Readings in the open batch, which has no number yet.
    var openReadings: Int
    var oldestOpen: Boottime?
    var nextNumber: [UInt64]
    var firstAnchor: Anchor?
    var cursors: Checkpoint?
}

struct StoredOutbox {
    let place: OutboxPlace
    /// By the order of their names, flash before memory.
    private(set) var segments: [StoredSegment] = []
    /// Files of the state folder that are nobody's.
    private(set) var strays: [String] = []
    private(set) var checkpoint = StoredCheckpoint.none
    private(set) var runtime: RuntimeTier?
    /// An agent's process that uses the folders now.
    let user: Int32?
    let boot: BootID?

    /// Fails when the state folder cannot be one, or not be read; an empty one is no mistake.
    init(_ place: OutboxPlace) throws(Failure) {
        self.place = place
        boot = try? BootID.read()
        user = FolderUse.process(of: place.state) ?? place.runtime.flatMap { FolderUse.process(of: $0) }
        do throws(SystemError) {
            for name in try listDirectory(place.state) {
                if let segment = SegmentName(name) {
                    segments.append(
                        StoredSegment(name: segment, path: place.state + "/" + name, isInMemory: false))
                } else if name == StateFile.checkpoint {
                    checkpoint = try Self.readCheckpoint(place.state + "/" + name)
                } else if name != "lost+found" {
                    strays.append(name)
                }
            }
        } catch { throw Self.unreadable(error, place.state) }
        try readRuntime()
    }

    /// Neither segments nor a checkpoint: probably not the folder that was meant.
    var isNothing: Bool {
        if case .none = checkpoint { return segments.isEmpty && runtime == nil }
        return false
    }

    /// What to say of a folder that holds nothing, where something was expected.
    var nothingText: String {
        let inner = place.state + "/var/lib/cityedge"
        let remedy = isDirectory(inner) ? "did you mean \(inner)?" : "on a card it is usually …/var/lib/cityedge"
        return "\(place.state): found neither a segment (*.seg) nor a checkpoint; expected the state folder of an "
            + "agent; \(remedy)"
    }

    private static func unreadable(_ error: SystemError, _ folder: String) -> Failure {
        let remedy =
            switch error.errno {
            case EACCES, EPERM: "try again with sudo"
            case ENOTDIR: "give the folder, not a file"
            default: "check the path, and that the card is mounted"
            }
        return Failure(.usage, "\(error.place): \(error.reason); expected the folder of an outbox; \(remedy)")
    }

    private static func readCheckpoint(_ path: String) throws(SystemError) -> StoredCheckpoint {
        guard let file = try StoredFile.open(path) else { return .none }
        let bytes = file.read(2 * Checkpoint.slotBytes, at: 0)
        func newest(_ part: ArraySlice<UInt8>) -> Checkpoint? {
            // In the place of the first slot or the second: a slot says itself what it is.
            Array(part).withUnsafeBytes { Checkpoint.newest(in: $0) }
        }
        let slots = [bytes.prefix(Checkpoint.slotBytes), bytes.dropFirst(Checkpoint.slotBytes)]
        guard let found = newest(bytes[...]) else {
            // Preallocated, and the power went before the first one was written.
            return bytes.allSatisfy { $0 == 0 } ? .none : .damaged
        }
        let isTorn = slots.contains { newest($0) == nil && !$0.allSatisfy { $0 == 0 } }
        return .sound(found, isOtherSlotTorn: isTorn)
    }

    // MARK: The memory tier

    private mutating func readRuntime() throws(Failure) {
        guard let folder = place.runtime, isDirectory(folder) else { return }
        do throws(SystemError) {
            let names = try listDirectory(folder)
            guard let open = try readOpenBatch(folder) else { return }
            runtime = open
            for name in names {
                guard let segment = SegmentName(name), segment.stream == open.stream else { continue }
                segments.append(StoredSegment(name: segment, path: folder + "/" + name, isInMemory: true))
            }
        } catch {
            throw Failure(
                .usage, "\(error.place): \(error.reason); expected the runtime folder of an agent; try again with sudo")
        }
    }

    /// Nil when the folder is not of this boot: the next agent empties it.
    private func readOpenBatch(_ folder: String) throws(SystemError) -> RuntimeTier? {
        guard let boot, let file = try StoredFile.open(folder + "/" + OpenBatch.fileName) else { return nil }
        let head = OpenBatch.fileBytes(capacity: 0), size = MemoryLayout<Reading>.stride
        guard file.bytes >= head, file.bytes <= 4 << 20, (file.bytes - head) % size == 0 else { return nil }
        var bytes = file.read(file.bytes, at: 0)
        guard bytes.count == file.bytes else { return nil }
        var slots: Checkpoint?
        if let cursors = try StoredFile.open(folder + "/cursors") {
            slots = cursors.read(2 * Checkpoint.slotBytes, at: 0).withUnsafeBytes { Checkpoint.newest(in: $0) }
        }
        return bytes.withUnsafeMutableBytes { memory in
            let open = OpenBatch(memory: memory, capacity: (memory.count - head) / size)
            guard open.belongs(to: boot) else { return nil }
            return RuntimeTier(
                stream: open.stream, openReadings: open.count, oldestOpen: open.readings.first?.acquired,
                nextNumber: Lane.allCases.map { open.nextSequence($0) }, firstAnchor: open.firstAnchor, cursors: slots)
        }
    }

    // MARK: What is acknowledged

    /// What runtime folder and checkpoint know of it together, as an agent that starts would have it.
    func acknowledged(_ stream: StreamID, _ lane: Lane) -> [SequenceRange] {
        var found = NumberSet()
        for cursor in [checkpoint.checkpoint?.cursor, runtime?.cursors?.cursor] {
            for range in cursor?[stream, lane].ranges ?? [] { found.insert(range) }
        }
        return found.ranges
    }

    /// What ties the boot of a stream to UTC, where its batches do not say it themselves.
    func anchor(of stream: StreamID) -> Anchor? {
        if let runtime, runtime.stream == stream, let anchor = runtime.firstAnchor { return anchor }
        guard let checkpoint = checkpoint.checkpoint, checkpoint.stream == stream, let utc = checkpoint.heartbeatUTC
        else { return nil }
        return Anchor(offsetNanoseconds: utc.nanoseconds &- checkpoint.heartbeat.nanoseconds, boundNanoseconds: 0)
    }

    /// The last number that was given in a lane, as far as the books tell; nil: nothing is known of the stream.
    func lastGiven(_ stream: StreamID, _ lane: Lane) -> UInt64? {
        if let runtime, runtime.stream == stream { return runtime.nextNumber[Int(lane.rawValue)] - 1 }
        guard let checkpoint = checkpoint.checkpoint, checkpoint.stream == stream else { return nil }
        return checkpoint.nextSequence[Int(lane.rawValue)] - 1
    }
}

/// Whether some process holds the lock of a folder, found without touching the lock: an agent that starts at the same
/// moment must not find it taken by whoever only looks (proc_locks(5)).
enum FolderUse {
    static func process(of folder: String) -> Int32? {
        var status = stat()
        guard stat(folder, &status) == 0, let bytes = try? readFile("/proc/locks", limit: 16 << 20) else { return nil }
        let device = UInt64(status.st_dev)
        let major = (device >> 8) & 0xFFF, minor = (device & 0xFF) | ((device >> 12) & 0xFFF00)
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 6, words[1] == "FLOCK", let process = Int32(words[4]) else { continue }
            let place = words[5].split(separator: ":")
            guard place.count == 3, UInt64(place[2]) == UInt64(status.st_ino), UInt64(place[0], radix: 16) == major,
                UInt64(place[1], radix: 16) == minor
            else { continue }
            return process
        }
        return nil
    }
}
