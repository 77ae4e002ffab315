// The Courier owns the outbox and the broker session. It takes readings from the ring, seals them into batches, folds
// them into KPIs, offers what is sealed and moves cursors on acknowledgement. It never waits: disk and broker answer
// later.
//
// `step` does everything that is due and says when it wants to be called again; an answer of disk or broker, or news
// from the Sampler, may call it earlier. `Courier+Session.swift` speaks with the broker, `Courier+Events.swift` tells
// changes, `Courier+KPIs.swift` feeds the second consumer, `Courier+Alarms.swift` judges thresholds.

import KPIs
public import Outbox
import Uplink
public import World

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
    var power = FailingPower()
    var seenDisk = DiskState.fine
    var diskFlaps = FlapFilter()
    var clockFlaps = FlapFilter()
    var lossLines = LossLines()
    /// Why a retained message was refused last, for the journal.
    var retainedFault: String?
    var payload = PayloadBuffer()
    var senML: SenMLEncoder
    var lanes: LaneEncoder
    var fragments: [String: ChannelFragments] = [:]
    var historyAllowance = Allowance()
    /// Until the broker finds a message of several blocks too large.
    var packsHistory = true
    var kpis: KPIFeed
    var sheets = SheetFeed()
    var skips = SkippedNumbers()
    var gauges: GaugeFeed
    var withheld = WithheldFeed()
    /// The last offers of a step were passed over: there may be more.
    var offersMore = false
    var alarms: AlarmWatch
    var hasTakenUpRecovery = false
    /// The stream is new: its first event names the one before.
    let isNewStream: Bool
    /// Streams of earlier boots whose KPI windows are still to be finished, and the one that is being.
    var earlierStreams: [StreamID] = []
    var resume: StreamResume?
    var resumeIsDue = false
    /// Open windows were given out before the first spill of this outage.
    var hasGivenForOutage = false
    public internal(set) var figures = CourierFigures()

    /// Where a sensor is and what is wrong with it, for the journal; set by whoever knows the site.
    public var faultText: @Sendable (Int) -> String? = { _ in nil }

    /// Ring contents of another configuration have been told as lost.
    var hasToldDiscarded = false
    /// `status` has changed and the broker had no room for it.
    var statusIsDue = false
    /// The checkpoint of an orderly stop has been asked for.
    var hasWrittenLastCheckpoint = false
    /// Set once the stop has begun.
    var stop: Stop?
    /// Of a Courier that only carries: what its stream begins with, if it has to say anything at all.
    var unsaidStreamEvent: [UInt8]?

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
        if let first = readings.peek(), first == outbox.leftOpen { readings.drop() }
        leftBehind = readings.waiting
        settling = ClockSettling(trustsSystem: plan.trustsSystemClock)
        now = clock.now()
        startedAt = now
        checkpointAt = now + plan.checkpointEvery
        healthAt = plan.carriesOnly ? .distantFuture : now + Limits.healthEvery
        flaps = [FlapFilter](repeating: FlapFilter(), count: 2 * plan.sensorIDs.count)
        // The Sampler begins when the flash has been looked at, or `recoveryWait` later.
        alarms = AlarmWatch(
            plan.carriesOnly ? [] : plan.alarms, channels: plan.channels.count, from: now + Limits.recoveryWait)
        senML = SenMLEncoder(city: plan.city, node: plan.nodeID)
        lanes = LaneEncoder(node: plan.nodeID)
        isNewStream = outbox.nextSequence(.events) == 1
        var outbox = outbox
        var kpis = KPIFeed(stream: outbox.stream, bindings: plan.kpis)
        kpis.takeUp(&outbox)
        if plan.carriesOnly { outbox.takenOverAt = startedAt }
        self.kpis = kpis
        gauges = GaugeFeed(plan.kpis)
        skips = SkippedNumbers(of: &outbox.disk, at: startedAt)
        outbox.readTombstone = { body in
            EventItem.tombstone(in: body).map {
                Loss(
                    stream: StreamID(rawValue: $0.stream), lane: $0.lane, range: $0.numbers, counts: $0.channels,
                    reason: $0.reason)
            }
        }
        self.outbox = outbox
        self.broker = broker
        session.start(at: now)
    }

    /// Lends the broker, for whoever waits on its descriptor.
    public mutating func withBroker<T>(_ body: (inout R) -> T) -> T { body(&broker) }

    /// Lines for the journal since it was last asked.
    public mutating func takeJournal() -> [JournalLine] {
        defer { journal.removeAll(keepingCapacity: true) }
        return journal
    }

    /// Everything that has come through the ring is sealed and acknowledged.
    public var isDrained: Bool {
        readings.peek() == nil && outbox.openCount == 0 && events.isEmpty && outbox.isDrained && skips.isEmpty
    }

    /// The Sampler has finished, with so many readings of each channel: seals what is open and gives out all KPI
    /// windows, as at an orderly stop, but goes on delivering.
    public mutating func sealWhatIsLeft(taken: [UInt64]) {
        _ = step()
        noteRefusedAtEnd(taken)
        alarms.isOver = true
        sealReadings()
        provisionalKPIs()
        sealEvents()
    }

    public var isOnline: Bool { session.phase == .online }

    /// The KPI windows of all earlier streams that are stored have been finished.
    public var hasTakenUpEarlierStreams: Bool { hasTakenUpRecovery && earlierStreams.isEmpty }

    /// Everything stored was acknowledged, and its files are gone.
    public mutating func hasDeliveredAll() -> Bool {
        isDrained && hasTakenUpEarlierStreams && outbox.finishRemoving()
    }

    // MARK: The step

    public mutating func step() -> Boottime {
        now = clock.now()
        lookAtClock()
        takeUpRecovery()
        takeNotices()
        tellDiscarded()
        takeReadings()
        stepAlarms()
        sealIfDue()
        securePower()
        giveBeforeOutage()
        outbox.step(now: now, isOffering: isOnline && mayOffer)
        feedKPIs()
        resumeIsDue = false
        resumeEarlierStreams()
        tellLosses()
        tellFaults()
        sealEvents()
        speakWithBroker()
        sealEvents()
        offer()
        tellSkipped()
        keepSkipped()
        if statusIsDue { republishStatus() }
        checkpointIfDue()
        healthIfDue()
        if stop != nil { advanceStop() }
        // A number that was given up is behind the cursor only once its tombstone is sealed.
        if events.isEmpty { outbox.saveCursors() }
        return nextDeadline()
    }

    private func nextDeadline() -> Boottime {
        var next = min(session.deadline, broker.deadline(), outbox.deadline())
        if stop == nil { next = min(next, checkpointAt, alarms.deadline) }
        if let oldest = outbox.openOldest { next = min(next, oldest + sealAge) }
        if isOnline { next = min(next, healthAt) }
        next = min(next, historyAllowance.readyAt, kpis.deadline, faultDeadline)
        next = min(next, power.deadline)
        next = min(next, sheets.deadline, offersMore ? now : skippedDeadline)
        for filter in flaps { next = min(next, filter.deadline) }
        if settling.anchor == nil {
            // Nothing tells when the clock settles: look once a second until it has, and when the wait is over.
            next = min(next, now + Limits.clockLookEvery)
        }
        if resumeIsDue { next = now }
        if mustAwaitStreamEvent || mustAwaitFirstCheckpoint { next = min(next, startedAt + Limits.recoveryWait) }
        if let stop { next = min(next, stop.nextStage) }
        return max(next, now)
    }

    /// Which deadlines have passed, for a report of a simulation that makes no progress.
    public var overdue: String {
        let due: [(String, Boottime)] = [
            ("session", session.deadline), ("broker", broker.deadline()), ("checkpoint", checkpointAt),
            ("outbox", outbox.deadline()), ("history", historyAllowance.readyAt), ("kpis", kpis.deadline),
            ("day sheet", sheets.deadline),
            ("seal", outbox.openOldest.map { $0 + sealAge } ?? .distantFuture),
            ("alarms", stop == nil ? alarms.deadline : .distantFuture),
            ("stop", stop?.nextStage ?? .distantFuture), ("resume", resumeIsDue ? now : .distantFuture),
        ]
        return due.filter { $0.1 <= now }.map(\.0).joined(separator: ", ")
    }

    // MARK: Time

    private mutating func lookAtClock() {
        switch settling.look(at: now, { clock.wall() }) {
        case .none: return
        case .settled(let anchor):
            outbox.settle(anchor, now: now)
            event(EventItem.anchor(boot: outbox.boot.description, anchor))
            journal.append(JournalLine(.notice, "clock settled"))
            republishStatus()
        case .stepped(let anchor, let by):
            outbox.settle(anchor, now: now)
            sheets.deadline = now
            event(EventItem.anchor(boot: outbox.boot.description, anchor))
            journalStep(by: by)
        }
    }

    /// What ties this boot to UTC: the present anchor, or, when this process has not seen a trusted clock yet, that of
    /// the process before.
    var knownAnchor: Anchor? { settling.anchor ?? outbox.firstAnchor }

    /// Unsettled batches wait for the clock, but not for ever.
    var mayOffer: Bool {
        (knownAnchor != nil || now - startedAt >= plan.settleWait || stop != nil) && !mustAwaitFirstCheckpoint
    }

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
                judge(reading)
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
            noteOnSheet(refused: totalTaken[index] - ordinals[index], channel: index)
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
        guard !plan.carriesOnly else {
            unsaidStreamEvent = first
            return
        }
        events.insert(Item(time: events.first?.time ?? now.truncatedToMicroseconds, body: first), at: 0)
        // To flash at once, before the checkpoint that names this stream: a stream that a checkpoint names has then
        // told which one was before it.
        sealEvents()
        outbox.spill(all: .events, now: now)
    }

    /// Nothing of a new stream goes out before the flash knows of it; a flash that does not answer is not waited for.
    var mustAwaitFirstCheckpoint: Bool {
        isNewStream && stop == nil && !plan.carriesOnly && now < startedAt + Limits.recoveryWait
            && (!outbox.isStreamOnFlash || outbox.isCheckpointPending)
    }

    private mutating func checkpointIfDue() {
        // At once in a new stream: a power cut before the first checkpoint would leave the next stream without the name
        // of this one, and what was lost would be told by nobody.
        let isUnnamed = hasTakenUpRecovery && !outbox.isStreamOnFlash
        guard now >= checkpointAt || outbox.isTimeDue || isUnnamed, stop == nil else { return }
        checkpointAt = now + plan.checkpointEvery
        if !isUnnamed { provisionalKPIs(isCheckpoint: true) }
        writeCheckpoint(isOrderly: false)
    }

    mutating func writeCheckpoint(isOrderly: Bool) {
        // Counters, numbers and heartbeat are the node's own.
        if plan.carriesOnly { return outbox.writeCursorsOnly(isLast: isOrderly, now: now) }
        // Until the Sampler has taken them up, the counters stand where the flash has them.
        var totals = counters.found.map { (key: $0.key, total: $0.checkpoint) }
        if !outbox.isStreamOnFlash {
            totals += recoveredCounters.filter { kept in !totals.contains { $0.key == kept.key } }
        }
        outbox.writeCheckpoint(now: now, utc: knownAnchor?.utc(now), counters: totals, isOrderly: isOrderly)
    }
}
