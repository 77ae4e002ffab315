// The second consumer of the readings lane: sealed and settled batches are folded into the city's KPIs, in order, each
// once. Its cursor is the number up to which windows are over and given out; a restart folds again what comes after.

import KPIs
import Outbox
import Uplink
import World

struct KPIFeed {
    let stream: StreamID
    let bindings: [KPIBinding]
    /// Made with the first batch, when its place in time is known.
    var folder: KPIFolder?
    /// The next readings batch to fold.
    var next: UInt64 = 1
    /// `next` as it was when open windows were last given out.
    var givenBefore: UInt64 = 0
    /// When windows that have ended are to be given out though no batch comes.
    var deadline = Boottime.distantFuture

    init(stream: StreamID, bindings: [KPIBinding]) {
        self.stream = stream
        self.bindings = bindings
    }

    var isBound: Bool { !bindings.isEmpty }

    /// A continued stream goes on behind what the KPIs of the process before had passed, and never folds batches of an
    /// earlier configuration: their windows stay as that configuration's process last gave them.
    mutating func takeUp<D: Disk & ~Copyable>(_ outbox: inout Outbox<D>) {
        guard isBound else {
            outbox.kpisPassedThrough = .max
            return
        }
        if outbox.kpisPassedThrough == .max { outbox.kpisPassedThrough = 0 }
        next = max(outbox.kpisPassedThrough + 1, outbox.firstOfConfiguration)
    }
}

/// A time without power before this boot, as `KPIFolder.noteDark` wants it. Kept in the runtime directory, because a
/// restart of the process folds the stream from its beginning again and the checkpoint tells of this boot by then.
struct DarkTime: Equatable {
    static let fileName = "dark"
    static let bytes = 24
    var lastHeartbeat: UTC
    var period: Duration
    var backAt: UTC

    var encoded: [UInt8] {
        [lastHeartbeat.nanoseconds, period.nanoseconds, backAt.nanoseconds].flatMap { word in
            withUnsafeBytes(of: word.littleEndian) { Array($0) }
        }
    }

    init(lastHeartbeat: UTC, period: Duration, backAt: UTC) {
        self.lastHeartbeat = lastHeartbeat
        self.period = period
        self.backAt = backAt
    }

    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.bytes else { return nil }
        let words = bytes.withUnsafeBytes { raw in
            (0..<3).map { Int64(littleEndian: raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
        }
        self.init(
            lastHeartbeat: UTC(nanoseconds: words[0]), period: .nanoseconds(words[1]),
            backAt: UTC(nanoseconds: words[2]))
    }
}

extension Courier where D: ~Copyable, R: ~Copyable {
    mutating func feedKPIs() {
        guard hasTakenUpRecovery, kpis.isBound || !plan.carriesOnly else { return }
        takeUpSheet()
        var folds = 0
        while folds < Limits.foldsPerStep, kpis.next < outbox.nextSequence(.readings) {
            // What is no longer in memory is missing covered time; the folder sees it by the ordinals.
            guard let sequence = outbox.firstInMemory(.readings, from: kpis.next) else { break }
            guard outbox.load(.readings, sequence) else {
                kpis.next = sequence + 1
                continue
            }
            // Windows of readings that had to go: those were folded when they were sealed.
            guard outbox.codec.header?.isThinned != true else {
                sheets.fold?.pass(sequence)
                kpis.next = sequence + 1
                continue
            }
            // Only KPI windows wait for the clock.
            guard let anchor = outbox.codec.anchor ?? outbox.firstAnchor else {
                kpis.deadline = .distantFuture
                return
            }
            if kpis.folder == nil, kpis.isBound { beginFolding(sequence, anchor) }
            kpis.folder?.fold(outbox.codec.readings, seq: sequence, anchor: anchor)
            sheets.fold?.fold(outbox.codec.readings, seq: sequence, anchor: anchor)
            kpis.next = sequence + 1
            folds += 1
        }
        if folds == Limits.foldsPerStep {
            kpis.deadline = now
        } else if folds > 0 || now >= kpis.deadline {
            giveOut(.windowEnds)
        }
        giveSheetsOfEndedDays()
        keepSheetIfDue()
    }

