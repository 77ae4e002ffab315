// Day sheets: what came of each UTC day, counted from the same feed as the KPIs, each batch once and in order. They go
// out at the day's end, and as far as the day has come once an hour, with a checkpoint, and at an orderly stop.
//
// The counts are kept in the runtime directory, at the latest whenever the KPIs' cursor moves: a restart of the process
// goes on from them and folds what has come since, so nothing is lost or counted twice. After a power cut the new
// stream has sheets of its own, which say for how long there was no power; those of the stream before stay as they were
// last given. A new configuration has sheets of its own, too; those of the one before become final.

import KPIs
import Outbox
import World

struct SheetFeed {
    /// Made when the clock has settled.
    var fold: DaySheetFold?
    /// What the runtime directory has it with.
    var keptThrough: UInt64 = 0
    var lastRevision: UInt64 = 0
    /// The first checkpoint from then on gives the sheet of the day that lasts.
    var provisionalAt = Boottime(nanoseconds: 0)
    /// When a day is over though no batch comes.
    var deadline = Boottime.distantFuture

    /// Written in turn, so that one of them is always whole.
    static let fileNames = ["sheet-0", "sheet-1"]
}

extension Courier where D: ~Copyable, R: ~Copyable {
    // MARK: Beginning

    mutating func takeUpSheet() {
        guard sheets.fold == nil, !plan.carriesOnly, let anchor = knownAnchor else { return }
        let channels = plan.channels.channels.enumerated().map { index, channel in
            DaySheetFold.Channel(
                name: channel.name, every: index < plan.channelPeriods.count ? plan.channelPeriods[index] : nil)
        }
        if var kept = keptSheet() {
            guard kept.config != plan.channels.configHash || kept.channels != channels else {
                return goOn(with: kept)
            }
            var items: [Item] = []
            kept.finish(revision: nextSheetRevision()) { items.append(item($0)) }
            seal(items)
        }
        let after = outbox.firstOfConfiguration > 0 ? outbox.firstOfConfiguration - 1 : 0
        var fold = DaySheetFold(
            stream: outbox.stream.rawValue, config: plan.channels.configHash, channels: channels,
            isSwitched: plan.isSwitched, begin: anchor.utc(startedAt), after: after)
        if let checkpoint = outbox.recoveredCheckpoint, checkpoint.boot != outbox.boot,
            let heartbeat = checkpoint.heartbeatUTC
        {
            fold.noteDark(from: heartbeat, until: anchor.utc(startedAt))
        }
        goOn(with: fold)
        keepSheet()
    }

    private mutating func goOn(with fold: DaySheetFold) {
        sheets.fold = fold
        // Its end, whenever that is, will be asked for.
        sheets.deadline = now
        // Without KPIs nothing else says from where to go on.
        if !kpis.isBound { kpis.next = max(kpis.next, fold.lastFolded + 1) }
        sheets.keptThrough = fold.lastFolded
    }

    /// What a process before has kept of this stream.
    private mutating func keptSheet() -> DaySheetFold? {
        var newest: DaySheetFold?
        for name in SheetFeed.fileNames {
            guard let fold = readSheet(name), fold.stream == outbox.stream.rawValue else { continue }
            if newest == nil || fold.generation > newest!.generation { newest = fold }
        }
        return newest
    }

    private mutating func readSheet(_ name: String) -> DaySheetFold? {
        DaySheetFold(encoded: readRuntime(name, atMost: 1 << 20))
    }

    // MARK: Keeping

    /// Before the memory tier lets go what it would take to count again.
    mutating func keepSheetIfDue() {
        guard let fold = sheets.fold, fold.lastFolded > sheets.keptThrough else { return }
        let oldest = outbox.firstInMemory(.readings, from: 1) ?? fold.lastFolded
        guard fold.lastFolded - sheets.keptThrough >= Limits.foldsPerSheet
            || oldest + Limits.sheetMargin > sheets.keptThrough
        else { return }
        keepSheet()
    }

    mutating func keepSheet() {
        guard sheets.fold != nil else { return }
        sheets.fold!.generation += 1
        let name = SheetFeed.fileNames[Int(sheets.fold!.generation % UInt64(SheetFeed.fileNames.count))]
        let content = sheets.fold!.encoded
        let isKept = content.withUnsafeBytes { bytes in
            (try? outbox.disk.runtimeWrite(name, at: 0, bytes)) != nil
        }
        // Without room the one before stays, and what comes after it is counted again.
        if isKept { sheets.keptThrough = sheets.fold!.lastFolded } else { sheets.fold!.generation -= 1 }
    }

    // MARK: Giving

    mutating func giveSheetsOfEndedDays() {
        guard sheets.fold != nil, let anchor = knownAnchor else { return }
        sheets.fold!.advance(to: anchor.utc(now))
        guard sheets.deadline <= now || isDayOver(anchor) else { return }
        giveSheets(.ended)
    }

    private func isDayOver(_ anchor: Anchor) -> Bool {
        sheets.fold?.nextEnd.map { $0 <= anchor.utc(now) } ?? false
    }

    mutating func giveSheets(_ selection: DaySheetFold.Selection) {
        guard sheets.fold != nil, let anchor = knownAnchor else { return }
        let utc = anchor.utc(now)
        sheets.fold!.noteLanes(last: Lane.allCases.map { outbox.lastSealed($0) }, at: utc)
        let isComplete = hasCounted(anchor)
        let revision = nextSheetRevision()
        var items: [Item] = []
        var fold = sheets.fold!
        sheets.fold = nil
        fold.take(selection, now: utc, isComplete: isComplete, revision: revision) { items.append(item($0)) }
        sheets.fold = fold
        seal(items)
        if selection == .all {
            kpis.givenBefore = kpis.next
            sheets.provisionalAt = now + Limits.sheetEvery
        }
        let end = sheets.fold!.nextEnd.map { anchor.boottime($0) } ?? .distantFuture
        // A day that is over and not counted to its end is looked at again soon.
        sheets.deadline = max(end, now + .seconds(1))
    }

    /// Everything of the days that are over has been folded.
    private func hasCounted(_ anchor: Anchor) -> Bool {
        guard kpis.next >= outbox.nextSequence(.readings) else { return false }
        guard let oldest = outbox.openOldest, let end = sheets.fold?.nextEnd else { return true }
        return anchor.utc(oldest).seconds >= end.seconds - DaySheetFold.grace
    }

    private func item(_ sheet: DaySheet) -> Item {
        var body: [UInt8] = []
        sheet.encodeBody(into: &body)
        return Item(time: now.truncatedToMicroseconds, body: body)
    }

    private mutating func seal(_ items: [Item]) {
        guard !items.isEmpty else { return }
        // What has been given is known to have been given.
        keepSheet()
        outbox.seal(items, lane: .contributions, anchor: knownAnchor)
    }

    private mutating func nextSheetRevision() -> UInt64 {
        sheets.lastRevision = max(sheets.lastRevision + 1, UInt64(max(now.nanoseconds, 0)) / 1_000_000)
        return sheets.lastRevision
    }

    // MARK: What the batches do not say

    mutating func noteOnSheet(_ loss: Loss) {
        // Losses of the ring show in the ordinals.
        guard loss.lane == .readings, loss.stream == outbox.stream, let range = loss.range else { return }
        sheets.fold?.noteTombstone(range.first...range.last, counts: loss.counts)
    }

    mutating func noteOnSheet(refused count: UInt64, channel: Int) {
        guard let anchor = knownAnchor else { return }
        sheets.fold?.noteLost(channel: channel, count: count, at: anchor.utc(now))
    }
}
