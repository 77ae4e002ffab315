// The Courier owns the outbox and the broker session. It takes readings from the ring, seals them into batches, folds them into
// KPIs, offers what is sealed and moves cursors on acknowledgement. It never waits: disk and broker answer later.
//
// `step` does everything that is due and says when it wants to be called again; an answer of disk or broker, or news from the
// Sampler, may call it earlier. `Courier+Session.swift` speaks with the broker, `Courier+KPIs.swift` feeds the second consumer.

public import KPIs
public import Outbox
public import Uplink
public import World

/// What a Courier is told of the node, beside its parts.
public struct CourierPlan: Sendable {
    public var nodeID: String
    public var city: String
    public var version: String
    public var boardSerial: String?
    public var topicRoot: String
    public var inventory: Inventory
    public var channels: ChannelTable
    public var sensorIDs: [String]
    /// By sensor: its counter's channel and scale, for the event that tells a new counter epoch.
    public var kpis: [KPIBinding]
    public var session: SessionParameters
    public var trustsSystemClock: Bool
    public var settleWait: Duration
    public var batchAge: Duration
    public var lossWindow: Duration
    public var checkpointEvery: Duration
    public var historyBytesPerSecond: Int?
    public var historyBatchesPerSecond: Int?
    /// The longest back-off between attempts to reach the broker.
    public var reconnectLongest: Duration

    public init(
        nodeID: String, city: String, version: String, boardSerial: String?, topicRoot: String, inventory: Inventory,
        channels: ChannelTable, sensorIDs: [String], kpis: [KPIBinding], session: SessionParameters,
        trustsSystemClock: Bool, settleWait: Duration, batchAge: Duration, lossWindow: Duration,
        checkpointEvery: Duration, historyBytesPerSecond: Int?, historyBatchesPerSecond: Int?,
        reconnectLongest: Duration
    ) {
        self.nodeID = nodeID
        self.city = city
        self.version = version
        self.boardSerial = boardSerial
        self.topicRoot = topicRoot
        self.inventory = inventory
        self.channels = channels
        self.sensorIDs = sensorIDs
        self.kpis = kpis
        self.session = session
        self.trustsSystemClock = trustsSystemClock
        self.settleWait = settleWait
        self.batchAge = batchAge
        self.lossWindow = lossWindow
        self.checkpointEvery = checkpointEvery
        self.historyBytesPerSecond = historyBytesPerSecond
        self.historyBatchesPerSecond = historyBatchesPerSecond
        self.reconnectLongest = reconnectLongest
    }
}

/// A line for the journal: a change of state, never a reading.
public struct JournalLine: Sendable, Equatable {
    public enum Level: Int, Sendable { case error = 3, warning = 4, notice = 5, information = 6 }
    public var level: Level
    public var text: String
    public init(_ level: Level, _ text: String) {
        self.level = level
        self.text = text
    }
}

public struct Courier<C: Clock, D: Disk & ~Copyable, R: Broker & ~Copyable>: ~Copyable {
    let clock: C
    let plan: CourierPlan
    public internal(set) var outbox: Outbox<D>
    var broker: R
    var session: Session
    var random: Random
    let topics: Topics

    // Input.
    let readings: Ring<Reading>
    let notices: Ring<Notice>
    let counters: CounterPage
    /// The ordinal last seen of each channel: a gap is readings that the ring refused.
    var ordinals: [UInt64]
    var refused: [UInt64]
    var hasRefused = false
    /// Readings that the process before left in the ring: numbered by another Sampler.
    var leftBehind: Int

    // Time.
    var settling: ClockSettling
    let startedAt: Boottime
    var hasSealedFirst = false
    var checkpointAt: Boottime
    var healthAt: Boottime
    /// A step began at.
    var now: Boottime

