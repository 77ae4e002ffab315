// What has been handed to the broker and not yet acknowledged: a small table, never larger than the window.
//
// It is the only place that knows which batches a PUBACK speaks of. When a session ends the table is emptied, and
// everything that was in it is offered again from the outbox's cursor.

public import World

/// What one message carries.
public struct Delivery: Sendable, Equatable {
    public var topic: TopicKind
    public var lane: Lane
    public var stream: UInt64
    /// The first of `count` consecutive batches; both 0 for messages that carry none.
    public var firstSeq: UInt64
    public var count: UInt32
    /// Size of the payload.
    public var bytes: UInt32

    public init(topic: TopicKind, lane: Lane, stream: UInt64, firstSeq: UInt64, count: UInt32, bytes: UInt32) {
        self.topic = topic
        self.lane = lane
        self.stream = stream
        self.firstSeq = firstSeq
        self.count = count
        self.bytes = bytes
    }

    /// Names numbers that were left out: carries no batches itself.
    public static func numbersOnly(_ topic: TopicKind, bytes: UInt32) -> Delivery {
        Delivery(topic: topic, lane: .readings, stream: 0, firstSeq: 0, count: 0, bytes: bytes)
    }

    /// `status` or `inventory`: carries no batches, concerns no cursor.
    public static func retained(_ topic: TopicKind, bytes: UInt32) -> Delivery {
        Delivery(topic: topic, lane: .events, stream: 0, firstSeq: 0, count: 0, bytes: bytes)
    }
}

public struct InFlight: Sendable {
    public let capacity: Int
    /// In no particular order. Acknowledgements come nearly in order and the table is small: a search from the front
    /// beats a dictionary.
    private var ids: [UInt16] = []
    private var deliveries: [Delivery] = []
    /// Payload bytes of everything in the table.
    public private(set) var bytes = 0

    public init(capacity: Int) {
        invariant(capacity > 0, "a window of \(capacity) messages")
        self.capacity = capacity
        ids.reserveCapacity(capacity)
        deliveries.reserveCapacity(capacity)
    }

    public var count: Int { ids.count }
    public var isEmpty: Bool { ids.isEmpty }
    public var isFull: Bool { ids.count >= capacity }

    /// What is in flight, in no particular order.
    public var all: [Delivery] { deliveries }

    public mutating func insert(_ id: MessageID, _ delivery: Delivery) {
        invariant(!isFull, "more than \(capacity) messages in flight")
        invariant(!ids.contains(id.rawValue), "message \(id.rawValue) is in flight twice")
        ids.append(id.rawValue)
        deliveries.append(delivery)
        bytes += Int(delivery.bytes)
    }

    /// Takes a delivery out; nil when it is not there: acknowledged already, or of an earlier session.
    public mutating func take(_ id: MessageID) -> Delivery? {
        guard let index = ids.firstIndex(of: id.rawValue) else { return nil }
        let delivery = deliveries[index]
        ids.swapAt(index, ids.count - 1)
        deliveries.swapAt(index, deliveries.count - 1)
        ids.removeLast()
        deliveries.removeLast()
        bytes -= Int(delivery.bytes)
        return delivery
    }

    public mutating func removeAll() {
        ids.removeAll(keepingCapacity: true)
        deliveries.removeAll(keepingCapacity: true)
        bytes = 0
    }
}
