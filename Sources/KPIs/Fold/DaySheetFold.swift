// Counts the readings of one stream and configuration by channel and UTC day, for the day sheets. A pure value: no
// clock, no disk.
//
// How it is used:
// - `fold` every batch of the stream's readings lane in the order of their numbers, each once; a number that is not
//   above the last is ignored. `pass` those that hold no readings of their own (windows of thinned ones).
// - `take(.ended)` when `nextEnd` has passed, `take(.all)` at each checkpoint and at an orderly stop.
// - `encoded` is all of it: kept where a restart of the process finds it, it goes on from `lastFolded` as if nothing
//   had been.
//
// A reading that the ring refused shows as a gap of ordinals between batches that follow each other: `lost`. Where
// numbers are missing too, its batch was not kept until it could be counted: `unseen`.
//
// Memory is bounded: three days, 52 bytes a channel each. No reading allocates; a new day does.

public import World

public struct DaySheetFold: Sendable {
    public struct Channel: Equatable, Sendable {
        public var name: String
        /// Nil: it has no period.
        public var every: Duration?

        public init(name: String, every: Duration?) {
            self.name = name
            self.every = every
        }
    }

    public enum Selection: Sendable {
        /// Days that are over, counted, and not given since they changed.
        case ended
        /// All days that are not final, too.
        case all
    }

    /// How long after its end a day is waited for.
    public static let grace: Int64 = 30
    static let secondsOfDay: Int64 = 86_400
    static let daysKept = 3

    /// One channel's numbers of a day.
    enum Column {
        static let good = 0, uncertain = 1, lost = 2, unseen = 3, tombstoned = 4
        /// One for each bad quality, in order of their raw values; the last for those to come.
        static let firstBad = 5, count = 13

        @inline(__always)
        static func of(_ quality: Quality) -> Int {
            switch quality.grade {
            case .good: good
            case .uncertain: uncertain
            case .bad: min(firstBad + Int(quality.rawValue) - 32, count - 1)
            }
        }
    }

    struct Day: Equatable {
        let number: Int64
        /// By channel and column.
        var counts: [UInt32]
        /// First and last number by lane; 0: none.
        var first: [UInt64] = [0, 0, 0, 0]
        var last: [UInt64] = [0, 0, 0, 0]
        /// The stream was at work from this second of the day on; -1: not at all.
        var from: Int64 = -1
        var dark: Int64 = 0
        var clockSteps: Int64 = 0
        var stray: Int64 = 0
        var isGivenFinal = false
        var isChanged = true

        var start: Int64 { number * DaySheetFold.secondsOfDay }
        var end: Int64 { start + DaySheetFold.secondsOfDay }
    }

    public let stream: UInt64
    public let config: String
    public let channels: [Channel]
    /// The node's power is switched: its time without is expected.
    public let isSwitched: Bool
    public internal(set) var lastFolded: UInt64
    /// How often it was kept; whoever keeps it counts.
    public var generation: UInt64 = 0
    /// The stream was at work from then on, UTC seconds.
    let begin: Int64
    var days: [Day] = []
    /// Days up to this one have been let go.
    var closedThrough = Int64.min
    /// The last ordinal of each channel, and the batch that it was in.
    var ordinals: [UInt64]
    var batches: [UInt64]
    /// The batch before which numbers were last missing.
    var skippedAt: UInt64 = 0
    /// The last numbers seen of each lane.
    var noted: [UInt64] = [0, 0, 0, 0]
    var newest: Int64
    var offsetNanoseconds: Int64?
    /// Sheets of days that had to be let go before they were given.
    var pending: [DaySheet] = []

    /// `after`: batches up to this number are another configuration's.
    public init(
        stream: UInt64, config: String, channels: [Channel], isSwitched: Bool, begin: UTC, after: UInt64 = 0
    ) {
        self.stream = stream
        self.config = config
        self.channels = channels
        self.isSwitched = isSwitched
        self.begin = begin.seconds
        lastFolded = after
        newest = begin.seconds
        ordinals = [UInt64](repeating: 0, count: channels.count)
        batches = ordinals
        skippedAt = after + 1
    }