    // Output.
    var events: [Item] = []
    var securityEvents: [Item] = []
    var journal: [JournalLine] = []
    var flaps: [FlapFilter]
    var toldDisk = DiskState.fine
    var payload = PayloadBuffer()
    var senML: SenMLEncoder
    var lanes: LaneEncoder
    var fragments: [String: ChannelFragments] = [:]
    var historyAllowance = Allowance()
    var kpis: KPIFeed
    var hasTakenUpRecovery = false
    /// The stream is new: its first event names the one before.
    private let isNewStream: Bool
    /// Streams of earlier boots whose KPI windows are still to be finished, and the one that is being.
    var earlierStreams: [StreamID] = []
    var resume: StreamResume?
    var resumeIsDue = false
    /// Open windows were given out before the first spill of this outage.
    var hasGivenForOutage = false
    public internal(set) var figures = CourierFigures()

    /// Set once the stop has begun.
    var stop: Stop?

    public init(
        clock: C, plan: CourierPlan, outbox: consuming Outbox<D>, broker: consuming R, random: Random,
        readings: Ring<Reading>, notices: Ring<Notice>, counters: CounterPage
    ) {
        self.clock = clock
        self.plan = plan
        self.random = random
        self.readings = readings
        self.notices = notices
        self.counters = counters
        guard let topics = Topics(root: plan.topicRoot) else {
            invariantFailed("topic root \(plan.topicRoot) passed the configuration's checks")
        }
        self.topics = topics
        var limits = SessionLimits()
        limits.longestDelay = plan.reconnectLongest
        session = Session(limits: limits, allowsCommands: false)
        ordinals = [UInt64](repeating: 0, count: plan.channels.count)
        refused = ordinals
        // Killed between appending a reading and dropping it, the process before left it in both places.
        if let first = readings.peek(), first == outbox.openNewest { readings.drop() }
        leftBehind = readings.waiting
        settling = ClockSettling(trustsSystem: plan.trustsSystemClock)
        now = clock.now()
        startedAt = now
        checkpointAt = now + plan.checkpointEvery
        healthAt = now + Limits.healthEvery
        flaps = [FlapFilter](repeating: FlapFilter(), count: plan.sensorIDs.count)
        senML = SenMLEncoder(city: plan.city, node: plan.nodeID)
        lanes = LaneEncoder(node: plan.nodeID)
        kpis = KPIFeed(stream: outbox.stream, bindings: plan.kpis)
        isNewStream = outbox.nextSequence(.events) == 1
        self.outbox = outbox
        self.broker = broker
        kpis.takeUp(&self.outbox)
        session.start(at: now)
    }

    /// Lends the broker and the disk, for whoever waits on their descriptors.
    public mutating func withBroker<T>(_ body: (inout R) -> T) -> T { body(&broker) }
    public mutating func withDisk<T>(_ body: (inout D) -> T) -> T { body(&outbox.disk) }

    /// Lines for the journal since it was last asked.
    public mutating func takeJournal() -> [JournalLine] {
        defer { journal.removeAll(keepingCapacity: true) }
        return journal
    }

    /// Everything that has come through the ring is sealed and acknowledged.
    public var isDrained: Bool { readings.peek() == nil && outbox.openCount == 0 && events.isEmpty && outbox.isDrained }

    /// The Sampler has finished, with so many readings of each channel: seals what is open and gives out all KPI windows,
    /// as at an orderly stop, but goes on delivering.
    public mutating func sealWhatIsLeft(taken: [UInt64]) {
        _ = step()
        noteRefusedAtEnd(taken)
        sealReadings()
        provisionalKPIs()
        sealEvents()
    }

    public var isOnline: Bool { session.phase == .online }

    // MARK: The step

    public mutating func step() -> Boottime {
        now = clock.now()
        lookAtClock()
        takeUpRecovery()
        takeNotices()
        takeReadings()
        sealIfDue()
        giveBeforeOutage()
        outbox.step(now: now, isOffering: isOnline && mayOffer)
        feedKPIs()
        resumeIsDue = false
        resumeEarlierStreams()
        tellLosses()
        tellDisk()
        sealEvents()
        speakWithBroker()
        sealEvents()
        offer()
        checkpointIfDue()
        healthIfDue()
        if stop != nil { advanceStop() }
        outbox.saveCursors()
        return nextDeadline()
    }

