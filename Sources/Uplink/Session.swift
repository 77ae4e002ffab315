// The MQTT session as a pure state machine: it says when to connect, what may be sent and what an acknowledgement
// means. The Courier owns the broker seam and carries out what is said here.
//
//     idle ──start──▶ waiting ──due──▶ connecting ──connected──▶ online
//                        ▲                 │ ended, or no answer    │ ended
//                        └─────────────────┴────────────────────────┘
//
// - `status` is published first in every session, then `inventory` if it changed, then batches. Nothing is subscribed
//   unless commands are allowed.
// - The first attempt is at once; then full-jitter back-off, 1 s to 5 min, which starts over after a session that
//   lasted.
// - At most `window` messages are in flight: the smaller of our limit and the broker's receive maximum (MQTT 5 section
//   3.3.4) less a place that is left to `status`, and no more payload than `windowBytes` beyond the first message.
//   Events and security have a place more than the others, and room beyond `windowBytes`.
// - PUBACK below 0x80 acknowledges. 0x10 does too (nobody subscribes) and is told where it begins and ends, per topic.
//   From 0x80 on nothing is acknowledged, and sending to that topic pauses with a back-off of its own.
// - A broker that comes and goes, or fails in changing ways, is told by the rules of `FlapFilter`.

public import World

public struct SessionLimits: Sendable {
    public var window = 32
    public var windowBytes = 1 << 20
    public var firstDelay = Duration.seconds(1)
    public var longestDelay = Duration.seconds(300)
    /// A session that stayed this long resets the back-off.
    public var lasting = Duration.seconds(60)
    /// A connection that is neither made nor refused by then is given up. Above a silent name server's 10 s and a TLS
    /// handshake over a bad radio link.
    public var answerWithin = Duration.seconds(60)
    public init() {}
}

public struct Session: Sendable {
    public enum Phase: Sendable, Equatable { case idle, waiting, connecting, online }

    public enum Action: Sendable, Equatable {
        case none
        case connect
        /// No answer came: `disconnect` on the broker. `change` is what is to be told of it, as of `ended`.
        case abandon(change: FlapFilter.Verdict?)
    }

    /// What to do when a session has begun, after publishing `status`.
    public struct Greeting: Sendable, Equatable {
        public var publishesInventory: Bool
        public var subscribesCommands: Bool
        /// The first session of this process: the broker is there, rather than back.
        public var isFirst: Bool
        /// Nil: it was not told away. Otherwise tell that the broker is there, as the filter says.
        public var change: FlapFilter.Verdict?
    }

    public enum Acknowledgement: Sendable, Equatable {
        /// `audience`: whether somebody subscribes has changed for this topic.
        case acknowledged(Delivery, audience: Audience?)
        /// Not taken: offer it again when `mayPublish` says so. `isNews`: tell it; the topic's message before was not
        /// refused.
        case refused(Delivery, isNews: Bool)
        /// No such message is in flight.
        case unknown
    }

    public enum TopicReport: Sendable, Equatable {
        case began(changes: UInt64)
        case still(changes: UInt64)
        case ended
    }

    public enum Audience: Sendable, Equatable {
        case nobody
        /// Somebody subscribes again; so many messages found nobody.
        case back(messages: UInt64)
    }

    public let limits: SessionLimits
    public let allowsCommands: Bool
    public private(set) var phase = Phase.idle
    public private(set) var inFlight: InFlight
    /// The broker's limit for one packet, of the session that is online; nil: none told.
    public private(set) var maximumPacketBytes: UInt32?
    public private(set) var flaps = FlapFilter()
    /// Sessions that were made.
    public private(set) var sessions: UInt64 = 0

    private var backOff: BackOff
    private var window = 0
    /// When waiting: connect then. When connecting: give up then.
    private var due = Boottime.distantFuture
    private var onlineSince = Boottime.distantFuture
    private var inventoryIsDue = true
    /// What was last told of the broker; nil before anything was.
    private var told: Told?
    /// By the raw value of `TopicKind`.
    private var topics: [TopicState]

    private enum Told: Equatable, Sendable { case there, away(kind: Int) }

