// Where a message goes: the node's topics by kind.

/// Which of the node's topics a message goes to.
public enum TopicKind: UInt8, Sendable, Hashable, CaseIterable {
    case status = 0
    case inventory = 1
    case readings = 2
    case history = 3
    case contributions = 4
    case events = 5
    case security = 6
    case health = 7
    case response = 8

    /// The last level of the topic; a response's topic also names the verb (see `Topics.response`).
    public var name: String {
        switch self {
        case .status: "status"
        case .inventory: "inventory"
        case .readings: "readings"
        case .history: "history"
        case .contributions: "contributions"
        case .events: "events"
        case .security: "security"
        case .health: "health"
        case .response: "response"
        }
    }

    /// Carries numbered batches. Only there does it matter that somebody subscribes: retained messages wait for
    /// readers.
    public var carriesBatches: Bool {
        switch self {
        case .readings, .history, .contributions, .events, .security: true
        case .status, .inventory, .health, .response: false
        }
    }
}
