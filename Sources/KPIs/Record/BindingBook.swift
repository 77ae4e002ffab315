// Bindings by their ids across messages. A message of a node of ours says what it cites; this is for messages that
// were taken apart on their way, and came in any order.
//
// Bounded: the newest 65,536 bindings are known, and contributions that wait for theirs take up to 4 MiB. What comes
// beyond is given up and counted.

/// A contribution whose binding its message does not say.
public struct UnboundContribution: Equatable, Sendable {
    public var binding: UInt64
    /// The item.
    public var bytes: [UInt8]
}

public struct BindingBook: Sendable {
    public static let mostBindings = 65_536
    public static let mostWaitingBytes = 4 << 20

    private struct Key: Hashable {
        /// An id means something within its node: who can write for one node must not be able to for another.
        var node: String
        var id: UInt64
    }
    private struct Waiting: Hashable {
        var stream: UInt64
        var bytes: [UInt8]
    }
    /// What came of contributions that had to be completed.
    public struct Completed: Sendable {
        public var contributions: [(contribution: Contribution, node: String, stream: UInt64)] = []
        public var refused: [ContributionFault] = []
    }

    private var known: [Key: ContributionBinding] = [:]
    /// In the order of their arrival, from `oldest` on around.
    private var arrivals: [Key] = []
    private var oldest = 0
    private var waiting: [Key: Set<Waiting>] = [:]
    private var waitingBytes = 0
    /// Contributions that wait for their binding.
    public private(set) var waitingCount = 0

    public init() {}

    /// Takes up what a message says, and gives back what is complete now.
    public mutating func take(_ batch: ContributionBatch) -> Completed {
        var completed = Completed()
        for binding in batch.bindings { learn(binding, Key(node: batch.node, id: binding.id), &completed) }
        for item in batch.unbound {
            let key = Key(node: batch.node, id: item.binding)
            complete(Waiting(stream: batch.stream, bytes: item.bytes), key, &completed)
        }
        return completed
    }

    /// Takes over all of another book.
    public mutating func take(_ other: BindingBook) -> Completed {
        var completed = Completed()
        for place in other.arrivals.indices {
            let key = other.arrivals[(other.oldest + place) % other.arrivals.count]
            if let binding = other.known[key] { learn(binding, key, &completed) }
        }
        for (key, items) in other.waiting { for item in items { complete(item, key, &completed) } }
        return completed
    }

    private mutating func learn(_ binding: ContributionBinding, _ key: Key, _ completed: inout Completed) {
        guard known.updateValue(binding, forKey: key) == nil else { return }
        if arrivals.count < Self.mostBindings {
            arrivals.append(key)
        } else {
            known[arrivals[oldest]] = nil
            arrivals[oldest] = key
            oldest = (oldest + 1) % arrivals.count
        }
        guard let items = waiting.removeValue(forKey: key) else { return }
        for item in items {
            waitingCount -= 1
            waitingBytes -= item.bytes.count
            complete(item, key, &completed)
        }
    }

    private mutating func complete(_ item: Waiting, _ key: Key, _ completed: inout Completed) {
        guard let binding = known[key] else {
            guard waitingBytes + item.bytes.count <= Self.mostWaitingBytes else {
                return completed.refused.append(.unknownBinding(key.id))
            }
            guard waiting[key, default: []].insert(item).inserted else { return }
            waitingCount += 1
            waitingBytes += item.bytes.count
            return
        }
        do throws(ContributionFault) {
            let parsed = try ContributionItem.parse(item.bytes, known: [key.id: binding])
            guard case .contribution(let contribution) = parsed else { return }
            completed.contributions.append((contribution, key.node, contribution.ofStream ?? item.stream))
        } catch {
            completed.refused.append(error)
        }
    }
}