    private func nextDeadline() -> Boottime {
        var next = min(session.deadline, broker.deadline(), checkpointAt, outbox.deadline())
        if let oldest = outbox.openOldest { next = min(next, oldest + sealAge) }
        if isOnline { next = min(next, healthAt) }
        next = min(next, historyAllowance.readyAt, kpis.deadline)
        for filter in flaps { next = min(next, filter.deadline) }
        if settling.anchor == nil {
            // Nothing tells when the clock settles: look once a second until it has, and when the wait is over.
            next = min(next, now + Limits.clockLookEvery)
        }
        if resumeIsDue { next = now }
        if mustAwaitStreamEvent { next = min(next, startedAt + Limits.recoveryWait) }
        if let stop { next = min(next, stop.nextStage) }
        return max(next, now)
    }

    /// Which deadlines have passed, for a report of a simulation that makes no progress.
    public var overdue: String {
        let due: [(String, Boottime)] = [
            ("session", session.deadline), ("broker", broker.deadline()), ("checkpoint", checkpointAt),
            ("outbox", outbox.deadline()), ("history", historyAllowance.readyAt), ("kpis", kpis.deadline),
            ("seal", outbox.openOldest.map { $0 + sealAge } ?? .distantFuture),
            ("stop", stop?.nextStage ?? .distantFuture), ("resume", resumeIsDue ? now : .distantFuture),
        ]
        return due.filter { $0.1 <= now }.map(\.0).joined(separator: ", ")
    }

    // MARK: Time

    private mutating func lookAtClock() {
        switch settling.look(at: now, { clock.wall() }) {
        case .none: return
        case .settled(let anchor):
            outbox.settle(anchor)
            event(EventItem.anchor(boot: outbox.boot.description, anchor))
            journal.append(JournalLine(.notice, "clock settled"))
            republishStatus()
        case .stepped(let anchor, let by):
            event(EventItem.anchor(boot: outbox.boot.description, anchor))
            journal.append(JournalLine(.warning, "clock stepped by \(by)"))
        }
    }

    /// What ties this boot to UTC: the present anchor, or, when this process has not seen a trusted clock yet, that of the
    /// process before.
    var knownAnchor: Anchor? { settling.anchor ?? outbox.firstAnchor }

    /// Unsettled batches wait for the clock, but not for ever.
    var mayOffer: Bool { knownAnchor != nil || now - startedAt >= plan.settleWait || stop != nil }

    // MARK: Readings

    private mutating func takeReadings() {
        while let reading = readings.peek() {
            let index = Int(reading.channel.rawValue)
            if index < ordinals.count {
                let expected = ordinals[index] &+ 1
                // Of a Sampler before ours nobody knows what it had counted up to.
                let isKnown = leftBehind == 0 || ordinals[index] != 0
                if reading.ordinal > expected, isKnown {
                    refused[index] += reading.ordinal - expected
                    hasRefused = true
                }
                ordinals[index] = reading.ordinal
                if outbox.isOpenFull { sealReadings() }
                outbox.append(reading)
                figures.readings &+= 1
            }
            readings.drop()
            if leftBehind > 0 {
                leftBehind -= 1
                if leftBehind == 0 { for index in ordinals.indices { ordinals[index] = 0 } }
            }
            if outbox.isOpenFull { sealReadings() }
        }
        if hasRefused { tellRefused() }
    }

    private mutating func tellRefused() {
        hasRefused = false
        var counts: [(name: String, count: UInt64)] = []
        for index in refused.indices where refused[index] > 0 {
            counts.append((plan.channels.channels[index].name, refused[index]))
            figures.refused &+= refused[index]
            refused[index] = 0
        }
        tell(Loss(stream: outbox.stream, lane: .readings, range: nil, counts: counts, reason: "ring full"))
    }

