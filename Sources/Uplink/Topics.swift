// The node's topics: the contract with the city platform.
//
// All lie under one root, by default `cityedge/v1/{city}/{node}`, so that one pattern per node is the broker's whole
// access list (client id = node id = certificate CN). Every level matches [a-z0-9_-]+.
//
// | topic                                | what                                                      | QoS | retained |
// |--------------------------------------|-----------------------------------------------------------|-----|----------|
// | `status`                             | online, offline (the will): `Status`                      | 1   | yes      |
// | `inventory`                          | sensors, channels, units, scales, location: `Inventory`   | 1   | yes      |
// | `readings`                           | live batches of readings: `SenMLEncoder`                  | 1   | no       |
// | `history`                            | late batches of readings, several per message             | 1   | no       |
// | `contributions`, `events`, `security`| batches of the other lanes: `LaneEncoder`                 | 1   | no       |
// | `health`                             | the metrics of /metrics by the same names, every 60 s     | 0   | no       |
// | `cmd/{verb}`                         | commands to the node; refused unless allowed by name      | 1   | refused  |
// | `cmd/{verb}/response`                | the node's answers                                        | 1   | no       |
//
// `readings` and `history` together are complete: a batch goes to exactly one of them, a repeat of it to the same one
// unless it has become too old for `readings` meanwhile.

public import World

public struct Topics: Sendable, Equatable {
    public let root: String
    public let status: String
    public let inventory: String
    public let readings: String
    public let history: String
    public let contributions: String
    public let events: String
    public let security: String
    public let health: String
    /// What a node subscribes to when commands are allowed. Does not match the responses: `+` is one level
    /// (MQTT 5 section 4.7.1.3).
    public let commandFilter: String

    /// Nil when the root is not legal: see `isLegal`.
    public init?(root: String) {
        guard Self.isLegal(root) else { return nil }
        self.root = root
        status = root + "/status"
        inventory = root + "/inventory"
        readings = root + "/readings"
        history = root + "/history"
        contributions = root + "/contributions"
        events = root + "/events"
        security = root + "/security"
        health = root + "/health"
        commandFilter = root + "/cmd/+"
    }

    /// The topic of a kind; `verb` is asked for by responses only.
    public func topic(_ kind: TopicKind, verb: String = "") -> String {
        switch kind {
        case .status: status
        case .inventory: inventory
        case .readings: readings
        case .history: history
        case .contributions: contributions
        case .events: events
        case .security: security
        case .health: health
        case .response: response(to: verb)
        }
    }

    /// The topic that a batch of the lane goes to. `isLate` concerns readings only: other lanes have absolute keys.
    public func kind(of lane: Lane, isLate: Bool) -> TopicKind {
        switch lane {
        case .readings: isLate ? .history : .readings
        case .contributions: .contributions
        case .events: .events
        case .security: .security
        }
    }

    public func command(_ verb: String) -> String { root + "/cmd/" + verb }

    public func response(to verb: String) -> String { root + "/cmd/" + verb + "/response" }

    /// The verb of a command topic of this node; nil for every other topic and for a verb that is not
    /// `[a-z0-9_-]{1,32}`. The topic comes from outside: nothing of it is trusted.
    public func verb(of topic: String) -> String? {
        let prefix = root + "/cmd/"
        guard topic.utf8.count <= prefix.utf8.count + Self.longestVerb, topic.hasPrefix(prefix) else { return nil }
        let verb = topic.dropFirst(prefix.count)
        guard !verb.isEmpty, verb.utf8.allSatisfy(Self.isLevelByte) else { return nil }
        return String(verb)
    }

    /// One or more levels of `[a-z0-9_-]+`, separated by single slashes, none at either end; 1,024 bytes at most.
    public static func isLegal(_ topic: String) -> Bool {
        guard topic.utf8.count <= longestRoot else { return false }
        var levelBytes = 0
        for byte in topic.utf8 {
            if byte == UInt8(ascii: "/") {
                guard levelBytes > 0 else { return false }
                levelBytes = 0
            } else {
                guard isLevelByte(byte) else { return false }
                levelBytes += 1
            }
        }
        return levelBytes > 0
    }

    /// Far below MQTT's limit: brokers and access lists have smaller ones.
    static let longestRoot = 1_024
    static let longestVerb = 32

    private static func isLevelByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
