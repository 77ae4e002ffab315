// A directory on flash, and what a power cut may make of it. A value: copy it to try another outcome from the same
// point.
//
// Fault model, after SQLite's test6.c. Every write, truncation, creation and removal is recorded until it is synced.
// When the power goes, each one that is not has an outcome of its own, whatever became of those before and after it:
//   - applied, or dropped; so a later one may be there though an earlier one is not (reordering);
//   - a write may be torn at a multiple of 512 bytes of its file, the smallest unit that flash replaces as a whole:
//     only what is before the edge arrived, or only what is behind it;
//   - a write's bytes may be zeros (the size was journalled, the content was not) or garbage (old blocks).
// Bytes outside the range of a write are never harmed (SQLite's "powersafe overwrite"). A hole reads as zeros. A file's
// entry in the directory is a change of its own: `sync` makes the content safe, `syncDirectory` the name. Content that
// was synced under a name that was not is gone with the name. What is synced is always there.
//
// A failed sync settles the file's unsynced changes at once, each by itself and unknown to the process: the kernel
// calls the pages clean, so no later sync will bring them to the flash, and reading shows either what was written or
// what is there.

public import World

/// One change of the directory or of a file's content.
public enum FlashChange: Hashable, Sendable {
    case create(file: String)
    case remove(file: String)
    case write(file: String, offset: Int, bytes: [UInt8])
    case truncate(file: String, bytes: Int)
}

/// What a power cut made of a change.
public enum FlashOutcome: Hashable, Sendable {
    case applied, dropped
    /// Only the write's bytes before this offset of the file (a multiple of 512 inside the write) arrived.
    case tornBefore(Int)
    /// Only those from this offset on arrived.
    case tornAfter(Int)
    case zeroed
    case garbage(seed: UInt64)
}

public struct Flash: Sendable {
    /// Both smallest replaced unit and smallest torn unit.
    public static let sectorBytes = 512

    /// A file by identity rather than by name: a file removed and created anew under its name is another one.
    private struct Recorded: Sendable {
        var node: UInt32
        var change: FlashChange
    }

    private var recorded: [Recorded] = []
    private var nextNode: UInt32 = 1
    /// What the process sees, and what is on the flash for sure.
    private var seenNames: [String: UInt32] = [:]
    private var seen: [UInt32: [UInt8]] = [:]
    private var safeNames: [String: UInt32] = [:]
    private var safe: [UInt32: [UInt8]] = [:]
    /// Sum of the sizes of all files that the process sees.
    public private(set) var bytesUsed = 0

    public init() {}

    /// All recorded changes that are not synced, oldest first: what `powerCut(keeping:)` decides about.
    public var unsynced: [FlashChange] { recorded.map(\.change) }

    public var entries: [FileEntry] {
        seenNames.keys.sorted().map { FileEntry(name: $0, bytes: seen[seenNames[$0]!]!.count) }
    }

    public func content(of file: String) -> [UInt8]? { seenNames[file].map { seen[$0]! } }

    /// By how much writing there would lengthen the file.
    func growth(of file: String, offset: Int, count: Int) -> Int {
        max(0, offset + count - (seenNames[file].map { seen[$0]!.count } ?? 0))
    }

    // MARK: What a process does

    public mutating func write(_ file: String, at offset: Int, _ bytes: [UInt8]) {
        invariant(offset >= 0, "\(file): negative offset")
        let node = seenNames[file] ?? create(file)
        change(node, .write(file: file, offset: offset, bytes: bytes))
    }

    /// False when there is no such file.
    public mutating func truncate(_ file: String, to bytes: Int) -> Bool {
        guard let node = seenNames[file] else { return false }
        change(node, .truncate(file: file, bytes: bytes))
        return true
    }

    /// False when there is no such file.
    public mutating func remove(_ file: String) -> Bool {
        guard let node = seenNames.removeValue(forKey: file) else { return false }
        bytesUsed -= seen.removeValue(forKey: node)!.count
        recorded.append(Recorded(node: node, change: .remove(file: file)))
        return true
    }

