// Batches of contributions, events and security events as JSON, the payload of the topics of the same names.
//
// One message is one batch, one object:
//
//     {"v":1,"node":"lamppost-0042","stream":"7f3a91c2d04be815","lane":"events","seq":12,"clock":"synced",
//      "bt":1795257600.25,"config":"9c1e04d2","items":[{"t":0,"kind":"sensor","sensor":"air","state":"lost",
//      "reason":"no acknowledge"},{"t":0.42,"kind":"tombstone", …}]}
//
// - Times are SenML's, so that one rule serves all lanes. Settled: `bt` is the UTC of the first item in seconds (an
//   empty batch's: of its encoding), an item's moment is `bt` + `t`. Unsettled: `"clock":"unsettled"`, no `bt`, instead
//   `boot` and `boot_ns` (text), `not_before` and `not_after` as far as known, and `t` is at most 0, relative to the
//   moment of encoding. An item's `t` is always there, also when 0.
// - `v` is the version of this object. Readers refuse one that they do not know, and ignore members that they do not
//   know.
// - An item's body is stored as it is sent: everything of the item but `t`, beginning with `kind` (`EventItem`).
// - A batch without items has an empty `items`.

public import World

/// One record of such a lane, as the outbox keeps it.
public struct LaneItem: Sendable, Equatable {
    public var time: Boottime
    /// The inside of a JSON object, without braces (`ObjectBody.bytes`). Not empty.
    public var body: [UInt8]

    public init(time: Boottime, body: [UInt8]) {
        self.time = time
        self.body = body
    }
}

public struct LaneEncoder: Sendable {
    private let node: String
    private var time: TimeBase?
    private var items = 0

    public init(node: String) { self.node = node }

    /// A whole message.
    public mutating func encode(
        _ head: BatchHead, lane: Lane, _ items: [LaneItem], encodedAt: Boottime, into buffer: inout PayloadBuffer
    ) {
        begin(head, lane: lane, first: items.first?.time, encodedAt: encodedAt, into: &buffer)
        for item in items {
            item.body.withUnsafeBytes { append(time: item.time, body: $0, into: &buffer) }
        }
        end(into: &buffer)
    }

    /// Begins a message; what the buffer held is gone. `first` is the moment of the first item, nil when there is none;
    /// `encodedAt` is on the clock of the batch's own boot, as `SenMLEncoder` has it.
    public mutating func begin(
        _ head: BatchHead, lane: Lane, first: Boottime?, encodedAt: Boottime, into buffer: inout PayloadBuffer
    ) {
        let time = TimeBase(anchor: head.anchor, first: first, encodedAt: encodedAt)
        self.time = time
        items = 0
        buffer.removeAll()
        buffer.append("{\"v\":1,\"node\":")
        buffer.append(quoted: node)
        buffer.append(",\"stream\":\"")
        buffer.append(hexadecimal: head.stream)
        buffer.append("\",\"lane\":")
        buffer.append(quoted: lane.name)
        buffer.append(",\"seq\":")
        buffer.append(unsigned: head.seq)
        switch time.clock {
        case .synced:
            buffer.append(",\"clock\":\"synced\",\"bt\":")
            buffer.append(secondsOfMicroseconds: time.microseconds)
        case .unsettled:
            buffer.append(",\"clock\":\"unsettled\",")
            buffer.append(bootOf: head, time)
        }
        buffer.append(",\"config\":")
        buffer.append(quoted: head.config)
        buffer.append(",\"items\":[")
    }

    public mutating func append(time moment: Boottime, body: UnsafeRawBufferPointer, into buffer: inout PayloadBuffer) {
        guard let time else { invariantFailed("an item outside of a message") }
        invariant(!body.isEmpty, "an item says at least its kind")
        if items > 0 { buffer.append(",{\"t\":") } else { buffer.append("{\"t\":") }
        items += 1
        buffer.append(secondsOfMicroseconds: time.offset(of: moment))
        buffer.append(",")
        buffer.append(body)
        buffer.append("}")
    }

    public mutating func end(into buffer: inout PayloadBuffer) {
        invariant(time != nil, "the end of a message that did not begin")
        buffer.append("]}")
        time = nil
    }
}