    /// Brokers permit and refuse by topic: one forbidden topic must not slow the others down.
    fileprivate struct TopicState: Sendable {
        /// Messages that found nobody; 0 while somebody subscribes.
        var unheard: UInt64 = 0
        var pause: BackOff
        var pausedUntil: Boottime?
        var isRefused = false
        var flaps = FlapFilter()
        /// Changes, from when flapping begins until that is told.
        var beganFlapping: UInt64?
    }

    public init(limits: SessionLimits, allowsCommands: Bool) {
        self.limits = limits
        self.allowsCommands = allowsCommands
        inFlight = InFlight(capacity: limits.window)
        backOff = BackOff(base: limits.firstDelay, cap: limits.longestDelay)
        topics = Array(repeating: TopicState(pause: backOff), count: TopicKind.allCases.count)
    }

    /// When `step` wants to be called.
    public var deadline: Boottime {
        switch phase {
        case .idle: flaps.deadline
        case .waiting, .connecting: min(due, flaps.deadline)
        case .online:
            topics.reduce(flaps.deadline) { min($0, $1.pausedUntil ?? .distantFuture) }
        }
    }

    /// Begins: the first `step` connects.
    public mutating func start(at now: Boottime) {
        guard phase == .idle else { return }
        phase = .waiting
        due = now
    }

    /// Ends for good, after the Courier has disconnected.
    public mutating func stop() {
        phase = .idle
        leave()
    }

    public mutating func step(at now: Boottime, _ random: inout Random) -> Action {
        switch phase {
        case .idle: return .none
        case .waiting:
            guard now >= due else { return .none }
            phase = .connecting
            due = now + limits.answerWithin
            return .connect
        case .connecting:
            guard now >= due else { return .none }
            return .abandon(change: ended(.unreachable("no answer"), at: now, &random))
        case .online:
            for index in topics.indices where topics[index].isPauseOver(at: now) { topics[index].pausedUntil = nil }
            return .none
        }
    }

    /// An hourly count, or the end of flapping, to be told. To be asked whenever `deadline` has passed.
    public mutating func flapReport(at now: Boottime) -> FlapFilter.Report? { flaps.step(at: now) }

    /// A topic whose subscribers come and go, or that is refused now and then, told by the same rules: to be asked
    /// until nil, whenever the Courier wakes. Nothing waits for it, so it has no share in `deadline`.
    public mutating func topicReport(at now: Boottime) -> (topic: TopicKind, report: TopicReport)? {
        for topic in TopicKind.allCases {
            let index = Int(topic.rawValue)
            if let changes = topics[index].beganFlapping {
                topics[index].beganFlapping = nil
                return (topic, .began(changes: changes))
            }
            switch topics[index].flaps.step(at: now) {
            case .stillFlapping(let changes): return (topic, .still(changes: changes))
            case .ended: return (topic, .ended)
            case nil: continue
            }
        }
        return nil
    }

    // MARK: What the broker reports

    /// Nil: the session was given up in the meantime; disconnect.
    public mutating func connected(
        receiveMaximum: UInt16, maximumPacketBytes: UInt32?, at now: Boottime
    ) -> Greeting? {
        guard phase == .connecting else { return nil }
        phase = .online
        due = .distantFuture
        onlineSince = now
        sessions += 1
        // A receive maximum of 0 is a protocol error (MQTT 5 section 3.2.2.3.3); one message at a time offends nobody.
        // One place of the broker's is left to `status`, which may have to be said at any moment.
        window = max(1, min(limits.window, Int(receiveMaximum) - 1))
        self.maximumPacketBytes = maximumPacketBytes
        let change = told == .there ? nil : flaps.change(at: now)
        told = .there
        return Greeting(
            publishesInventory: inventoryIsDue, subscribesCommands: allowsCommands, isFirst: sessions == 1,
            change: change)
    }

    /// The session, or the attempt, has ended: everything in flight is to be offered again. Returns what is to be told
    /// of it; nil: nothing, it is as it was.
    public mutating func ended(
        _ fault: BrokerFault, at now: Boottime, _ random: inout Random
    ) -> FlapFilter.Verdict? {
        guard phase == .connecting || phase == .online else { return nil }
        if phase == .online, now - onlineSince >= limits.lasting { backOff.reset() }
        wait(at: now, &random)
        let state = Told.away(kind: fault.kind)
        if told == state { return nil }
        told = state
        return flaps.change(at: now)
    }