    /// False when there is no such file.
    public mutating func sync(_ file: String) -> Bool {
        guard let node = seenNames[file] else { return false }
        for entry in recorded where entry.node == node && !entry.change.isOfDirectory { settle(entry, .applied) }
        recorded.removeAll { $0.node == node && !$0.change.isOfDirectory }
        return true
    }

    public mutating func syncDirectory() {
        for entry in recorded where entry.change.isOfDirectory { settle(entry, .applied) }
        recorded.removeAll { $0.change.isOfDirectory }
        forgetUnreachable()
    }

    /// EIO from the sync of a file, or of the directory (nil).
    public mutating func failSync(_ file: String?, using random: inout Random) {
        let node = file.flatMap { seenNames[$0] }
        let isMeant = { (entry: Recorded) in
            node == nil ? entry.change.isOfDirectory : entry.node == node && !entry.change.isOfDirectory
        }
        // A failed fsync of a directory leaves its names in the kernel's cache: they may still be written later.
        guard let node else {
            for entry in recorded where isMeant(entry) && random.chance(1, in: 2) { settle(entry, .applied) }
            return
        }
        for entry in recorded where isMeant(entry) { settle(entry, entry.change.outcome(using: &random)) }
        recorded.removeAll(where: isMeant)
        if random.chance(1, in: 2) {
            bytesUsed += (safe[node]?.count ?? 0) - seen[node]!.count
            seen[node] = safe[node] ?? []
        }
    }

    /// Turns bits over in one byte, for good: flash that forgets. For tests of recovery.
    public mutating func flipBits(in file: String, at offset: Int, mask: UInt8) {
        guard let node = seenNames[file] else { invariantFailed("no file \(file)") }
        seen[node]![offset] ^= mask
        if offset < safe[node]?.count ?? 0 { safe[node]![offset] ^= mask }
    }

    // MARK: What a power cut does

    /// Every change gets an outcome that the seed chooses. Sometimes all are alike, or all from some point on are lost.
    public mutating func powerCut(using random: inout Random) {
        let kind = random.below(8)
        let point = Int(random.below(UInt64(recorded.count) + 1))
        powerCut { index, change in
            let outcome = change.outcome(using: &random)
            switch kind {
            case 0: return .dropped
            case 1: return .applied
            case 2: return index < point ? .applied : index == point ? outcome : .dropped
            default: return outcome
            }
        }
    }

    /// Every change gets the outcome that is answered for it (its place in `unsynced`, and the change).
    public mutating func powerCut(keeping choose: (Int, FlashChange) -> FlashOutcome) {
        for (index, entry) in recorded.enumerated() { settle(entry, choose(index, entry.change)) }
        recorded = []
        seenNames = safeNames
        forgetUnreachable()
        for node in safeNames.values where safe[node] == nil { safe[node] = [] }
        seen = safe
        bytesUsed = safeNames.values.reduce(0) { $0 + safe[$1]!.count }
    }

    // MARK: Parts

    private mutating func create(_ file: String) -> UInt32 {
        let node = nextNode
        nextNode += 1
        seenNames[file] = node
        seen[node] = []
        recorded.append(Recorded(node: node, change: .create(file: file)))
        return node
    }

    private mutating func change(_ node: UInt32, _ change: FlashChange) {
        let before = seen[node]!.count
        change.apply(.applied, to: &seen[node]!)
        bytesUsed += seen[node]!.count - before
        recorded.append(Recorded(node: node, change: change))
    }

    /// Carries a recorded change over to what is safe.
    private mutating func settle(_ entry: Recorded, _ outcome: FlashOutcome) {
        switch entry.change {
        case .create(let file): if outcome != .dropped { safeNames[file] = entry.node }
        case .remove(let file):
            // Only its own entry: another file of this name may have become safe before the removal did.
            if outcome != .dropped && safeNames[file] == entry.node { safeNames[file] = nil }
        case .write, .truncate: entry.change.apply(outcome, to: &safe[entry.node, default: []])
        }
    }

    private mutating func forgetUnreachable() {
        let named = recorded.lazy.filter(\.change.isOfDirectory).map(\.node)
        let reachable = Set(seenNames.values).union(safeNames.values).union(named)
        recorded.removeAll { !reachable.contains($0.node) }
        safe = safe.filter { reachable.contains($0.key) }
    }
}