    private mutating func beginFolding(_ sequence: UInt64, _ anchor: Anchor) {
        let isNewConfiguration = sequence == outbox.firstOfConfiguration && sequence > 1
        let from = isNewConfiguration ? outbox.codec.readings.first.map { anchor.utc($0.acquired) } : nil
        // The beginning of the stream was delivered unsettled, and not kept until the clock had settled.
        let isBehindReleased = kpis.next == 1 && sequence > 1 && !isNewConfiguration
        var folder = KPIFolder(
            stream: kpis.stream.rawValue, bindings: kpis.bindings, after: isBehindReleased ? 0 : sequence - 1,
            from: from, calendar: plan.calendar)
        takeUpWithheld(into: &folder)
        if kpis.next == 1, let dark = darkTime(anchor) {
            folder.noteDark(from: dark.lastHeartbeat, period: dark.period, until: dark.backAt)
            if withheld.kept.isEmpty { folder.noteWithheldLost(from: dark.lastHeartbeat, until: dark.backAt) }
        }
        if isBehindReleased, outbox.codec.anchor == nil, let first = outbox.codec.readings.first {
            // A process that went on with the stream does not know when it began: at most with the boot.
            let began = isNewStream ? startedAt : Boottime(nanoseconds: 0)
            folder.noteUnsettled(from: anchor.utc(began), until: anchor.utc(first.acquired))
        }
        kpis.folder = folder
    }

    /// The boot before ended without an orderly stop: between its last heartbeat and this boot nobody watched.
    private mutating func darkTime(_ anchor: Anchor) -> DarkTime? {
        var bytes = [UInt8](repeating: 0, count: DarkTime.bytes)
        var count = 0
        bytes.withUnsafeMutableBytes { buffer in
            count = (try? outbox.disk.runtimeRead(DarkTime.fileName, at: 0, into: buffer)) ?? 0
        }
        if count == DarkTime.bytes { return DarkTime(bytes) }
        guard let checkpoint = outbox.recoveredCheckpoint, checkpoint.boot != outbox.boot, !checkpoint.isOrderly,
            let heartbeat = checkpoint.heartbeatUTC
        else { return nil }
        let dark = DarkTime(
            lastHeartbeat: heartbeat, period: plan.checkpointEvery, backAt: anchor.utc(Boottime(nanoseconds: 0)))
        dark.encoded.withUnsafeBytes { content in try? outbox.disk.runtimeWrite(DarkTime.fileName, at: 0, content) }
        return dark
    }

    /// Open windows too: once per checkpoint, before the first spill of an outage, at an orderly stop.
    mutating func provisionalKPIs(isCheckpoint: Bool = false) {
        feedKPIs()
        giveOut(.provisional)
        if !isCheckpoint || now >= sheets.provisionalAt { giveSheets(.all) }
    }

    /// The same at the very end, when anything has come since they were last given.
    mutating func lastKPIs() {
        feedKPIs()
        if kpis.next != kpis.givenBefore { provisionalKPIs() }
    }

    /// Before the first spill of an outage the open windows are given out, so that they reach the flash with it and a
    /// power cut in the outage leaves them exact.
    mutating func giveBeforeOutage() {
        if isOnline && mayOffer { hasGivenForOutage = false }
        guard kpis.isBound, !hasGivenForOutage, !(isOnline && mayOffer), outbox.deadline() <= now, knownAnchor != nil,
            kpis.folder != nil
        else { return }
        hasGivenForOutage = true
        provisionalKPIs()
    }

    /// Seals what was appended as batches of the contributions lane.
    mutating func seal(_ encoder: ContributionBatchEncoder, _ anchor: Anchor) {
        let time = now.truncatedToMicroseconds
        for bodies in encoder.batches() {
            outbox.seal(bodies.map { Item(time: time, body: $0) }, lane: .contributions, anchor: anchor)
        }
    }

    private mutating func giveOut(_ which: KPIFolder.Selection) {
        guard let anchor = knownAnchor, kpis.folder != nil else {
            kpis.deadline = .distantFuture
            return
        }
        var encoder = ContributionBatchEncoder()
        let utc = anchor.utc(now)
        takeUpGauges()
        var air = gauges.air
        kpis.folder!.take(which, now: utc) { contribution in
            air.take(contribution)
            encoder.append(contribution)
        }
        gauges.air = air
        seal(encoder, anchor)
        giveGauges(utc, anchor: anchor)
        if which == .provisional { kpis.givenBefore = kpis.next }
        let passed = kpis.folder!.passedThrough
        if passed > outbox.kpisPassedThrough {
            // What a restart folds again is then at least what the sheet has not got.
            keepSheet()
            keepGauges()
            if keepWithheld() { outbox.kpisPassedThrough = passed }
        }
        // Windows end on quarter hours at the earliest.
        let nextEnd = (utc.seconds / 900 + 1) * 900 + KPIFolder.grace + 1
        kpis.deadline = anchor.boottime(UTC(seconds: nextEnd))
    }
}