    /// Readings at the very end that the ring refused show in no ordinal.
    private mutating func noteRefusedAtEnd(_ totalTaken: [UInt64]) {
        for index in ordinals.indices where index < totalTaken.count && totalTaken[index] > ordinals[index] {
            refused[index] += totalTaken[index] - ordinals[index]
            hasRefused = true
            ordinals[index] = totalTaken[index]
        }
        if hasRefused { tellRefused() }
    }

    var sealAge: Duration { hasSealedFirst ? plan.batchAge : min(plan.batchAge, Limits.firstBatchAge) }

    private mutating func sealIfDue() {
        guard let oldest = outbox.openOldest, now - oldest >= sealAge || stop != nil else { return }
        sealReadings()
    }

    mutating func sealReadings() {
        outbox.seal(anchor: settling.anchor)
        hasSealedFirst = true
    }

    // MARK: Events

    mutating func event(_ body: [UInt8]) {
        if events.count >= Limits.eventsPerBatch { sealEvents() }
        events.append(Item(time: now.truncatedToMicroseconds, body: body))
    }

    mutating func sealEvents() {
        guard !mustAwaitStreamEvent else { return }
        if !events.isEmpty { outbox.seal(events, lane: .events, anchor: settling.anchor) }
        if !securityEvents.isEmpty { outbox.seal(securityEvents, lane: .security, anchor: settling.anchor) }
        events.removeAll(keepingCapacity: true)
        securityEvents.removeAll(keepingCapacity: true)
    }

    /// The first event of a stream needs the checkpoint of the one before: until that is read the others wait for it, though not
    /// for a flash that does not answer.
    private var mustAwaitStreamEvent: Bool {
        isNewStream && !hasTakenUpRecovery && stop == nil && now < startedAt + Limits.recoveryWait
            && events.count < Limits.eventsPerBatch && securityEvents.count < Limits.eventsPerBatch
    }

    private mutating func takeNotices() {
        while let notice = notices.take() {
            let sensor = Int(notice.sensor)
            guard sensor < plan.sensorIDs.count else { continue }
            let id = plan.sensorIDs[sensor]
            switch notice.kind {
            case .counterEpoch:
                let channel = "\(id).total"
                let scale = plan.channels.channels.first { $0.name == channel }?.scale ?? 0
                event(EventItem.counterEpoch(sensor: id, channel: channel, total: notice.value, scale: scale))
                journal.append(JournalLine(.notice, "sensor \(id): counter goes on from the checkpoint, new epoch"))
            case .sensorLost, .sensorBack:
                let isLost = notice.kind == .sensorLost
                let reason = isLost ? Quality(rawValue: notice.detail)?.reason : nil
                switch flaps[sensor].change(at: now) {
                case .tell:
                    event(EventItem.sensor(id, isLost ? .lost : .back, reason: reason))
                    journal.append(
                        JournalLine(isLost ? .warning : .notice, "sensor \(id): " + (isLost ? "lost: \(reason ?? "")" : "back")))
                case .beganFlapping(let changes):
                    event(EventItem.flapping("sensor \(id)", .began, changes: changes))
                    journal.append(JournalLine(.warning, "sensor \(id): flapping, counted from now on"))
                case .counted: break
                }
            }
        }
        for sensor in flaps.indices where flaps[sensor].deadline <= now {
            switch flaps[sensor].step(at: now) {
            case .stillFlapping(let changes):
                event(EventItem.flapping("sensor \(plan.sensorIDs[sensor])", .still, changes: changes))
                journal.append(JournalLine(.notice, "sensor \(plan.sensorIDs[sensor]): \(changes) changes in the last hour"))
            case .ended:
                event(EventItem.flapping("sensor \(plan.sensorIDs[sensor])", .ended, changes: 0))
                journal.append(JournalLine(.notice, "sensor \(plan.sensorIDs[sensor]): no longer flapping"))
            case nil: break
            }
        }
    }

