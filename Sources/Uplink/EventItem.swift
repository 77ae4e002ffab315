// The bodies of the events that every node can send: what changed, said once at the change. Names and fields are the
// contract; members that are not known are left out, never null.
//
// | kind                | members                                                                                     |
// |---------------------|---------------------------------------------------------------------------------------------|
// | `tombstone`         | `stream`, `lane`, `first`, `last` (neither for readings that never were in a batch),        |
// |                     | `channels` {name: readings, or records of another lane under its name}, `reason`; windows   |
// |                     | of readings told before are counted as `{channel}/min`, `/mean`, `/max`, `/count`, `/kept`  |
// | `anchor`            | `boot`, `utc_at_boot_ns` (text: UTC at CLOCK_BOOTTIME 0), `bound_ms` (rounded up)           |
// | `stream`            | `stream`, `previous`, `previous_last` {lane: last number known on flash}, `loss_window_s`:  |
// |                     | of the stream before, up to so much after those numbers may be missing                      |
// | `sensor`            | `sensor`, `state` lost or back, `reason`                                                    |
// | `bus`               | `bus`, `state` lost (stuck: none of its sensors is read) or back                            |
// | `power`             | `sensor`, `state` lost (the mains: everything goes to flash) or back                        |
// | `battery`           | `sensor`, `state` low or ok                                                                 |
// | `tamper`            | `sensor`, `state` open or closed; on the security lane                                      |
// | `quality`           | `channel`, `quality` good, uncertain or bad: of its values from here on; `reason`           |
// | `broker`            | `state` lost or back, `reason`                                                              |
// | `counter_epoch`     | `sensor`, `channel`, `total` the count goes on from; `reason` meter set: read off the meter |
// | `flapping`          | `subject`, `state` began, still or ended, `changes`                                         |
// | `inventory`         | `config`: the configuration in force from here on                                           |
// | `disk`              | `state` ok, full, read_only or failed, `reason`                                             |
// | `nobody_subscribed` | `topic` (last level), `state` began or ended, `messages` acknowledged so                    |
// | `refused`           | `topic` (last level), `code` (MQTT 5 reason), `reason`                                      |
// | `alarm`             | `id`, `state` raised, cleared or unknown, `severity`, `channel` or `gauge`, `value` judged  |
// |                     | last, `unit`, `direction` above or below, `threshold`, `clear`, `since` (seconds to the     |
// |                     | item's own `t`, ≤ 0: the condition has held from there; unknown: a value was judged last),  |
// |                     | `reason` (of unknown), `initial` (true: the first since the process started)                |

public import World

public enum EventItem {
    public enum Presence: Sendable { case lost, back }
    public enum Span: Sendable { case began, still, ended }
    public enum DiskState: Sendable { case ok, full, readOnly, failed }

    /// Records that were given up. `channels` in the order that they are to be told in.
    public static func tombstone(
        stream: UInt64, lane: Lane, numbers: ClosedRange<UInt64>?, channels: [(name: String, count: UInt64)],
        reason: String
    ) -> [UInt8] {
        var body = ObjectBody(kind: "tombstone")
        body.stream("stream", stream)
        body.text("lane", lane.name)
        if let numbers {
            body.unsigned("first", numbers.lowerBound)
            body.unsigned("last", numbers.upperBound)
        }
        body.object("channels") { object in
            for channel in channels { object.unsigned(named: channel.name, channel.count) }
        }
        body.text("reason", reason)
        return body.bytes
    }

    /// What settles the unsettled batches of a boot.
    public static func anchor(boot: String, _ anchor: Anchor) -> [UInt8] {
        var body = ObjectBody(kind: "anchor")
        body.text("boot", boot)
        body.digits("utc_at_boot_ns", anchor.offsetNanoseconds)
        let (whole, rest) = anchor.boundNanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        body.integer("bound_ms", rest > 0 ? whole + 1 : whole)
        return body.bytes
    }

    /// The first event of a stream. `previous` nil: nothing of a stream before was found.
    public static func stream(
        _ stream: UInt64, previous: (stream: UInt64, last: [(lane: Lane, seq: UInt64)])?, lossWindow: Duration
    ) -> [UInt8] {
        var body = ObjectBody(kind: "stream")
        body.stream("stream", stream)
        if let previous {
            body.stream("previous", previous.stream)
            body.object("previous_last") { object in
                for entry in previous.last { object.unsigned(named: entry.lane.name, entry.seq) }
            }
        }
        body.decimal("loss_window_s", lossWindow.nanoseconds / 1_000_000, scale: -3)
        return body.bytes
    }

    public static func sensor(_ sensor: String, _ presence: Presence, reason: String? = nil) -> [UInt8] {
        var body = ObjectBody(kind: "sensor")
        body.text("sensor", sensor)
        body.literal("state", presence == .lost ? "lost" : "back")
        body.text("reason", ifPresent: reason)
        return body.bytes
    }

    public static func bus(_ bus: String, _ presence: Presence) -> [UInt8] {
        var body = ObjectBody(kind: "bus")
        body.text("bus", bus)
        body.literal("state", presence == .lost ? "lost" : "back")
        return body.bytes
    }

    public static func power(_ sensor: String, _ presence: Presence) -> [UInt8] {
        var body = ObjectBody(kind: "power")
        body.text("sensor", sensor)
        body.literal("state", presence == .lost ? "lost" : "back")
        return body.bytes
    }

