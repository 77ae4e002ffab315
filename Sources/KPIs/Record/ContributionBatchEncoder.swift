// Contributions to the items of batches: what several of them have in common is said once.
//
// - Each batch is complete in itself: a binding stands before the first contribution that cites it, in the same batch.
// - A contribution that is alone of its binding is written in one piece, which is shorter than both.
// - A batch ends before 64 KiB or 1,000 items, so that its message passes the brokers; a single item may be longer.

public struct ContributionBatchEncoder: Sendable {
    public static let longestBytes = 64 << 10
    public static let mostItems = 1_000

    private var bindings: [(binding: ContributionBinding, id: UInt64, uses: Int)] = []
    private var contributions: [(contribution: Contribution, binding: Int)] = []

    public init() {}

    public var isEmpty: Bool { contributions.isEmpty }

    public mutating func append(_ contribution: Contribution) {
        if let last = contributions.last, bindings[last.binding].binding.isBinding(of: contribution) {
            return append(contribution, last.binding)
        }
        if let index = bindings.firstIndex(where: { $0.binding.isBinding(of: contribution) }) {
            return append(contribution, index)
        }
        let binding = ContributionBinding(of: contribution)
        bindings.append((binding, binding.id, 0))
        append(contribution, bindings.count - 1)
    }

    private mutating func append(_ contribution: Contribution, _ index: Int) {
        bindings[index].uses += 1
        contributions.append((contribution, index))
    }

    /// The bodies of the items (each without its braces, beginning with `kind`), batch by batch; empty when nothing
    /// was appended.
    public func batches() -> [[[UInt8]]] {
        var batches: [[[UInt8]]] = []
        var batch: [[UInt8]] = []
        var bytes = 0
        var said: Set<Int> = []
        for (contribution, index) in contributions {
            let (binding, id, uses) = bindings[index]
            var body: [UInt8] = []
            var naming: [UInt8] = []
            if uses == 1 {
                contribution.encodeBody(into: &body)
            } else {
                contribution.encodeBody(citing: binding, id, into: &body)
                if !said.contains(index) { binding.encodeBody(into: &naming) }
            }
            if !batch.isEmpty,
                bytes + body.count + naming.count > Self.longestBytes || batch.count + 2 > Self.mostItems
            {
                batches.append(batch)
                batch = []
                bytes = 0
                said = []
                if uses > 1, naming.isEmpty { binding.encodeBody(into: &naming) }
            }
            if uses > 1, said.insert(index).inserted { batch.append(naming) }
            batch.append(body)
            bytes += body.count + naming.count
        }
        if !batch.isEmpty { batches.append(batch) }
        return batches
    }
}
