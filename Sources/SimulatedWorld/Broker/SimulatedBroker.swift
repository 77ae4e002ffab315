// The Broker seam from a seed: an MQTT broker, the network to it and the client library, in one.
//
// Fault model. The broker can be away: connections end, and new ones are refused, find nobody, or wait in vain. A
// connection can be lost at any moment: of what the client had handed over, the first few messages (by seed) still
// arrive, without their acknowledgements. An acknowledgement can be late, and delays all behind it. A lost one silences
// the way back, as on a half-open TCP connection: messages still arrive, nothing is heard, until the client's
// keep-alive ends the session; or the broker swallows it and the session stays healthy. Quota exceeded: 0x97 and the
// message is not kept (MQTT 5); under 3.1.1, which has no such word, the connection is closed (3.1.1 section 3.3.5).
// A topic that the node may not publish to: 0x87, for that topic alone; under 3.1.1 it is closed likewise.
// Nobody subscribes: 0x10 (MQTT 5 only).
//
// Promises. Messages of a session arrive in the order of `publish`. No message is acknowledged with a reason below 0x80
// that is not in `received`. The end of a session is told once and ends everything of it. Wills are published when a
// session ends without DISCONNECT: at once, or after 1.5 keep-alives when the node lost its power and closed nothing.

import World

public final class SimulatedBroker {
    public struct Profile: Sendable {
        public var connect: ClosedRange<Duration> = .milliseconds(5)...(.milliseconds(400))
        /// One way.
        public var network: ClosedRange<Duration> = .milliseconds(1)...(.milliseconds(40))
        public var acknowledge: ClosedRange<Duration> = .zero...(.milliseconds(30))
        public var receiveMaximum: UInt16 = 20
        public var maximumPacketBytes: UInt32?
        public init() {}
    }

    /// How a broker can be away.
    public enum Absence: Hashable, Sendable {
        case unreachable, nameNotResolved
        /// Packets go nowhere: the attempt fails after half a minute.
        case silent
        /// CONNACK with this reason.
        case refusing(reason: UInt8)
    }

    public struct ReceivedMessage: Equatable, Sendable {
        public var topic: String
        public var payload: [UInt8]
        public var qualityOfService: UInt8
        public var isRetained: Bool
        public var at: VirtualTime
        /// Counts from 1.
        public var session: Int
        public var isWill: Bool
        /// False while nobody subscribed (reason 0x10).
        public var reachedSubscriber: Bool
    }

    /// Everything that the broker took, in order of arrival.
    public internal(set) var received: [ReceivedMessage] = []
    public internal(set) var retained: [String: ReceivedMessage] = [:]
    /// Sessions that were connected.
    public internal(set) var sessions = 0

    // Faults, as the driver of the simulation switches them.
    public internal(set) var absence: Absence?
    public var isQuotaExceeded = false { willSet { settle() } }
    public var hasSubscribers = true { willSet { settle() } }
    /// The last level of topics that the node may not publish to.
    public var refusedTopics: Set<String> = [] { willSet { settle() } }

    let clock: SimulatedClock
    let profile: Profile
    let trace: Trace?
    var random: Random
    var session: Session?
    /// Of a node that lost its power: published when the broker gives the session up.
    var orphanedWill: (due: VirtualTime, message: BrokerMessage, session: Int)?
    var acknowledgementsToSwallow = 0
    var losesNextAcknowledgement = false
    var nextAcknowledgementLate = Duration.zero
    private(set) var life = 0

    public init(clock: SimulatedClock, seed: UInt64, profile: Profile = Profile(), trace: Trace? = nil) {
        self.clock = clock
        self.profile = profile
        self.trace = trace
        random = Random(seed: seed, purpose: "broker")
    }

    /// What a process that starts now is given. Clients given before are dead.
    public func client() -> Client {
        invariant(session == nil, "the process before has not ended: crashProcess() or powerCut() first")
        life += 1
        return Client(broker: self, life: life)
    }

    func forgetProcess() {
        session = nil
        life += 1
    }

    /// What was received since this was last asked, for a run too long to keep it all; then `received` is empty.
    public func takeReceived() -> [ReceivedMessage] {
        settle()
        defer { received.removeAll(keepingCapacity: true) }
        return received
    }

    /// When the next event for the client is due, or the next happening at the broker; nil when there is none.
    public var nextDeadline: VirtualTime? {
        settle()
        let due = min(session?.nextHappening ?? .distantFuture, orphanedWill?.due ?? .distantFuture)
        let event = session?.events.first?.at ?? .distantFuture
        let earliest = min(due, event)
        return earliest == .distantFuture ? nil : max(earliest, clock.elapsed)
    }

    // MARK: What happens by itself

    /// Lets everything happen that is due by now, in order of time.
    func settle() {
        while true {
            let ofSession = session?.nextHappening ?? .distantFuture
            let ofWill = orphanedWill?.due ?? .distantFuture
            guard min(ofSession, ofWill) <= clock.elapsed else { return }
            if ofWill <= ofSession { publishOrphanedWill(at: ofWill) } else { moveSessionOn(at: ofSession) }
        }
    }

    private func moveSessionOn(at moment: VirtualTime) {
        switch session!.phase {
        case .connecting: answerConnect(at: moment)
        case .connected:
            if session!.diesAt <= moment {
                endSession(.lost("nothing heard for a whole keep-alive"), at: moment)
            } else {
                let packet = session!.upstream.removeFirst()
                receive(packet, at: moment, isAnswered: true)
            }
        case .over: invariantFailed("a session that is over moves on")
        }
    }