    // MARK: Folding

    /// One sealed and settled batch. `anchor` is the batch's own.
    public mutating func fold(_ readings: UnsafeBufferPointer<Reading>, seq: UInt64, anchor: Anchor) {
        guard seq > lastFolded else { return }
        if seq > lastFolded + 1 { skippedAt = seq }
        lastFolded = seq
        noteStep(to: anchor, at: readings.first)
        var next = 0
        while next < readings.count {
            let place = place(of: anchor.utc(readings[next].acquired).seconds)
            next = count(readings, from: next, in: place, seq, anchor)
        }
    }

    /// A batch that is no news: windows of readings that were counted before.
    public mutating func pass(_ seq: UInt64) {
        guard seq > lastFolded else { return }
        if seq > lastFolded + 1 { skippedAt = seq }
        lastFolded = seq
    }

    /// Counts the readings that follow and are of the same day; answers where the next ones begin.
    private mutating func count(
        _ readings: UnsafeBufferPointer<Reading>, from first: Int, in place: Int, _ seq: UInt64, _ anchor: Anchor
    ) -> Int {
        let isStray = anchor.utc(readings[first].acquired).seconds < days[place].start
        let from = isStray ? Int64.min : anchor.boottime(UTC(seconds: days[place].start)).nanoseconds
        let to = anchor.boottime(UTC(seconds: isStray ? days[place].start : days[place].end)).nanoseconds
        var next = first
        var latest = Int64.min
        let known = channels.count, skippedAt = skippedAt
        days[place].counts.withUnsafeMutableBufferPointer { counts in
            ordinals.withUnsafeMutableBufferPointer { ordinals in
                batches.withUnsafeMutableBufferPointer { batches in
                    while next < readings.count {
                        let reading = readings[next]
                        let moment = reading.acquired.nanoseconds
                        guard from <= moment, moment < to else { return }
                        next += 1
                        latest = max(latest, moment)
                        let channel = Int(reading.channel.rawValue)
                        guard channel < known else { continue }
                        let row = channel * Column.count
                        let before = reading.ordinal > ordinals[channel] ? ordinals[channel] : 0
                        let missing = reading.ordinal &- before
                        if missing > 1 {
                            let column = batches[channel] < skippedAt && skippedAt > 1 ? Column.unseen : Column.lost
                            counts[row + column] &+= UInt32(truncatingIfNeeded: missing &- 1)
                        }
                        ordinals[channel] = reading.ordinal
                        batches[channel] = seq
                        counts[row + Column.of(reading.quality)] &+= 1
                    }
                }
            }
        }
        let utc = anchor.utc(Boottime(nanoseconds: latest)).seconds
        if isStray { days[place].stray += Int64(next - first) }
        newest = max(newest, utc)
        if days[place].first[0] == 0 { days[place].first[0] = seq }
        days[place].last[0] = seq
        days[place].isChanged = true
        return next
    }

    private mutating func noteStep(to anchor: Anchor, at reading: Reading?) {
        defer { offsetNanoseconds = anchor.offsetNanoseconds }
        guard let old = offsetNanoseconds, let reading else { return }
        guard (anchor.offsetNanoseconds &- old).magnitude > 1_000_000_000 else { return }
        let place = place(of: anchor.utc(reading.acquired).seconds)
        days[place].clockSteps += 1
    }

    // MARK: Days

    /// The day of a second at which the stream was at work; the oldest at hand when that one has been let go.
    private mutating func place(of second: Int64) -> Int {
        let number = Self.day(of: second)
        let place = place(ofDay: number)
        if days[place].from < 0 {
            days[place].from = days[place].number == Self.day(of: begin) ? begin - days[place].start : 0
        }
        return place
    }