    public mutating func acknowledged(
        _ id: MessageID, reason: UInt8, at now: Boottime, _ random: inout Random
    ) -> Acknowledgement {
        guard phase == .online, let delivery = inFlight.take(id) else { return .unknown }
        if reason >= PublishReason.firstFailure {
            let isNews = topics[Int(delivery.topic.rawValue)].refuse(at: now, &random)
            return .refused(delivery, isNews: isNews)
        }
        if delivery.topic == .inventory { inventoryIsDue = false }
        let audience = topics[Int(delivery.topic.rawValue)].accept(
            reason, countsAudience: delivery.topic.carriesBatches, at: now)
        return .acknowledged(delivery, audience: audience)
    }

    // MARK: What may be sent

    /// The inventory has changed. Publish it now if online; otherwise the next greeting asks for it.
    public mutating func inventoryChanged() { inventoryIsDue = true }

    /// Whether a message with so much payload may be handed to the broker now.
    public func mayPublish(_ topic: TopicKind, bytes: Int, at now: Boottime) -> Bool {
        let isUrgent = topic == .events || topic == .security
        // One place of a window of some size is theirs: an alarm does not wait until history is acknowledged.
        guard phase == .online, inFlight.count < (isUrgent || window < 8 ? window : window - 1) else { return false }
        if let until = topics[Int(topic.rawValue)].pausedUntil, now < until { return false }
        return inFlight.isEmpty || isUrgent || inFlight.bytes + bytes <= limits.windowBytes
    }

    /// The broker has taken a QoS 1 message.
    public mutating func sent(_ id: MessageID, _ delivery: Delivery) {
        invariant(phase == .online, "a message was sent while \(phase)")
        inFlight.insert(id, delivery)
    }

    // MARK: Parts

    private mutating func wait(at now: Boottime, _ random: inout Random) {
        phase = .waiting
        due = now + backOff.next(&random)
        leave()
    }

    private mutating func leave() {
        inFlight.removeAll()
        window = 0
        maximumPacketBytes = nil
        onlineSince = .distantFuture
        // The next session may be another broker's; only how often it was refused is remembered.
        for index in topics.indices { topics[index].pausedUntil = nil }
    }
}

extension Session.TopicState {
    func isPauseOver(at now: Boottime) -> Bool { pausedUntil.map { now >= $0 } ?? false }

    /// True when it is to be told: the message before was not refused, and the topic is not flapping.
    mutating func refuse(at now: Boottime, _ random: inout Random) -> Bool {
        // The whole window may be refused at once: that is one reason to pause, not one per message.
        if pausedUntil == nil || isPauseOver(at: now) { pausedUntil = now + pause.next(&random) }
        guard !isRefused else { return false }
        isRefused = true
        return isToBeTold(at: now)
    }

    /// What is to be told of the audience, if anything.
    mutating func accept(_ reason: UInt8, countsAudience: Bool, at now: Boottime) -> Session.Audience? {
        pause.reset()
        isRefused = false
        guard countsAudience else { return nil }
        if reason == PublishReason.noMatchingSubscribers {
            unheard += 1
            return unheard == 1 && isToBeTold(at: now) ? .nobody : nil
        }
        guard unheard > 0 else { return nil }
        defer { unheard = 0 }
        return isToBeTold(at: now) ? .back(messages: unheard) : nil
    }

    private mutating func isToBeTold(at now: Boottime) -> Bool {
        switch flaps.change(at: now) {
        case .tell: return true
        case .beganFlapping(let changes):
            beganFlapping = changes
            return false
        case .counted: return false
        }
    }
}

extension BrokerFault {
    /// Faults of one kind are one state of things: the next attempt's failure of the same kind is no news.
    fileprivate var kind: Int {
        switch self {
        case .nameNotResolved: 0
        case .unreachable: 1
        case .tls: 2
        case .refused(let reason): 256 + Int(reason)
        case .protocolVersion: 3
        case .badFile: 4
        case .lost: 5
        case .tooLarge: 6
        case .notNow: 7
        }
    }
}