    private func answerConnect(at moment: VirtualTime) {
        if let absence {
            let fault: BrokerFault =
                switch absence {
                case .unreachable: .unreachable("connection refused")
                case .nameNotResolved: .nameNotResolved(session!.parameters.address.host)
                case .silent: .unreachable("connection timed out")
                case .refusing(let reason): .refused(reason: reason)
                }
            session!.end(with: fault, at: moment)
            trace?.note("broker", "connection refused: \(absence)")
            return
        }
        publishOrphanedWill(at: moment)
        sessions += 1
        session!.phase = .connected
        session!.number = sessions
        session!.lastHeardFrom = moment
        session!.tell(
            .connected(receiveMaximum: profile.receiveMaximum, maximumPacketBytes: profile.maximumPacketBytes),
            at: moment)
        trace?.note("broker", "session \(sessions) of \(session!.parameters.clientID) begins")
    }

    /// One message has arrived. `isAnswered` false: the connection is gone, no acknowledgement can go back.
    func receive(_ packet: Session.Packet, at moment: VirtualTime, isAnswered: Bool) {
        let isVersion5 = session!.parameters.version == .v5
        let isForbidden = refusedTopics.contains { packet.message.topic.hasSuffix("/" + $0) }
        if isQuotaExceeded || isForbidden {
            guard isAnswered else { return }
            let why = isForbidden ? "not authorised" : "quota exceeded"
            trace?.note("broker", "refused \(packet.message.topic): \(why)")
            if !isVersion5 {
                endSession(.lost("closed by the broker"), at: moment)
            } else if packet.message.qualityOfService > 0 {
                acknowledge(packet.id, reason: isForbidden ? 0x87 : 0x97, at: moment)
            }
            return
        }
        store(packet.message, at: moment, session: session!.number, isWill: false)
        guard packet.message.qualityOfService > 0, isAnswered else { return }
        acknowledge(packet.id, reason: hasSubscribers || !isVersion5 ? 0 : 0x10, at: moment)
    }

    private func acknowledge(_ id: MessageID, reason: UInt8, at moment: VirtualTime) {
        if acknowledgementsToSwallow > 0 {
            acknowledgementsToSwallow -= 1
            trace?.note("broker", "acknowledgement of message \(id.rawValue) swallowed")
            return
        }
        if losesNextAcknowledgement {
            losesNextAcknowledgement = false
            session!.goSilent(at: moment)
            trace?.note("broker", "acknowledgement of message \(id.rawValue) lost: nothing goes back any more")
        }
        guard session!.diesAt == .distantFuture else { return }
        let late = nextAcknowledgementLate
        nextAcknowledgementLate = .zero
        let travel = random.duration(in: profile.acknowledge) + random.duration(in: profile.network)
        session!.tell(.acknowledged(id, reason: reason), at: moment + travel + late)
    }

    /// Keeps a message and passes it on to whoever subscribed.
    func store(_ message: BrokerMessage, at moment: VirtualTime, session number: Int, isWill: Bool) {
        let entry = ReceivedMessage(
            topic: message.topic, payload: message.payload, qualityOfService: message.qualityOfService,
            isRetained: message.isRetained, at: moment, session: number, isWill: isWill,
            reachedSubscriber: hasSubscribers)
        received.append(entry)
        // An empty retained message takes the kept one away (MQTT 5 section 3.3.1.3).
        if message.isRetained { retained[message.topic] = message.payload.isEmpty ? nil : entry }
        let what = isWill ? "will \(message.topic)" : message.topic
        trace?.note("broker", "received \(what), \(message.payload.count) bytes, session \(number)")
        passOn(message, at: moment)
    }

    func passOn(_ message: BrokerMessage, at moment: VirtualTime) {
        guard session?.phase == .connected, session!.diesAt == .distantFuture,
            session!.subscriptions.contains(where: { topicFilter($0, matches: message.topic) })
        else { return }
        var copy = message
        copy.isRetained = false
        session!.tell(.received(copy), at: moment + random.duration(in: profile.network))
    }

    private func publishOrphanedWill(at moment: VirtualTime) {
        guard let (_, message, number) = orphanedWill else { return }
        orphanedWill = nil
        store(message, at: moment, session: number, isWill: true)
    }

    /// The connection is gone at `moment`; the client, when there is still one, is told after a while.
    func endSession(_ fault: BrokerFault, at moment: VirtualTime) {
        guard let ending = session else { return }
        switch ending.phase {
        case .over: return
        case .connecting: session!.end(with: fault, at: moment)
        case .connected:
            receiveSomeOfWhatIsUnderWay(at: moment)
            let travel = ending.diesAt <= moment ? .zero : random.duration(in: profile.network)
            session!.end(with: fault, at: moment + travel)
            trace?.note("broker", "session \(ending.number) ends: \(fault)")
            if let will = ending.parameters.will { store(will, at: moment, session: ending.number, isWill: true) }
        }
    }

    /// TCP keeps the order: the first few of what was handed over arrive, the rest does not.
    func receiveSomeOfWhatIsUnderWay(at moment: VirtualTime) {
        let arriving = random.below(UInt64(session!.upstream.count) + 1)
        for packet in session!.upstream.prefix(Int(arriving)) { receive(packet, at: moment, isAnswered: false) }
        session!.upstream = []
    }
}
