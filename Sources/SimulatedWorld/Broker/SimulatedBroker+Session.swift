// One session: what is under way in both directions, and what the client may still be told.

import World

extension SimulatedBroker {
    struct Session {
        struct Packet {
            var id: MessageID
            var message: BrokerMessage
            var arrives: VirtualTime
        }

        enum Phase { case connecting, connected, over }

        var parameters: SessionParameters
        var phase = Phase.connecting
        /// Set when connected.
        var number = 0
        var answeredAt: VirtualTime
        var upstream: [Packet] = []
        var events: [(at: VirtualTime, event: BrokerEvent)] = []
        /// What the client has not seen an acknowledgement of.
        var unacknowledged: Set<MessageID> = []
        var subscriptions: [String] = []
        /// When the client's keep-alive gives up on a connection that has fallen silent.
        var diesAt = VirtualTime.distantFuture
        var lastHeardFrom: VirtualTime
        private var lastID: UInt16 = 0

        init(parameters: SessionParameters, answeredAt: VirtualTime) {
            self.parameters = parameters
            self.answeredAt = answeredAt
            lastHeardFrom = answeredAt
        }

        /// When something happens to it by itself.
        var nextHappening: VirtualTime {
            switch phase {
            case .connecting: answeredAt
            case .connected: min(upstream.first?.arrives ?? .distantFuture, diesAt)
            case .over: .distantFuture
            }
        }

        /// Without a keep-alive only TCP's own retransmission time-out is left (RFC 9293 section 3.8.3: minutes).
        var keepAlive: Duration {
            parameters.keepAliveSeconds == 0 ? .seconds(900) : .seconds(Int64(parameters.keepAliveSeconds))
        }

        /// Events reach the client in the order in which they were sent.
        mutating func tell(_ event: BrokerEvent, at moment: VirtualTime) {
            events.append((max(moment, events.last?.at ?? moment), event))
        }

        /// Nothing more reaches the client from now on.
        mutating func goSilent(at moment: VirtualTime) {
            diesAt = min(diesAt, moment + keepAlive)
            events.removeAll { $0.at > moment }
        }

        /// What had reached the client by now it may still read; then it is told of the end.
        mutating func end(with fault: BrokerFault, at moment: VirtualTime) {
            events.removeAll { $0.at > moment }
            phase = .over
            tell(.ended(fault), at: moment)
        }

        mutating func nextID() -> MessageID {
            repeat {
                lastID = lastID == .max ? 1 : lastID + 1
            } while unacknowledged.contains(MessageID(rawValue: lastID))
            return MessageID(rawValue: lastID)
        }
    }
}

/// MQTT 5 section 4.7: `+` is one level, `#` the rest and the level above; neither matches a first level that begins
/// with `$`.
func topicFilter(_ filter: String, matches topic: String) -> Bool {
    let wanted = filter.split(separator: "/", omittingEmptySubsequences: false)
    let levels = topic.split(separator: "/", omittingEmptySubsequences: false)
    if topic.hasPrefix("$") && (wanted[0] == "#" || wanted[0] == "+") { return false }
    for (index, level) in wanted.enumerated() {
        if level == "#" { return true }
        guard index < levels.count, level == "+" || level == levels[index] else { return false }
    }
    return wanted.count == levels.count
}