    private mutating func tellLosses() {
        while let loss = outbox.takeLoss() {
            figures.tombstoned &+= loss.counts.reduce(0) { $0 &+ $1.count }
            tell(loss)
        }
    }

    private mutating func tell(_ loss: Loss) {
        event(
            EventItem.tombstone(
                stream: loss.stream.rawValue, lane: loss.lane, numbers: loss.range.map { $0.first...$0.last },
                channels: loss.counts, reason: loss.reason))
        let total = loss.counts.reduce(0) { $0 &+ $1.count }
        journal.append(JournalLine(.warning, "\(total) readings given up: \(loss.reason)"))
    }

    private mutating func tellDisk() {
        guard outbox.diskState != toldDisk else { return }
        toldDisk = outbox.diskState
        switch toldDisk {
        case .fine:
            event(EventItem.disk(.ok))
            journal.append(JournalLine(.notice, "flash: works again"))
        case .failing(let fault):
            let (state, reason): (EventItem.DiskState, String) =
                switch fault {
                case .full: (.full, "no space left")
                case .readOnly: (.readOnly, "mounted read-only")
                case .noSuchFile: (.failed, "a file is missing")
                case .notPermitted: (.failed, "not permitted")
                case .failed(let errno): (.failed, "errno \(errno)")
                }
            event(EventItem.disk(state, reason: reason))
            journal.append(JournalLine(.error, "flash: \(reason); readings stay in memory and are published live"))
        }
    }

    // MARK: Recovery and checkpoints

    /// True once the look at the flash is over: counters may go on.
    public var isRecovered: Bool { outbox.isRecovered }

    /// Counter checkpoints that the flash kept from before a power cut; empty when this boot's memory is there.
    public var recoveredCounters: [(key: UInt64, total: Int64)] { outbox.recoveredCheckpoint?.counters ?? [] }

    /// The first event of a stream names the one before.
    private mutating func takeUpRecovery() {
        guard !hasTakenUpRecovery, outbox.isRecovered else { return }
        hasTakenUpRecovery = true
        listEarlierStreams()
        guard isNewStream else { return }
        var previous: (stream: UInt64, last: [(lane: Lane, seq: UInt64)])?
        if let checkpoint = outbox.recoveredCheckpoint, checkpoint.stream != outbox.stream {
            previous = (
                checkpoint.stream.rawValue, Lane.allCases.map { ($0, outbox.lastKnown(checkpoint, $0)) }
            )
        }
        // Before anything that waited for this moment.
        let first = EventItem.stream(outbox.stream.rawValue, previous: previous, lossWindow: plan.lossWindow)
        events.insert(Item(time: events.first?.time ?? now.truncatedToMicroseconds, body: first), at: 0)
    }

    private mutating func checkpointIfDue() {
        guard now >= checkpointAt, stop == nil else { return }
        checkpointAt = now + plan.checkpointEvery
        provisionalKPIs()
        writeCheckpoint(isOrderly: false)
    }

    mutating func writeCheckpoint(isOrderly: Bool) {
        outbox.writeCheckpoint(
            now: now, utc: knownAnchor?.utc(now),
            counters: counters.found.map { (key: $0.key, total: $0.checkpoint) }, isOrderly: isOrderly)
    }
}

/// What the Courier has done, for health, the demo and the benchmarks.
public struct CourierFigures: Sendable {
    /// Readings taken from the ring, refused by the ring, and given up otherwise.
    public var readings: UInt64 = 0
    public var refused: UInt64 = 0
    public var tombstoned: UInt64 = 0
    public var messages: UInt64 = 0
    public var payloadBytes: UInt64 = 0
    public var acknowledged: UInt64 = 0
    public var reconnects: UInt64 = 0
    public init() {}
}