    private mutating func place(ofDay number: Int64) -> Int {
        if let place = days.firstIndex(where: { $0.number == number }) { return place }
        guard number > closedThrough || days.isEmpty else { return 0 }
        if days.count == Self.daysKept {
            guard number > days[0].number else { return 0 }
            let oldest = days.removeFirst()
            if !oldest.isGivenFinal || oldest.isChanged {
                pending += sheets(of: oldest, isOver: true, revision: 0)
            }
            closedThrough = oldest.number
        }
        let counts = [UInt32](repeating: 0, count: channels.count * Column.count)
        let place = days.firstIndex { $0.number > number } ?? days.count
        days.insert(Day(number: number, counts: counts), at: place)
        return place
    }

    static func day(of second: Int64) -> Int64 { gridStart(of: second, length: secondsOfDay) / secondsOfDay }

    /// The stream is at work at this moment: days in which nothing is read have a sheet, too.
    public mutating func advance(to now: UTC) {
        let today = Self.day(of: now.seconds)
        if let newest = days.last?.number, newest < today, today - newest < Int64(Self.daysKept) {
            for day in newest + 1..<today { _ = place(of: day * Self.secondsOfDay) }
        }
        guard days.last.map({ $0.number < today || $0.number == today && $0.from < 0 }) ?? true else { return }
        _ = place(of: now.seconds)
    }

    // MARK: What is not read

    /// The node was without power before this stream, from the last sign of life of the boot before.
    public mutating func noteDark(from: UTC, until: UTC) {
        guard from < until else { return }
        let last = Self.day(of: until.seconds)
        // Who has been away for weeks says so of the last days.
        for number in max(Self.day(of: from.seconds), last - 7)...last {
            let place = place(ofDay: number)
            let start = max(from.seconds, days[place].start), end = min(until.seconds, days[place].end)
            if end > start { days[place].dark += end - start }
        }
    }

    /// Readings that the ring refused behind the last one of a channel.
    public mutating func noteLost(channel: Int, count: UInt64, at now: UTC) {
        guard channel < channels.count else { return }
        let place = place(of: now.seconds)
        days[place].counts[channel * Column.count + Column.lost] &+= UInt32(clamping: count)
        days[place].isChanged = true
    }

    /// Batches of these numbers were given up, with so many readings of each channel. Where they carry several days,
    /// the earliest takes as many as it has.
    public mutating func noteTombstone(_ numbers: ClosedRange<UInt64>, counts: [(name: String, count: UInt64)]) {
        for (name, count) in counts {
            guard let channel = channels.firstIndex(where: { $0.name == name }) else { continue }
            var rest = count
            for place in days.indices where rest > 0 {
                guard days[place].first[0] > 0, days[place].first[0] <= numbers.upperBound,
                    numbers.lowerBound <= days[place].last[0]
                else { continue }
                let row = channel * Column.count
                let held = (0..<Column.count).reduce(UInt64(0)) { sum, column in
                    let isThere = column != Column.tombstoned && column != Column.lost
                    return sum + (isThere ? UInt64(days[place].counts[row + column]) : 0)
                }
                let told = UInt64(days[place].counts[row + Column.tombstoned])
                let share = min(rest, held > told ? held - told : 0)
                days[place].counts[row + Column.tombstoned] &+= UInt32(clamping: share)
                days[place].isChanged = days[place].isChanged || share > 0
                rest -= share
            }
        }
    }

    /// The last numbers sealed of each lane; those of the readings come with the batches.
    public mutating func noteLanes(last: [UInt64], at now: UTC) {
        advance(to: now)
        guard let place = days.firstIndex(where: { $0.number == Self.day(of: now.seconds) }) else { return }
        for lane in 1..<min(last.count, 4) where last[lane] > noted[lane] {
            if days[place].first[lane] == 0 { days[place].first[lane] = noted[lane] + 1 }
            days[place].last[lane] = last[lane]
            noted[lane] = last[lane]
        }
    }

    // MARK: Giving

    /// When the next day is over; nil: there is none at hand.
    public var nextEnd: UTC? {
        days.first { !$0.isGivenFinal }.map { UTC(seconds: $0.end + Self.grace) }
    }