    public static func battery(_ sensor: String, isLow: Bool) -> [UInt8] {
        var body = ObjectBody(kind: "battery")
        body.text("sensor", sensor)
        body.literal("state", isLow ? "low" : "ok")
        return body.bytes
    }

    public static func tamper(_ sensor: String, isOpen: Bool) -> [UInt8] {
        var body = ObjectBody(kind: "tamper")
        body.text("sensor", sensor)
        body.literal("state", isOpen ? "open" : "closed")
        return body.bytes
    }

    /// A channel's values from now on, while its sensor answers.
    public static func quality(channel: String, _ quality: Quality) -> [UInt8] {
        var body = ObjectBody(kind: "quality")
        body.text("channel", channel)
        switch quality.grade {
        case .good: body.literal("quality", "good")
        case .uncertain: body.literal("quality", "uncertain")
        case .bad: body.literal("quality", "bad")
        }
        if quality != .good { body.text("reason", quality.reason) }
        return body.bytes
    }

    public static func broker(_ presence: Presence, reason: String? = nil) -> [UInt8] {
        var body = ObjectBody(kind: "broker")
        body.literal("state", presence == .lost ? "lost" : "back")
        body.text("reason", ifPresent: reason)
        return body.bytes
    }

    /// A counter goes on from a checkpoint after a power cut: what it counted since is gone; or (`isSet`) from what was
    /// read off the meter. Either way the step of the total is no consumption. `total` in the channel's scale.
    public static func counterEpoch(
        sensor: String, channel: String, total: Int64, scale: Int8, isSet: Bool = false
    ) -> [UInt8] {
        var body = ObjectBody(kind: "counter_epoch")
        body.text("sensor", sensor)
        body.text("channel", channel)
        body.decimal("total", total, scale: scale)
        if isSet { body.literal("reason", "meter set") }
        return body.bytes
    }

    /// `subject`: `broker`, `sensor air`. `changes`: since it began, or since the last time it was told.
    public static func flapping(_ subject: String, _ span: Span, changes: UInt64) -> [UInt8] {
        var body = ObjectBody(kind: "flapping")
        body.text("subject", subject)
        switch span {
        case .began: body.literal("state", "began")
        case .still: body.literal("state", "still")
        case .ended: body.literal("state", "ended")
        }
        body.unsigned("changes", changes)
        return body.bytes
    }

    public static func inventory(config: String) -> [UInt8] {
        var body = ObjectBody(kind: "inventory")
        body.text("config", config)
        return body.bytes
    }

    public static func disk(_ state: DiskState, reason: String? = nil) -> [UInt8] {
        var body = ObjectBody(kind: "disk")
        switch state {
        case .ok: body.literal("state", "ok")
        case .full: body.literal("state", "full")
        case .readOnly: body.literal("state", "read_only")
        case .failed: body.literal("state", "failed")
        }
        body.text("reason", ifPresent: reason)
        return body.bytes
    }

    public static func nobodySubscribed(_ topic: TopicKind, _ span: Span, messages: UInt64) -> [UInt8] {
        var body = ObjectBody(kind: "nobody_subscribed")
        body.text("topic", topic.name)
        body.literal("state", span == .ended ? "ended" : "began")
        body.unsigned("messages", messages)
        return body.bytes
    }

    /// `value` in the rule's scale, nil when there is none; `since`: how long ago, ≤ 0.
    public static func alarm(
        _ rule: AlarmRule, _ state: AlarmRule.State, value: Int64?, since: Duration?, reason: String?, isInitial: Bool
    ) -> [UInt8] {
        var body = ObjectBody(kind: "alarm")
        body.text("id", rule.id)
        body.text("state", state.rawValue)
        body.text("severity", rule.severity.rawValue)
        body.text(rule.source == .gauge ? "gauge" : "channel", rule.name)
        if let value { body.decimal("value", value, scale: rule.scale) }
        body.text("unit", rule.unit)
        body.text("direction", rule.side.rawValue)
        body.decimal("threshold", rule.threshold.mantissa, scale: rule.threshold.exponent)
        body.decimal("clear", rule.clear.mantissa, scale: rule.clear.exponent)
        if let since { body.decimal("since", since.nanoseconds / 1_000, scale: -6) }
        body.text("reason", ifPresent: reason)
        if isInitial { body.flag("initial", true) }
        return body.bytes
    }

    /// The broker refused a message (PUBACK ≥ 0x80): it is offered again later.
    public static func refused(_ topic: TopicKind, code: UInt8) -> [UInt8] {
        var body = ObjectBody(kind: "refused")
        body.text("topic", topic.name)
        body.integer("code", Int64(code))
        body.text("reason", PublishReason.text(code))
        return body.bytes
    }
}

/// PUBACK reason codes in words (MQTT 5 section 3.4.2.1).
public enum PublishReason {
    /// Success, with nobody to receive it.
    public static let noMatchingSubscribers: UInt8 = 0x10

    /// Below, the broker has taken the message over.
    public static let firstFailure: UInt8 = 0x80

    public static func text(_ code: UInt8) -> String {
        switch code {
        case 0x00: "success"
        case noMatchingSubscribers: "nobody subscribes"
        case 0x80: "unspecified error"
        case 0x83: "refused by the broker for a reason of its own"
        case 0x87: "not authorised"
        case 0x90: "topic name not accepted"
        case 0x91: "packet identifier in use"
        case 0x97: "quota exceeded"
        case 0x99: "payload format invalid"
        default: "reason code \(code)"
        }
    }
}
