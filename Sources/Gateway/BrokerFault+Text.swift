// What went wrong with the broker, in words for people: what happened, and what to look at.

public import World

extension BrokerFault {
    /// For people: what happened, and what to look at.
    public var text: String {
        switch self {
        case .nameNotResolved(let name):
            "the broker's name does not resolve: \(name); check broker.url and the name server"
        case .unreachable(let why): "unreachable: \(why)"
        case .tls(let why): "TLS: \(why); check broker.ca and the broker's certificate"
        case .refused(let reason): "refused the connection: \(ConnectReason.text(reason))"
        case .protocolVersion: "speaks another version of MQTT; set broker.version"
        case .badFile(let why): why
        case .lost(let why): "connection lost: \(why)"
        case .tooLarge: "message too large"
        case .notNow: "no session"
        }
    }
}

/// CONNACK reason codes in words (MQTT 5 section 3.2.2.2).
public enum ConnectReason {
    public static func text(_ code: UInt8) -> String {
        switch code {
        case 0x84: "unsupported protocol version"
        case 0x85: "client identifier not valid (it is node.id)"
        case 0x86: "bad user name or password"
        case 0x87: "not authorised"
        case 0x88: "server unavailable"
        case 0x89: "server busy"
        case 0x8A: "banned"
        case 0x8C: "bad authentication method"
        case 0x95: "packet too large"
        case 0x97: "quota exceeded"
        case 0x9C, 0x9D: "use another server"
        case 0x9F: "connection rate exceeded"
        default: "reason 0x\(String(code, radix: 16))"
        }
    }
}