    /// Gives the sheets of days, oldest first. `isComplete`: nothing is left to be folded, sealed or not, of days that
    /// are over. `revision`: higher than any before.
    public mutating func take(
        _ selection: Selection, now: UTC, isComplete: Bool, revision: UInt64, into give: (DaySheet) -> Void
    ) {
        for var sheet in pending {
            sheet.revision = revision
            give(sheet)
        }
        pending = []
        for place in days.indices {
            let isOver = isComplete && days[place].end + Self.grace <= now.seconds
            let isDue = isOver && (!days[place].isGivenFinal || days[place].isChanged)
            let isWanted = selection == .all && (!days[place].isGivenFinal || days[place].isChanged)
            guard isDue || isWanted else { continue }
            let isFinal = isOver || days[place].isGivenFinal
            for sheet in sheets(of: days[place], isOver: isFinal, revision: revision) { give(sheet) }
            days[place].isGivenFinal = isFinal
            days[place].isChanged = false
        }
    }

    /// The configuration is another one from now on: what was counted under this one is final.
    public mutating func finish(revision: UInt64, into give: (DaySheet) -> Void) {
        for place in days.indices where !days[place].isGivenFinal || days[place].isChanged {
            let to = min(max(newest - days[place].start, 0), Self.secondsOfDay)
            for sheet in sheets(of: days[place], to: to, isFinal: true, revision: revision) { give(sheet) }
        }
        days = []
    }

    private func sheets(of day: Day, isOver: Bool, revision: UInt64) -> [DaySheet] {
        let reached = min(max(newest - day.start, 0), Self.secondsOfDay)
        return sheets(of: day, to: isOver ? Self.secondsOfDay : reached, isFinal: isOver, revision: revision)
    }

    private func sheets(of day: Day, to end: Int64, isFinal: Bool, revision: UInt64) -> [DaySheet] {
        let from = max(day.from, 0)
        let to = day.from < 0 ? 0 : max(end, from)
        let parts = max(1, (channels.count + DaySheet.channelsPerPart - 1) / DaySheet.channelsPerPart)
        return (0..<parts).map { part in
            var sheet = DaySheet(
                day: day.number, config: config, revision: revision, isFinal: isFinal, fromSecond: from, toSecond: to)
            sheet.part = Int64(part) + 1
            sheet.parts = Int64(parts)
            sheet.darkSeconds = isSwitched ? 0 : day.dark
            sheet.offSeconds = isSwitched ? day.dark : 0
            sheet.clockSteps = day.clockSteps
            sheet.stray = day.stray
            for lane in [Lane.contributions, .events, .readings, .security] where day.first[Int(lane.rawValue)] > 0 {
                let index = Int(lane.rawValue)
                sheet.lanes.append(DaySheet.Numbers(lane.name, day.first[index], day.last[index]))
            }
            let first = part * DaySheet.channelsPerPart
            sheet.channels = (first..<min(first + DaySheet.channelsPerPart, channels.count))
                .map { channel(day, $0, seconds: to - from) }
                .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            return sheet
        }
    }

    private func channel(_ day: Day, _ index: Int, seconds: Int64) -> DaySheet.Channel {
        let row = index * Column.count
        func count(_ column: Int) -> Int64 { Int64(day.counts[row + column]) }
        var channel = DaySheet.Channel(name: channels[index].name)
        if let every = channels[index].every?.nanoseconds, every > 0 {
            // A day of nanoseconds fits.
            channel.expected = seconds * 1_000_000_000 / every
        }
        channel.good = count(Column.good)
        channel.uncertain = count(Column.uncertain)
        channel.lost = count(Column.lost)
        channel.unseen = count(Column.unseen)
        channel.tombstoned = count(Column.tombstoned)
        for column in Column.firstBad..<Column.count where count(column) > 0 {
            let quality = Quality(rawValue: UInt8(32 + column - Column.firstBad))
            let name = quality.flatMap { Flag($0) }?.name ?? "bad"
            channel.bad.append(DaySheet.Reason(name, count(column)))
        }
        channel.bad.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return channel
    }
}
