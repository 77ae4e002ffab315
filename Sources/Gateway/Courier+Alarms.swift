// Thresholds on the live path: each reading that comes out of the ring is judged at once, and what changes is an event
// that is sealed and offered in the same step, ahead of the readings; it waits for no batch age.
//
// - After the start each alarm is told with its first judgement, whatever that is, marked `initial`: a clearing that a
//   stop or a power cut swallowed is made good, and no state has to be kept on flash.
// - From then on each event tells another state than the one before. Alarms that come and go are told by the rules of
//   `FlapFilter`, with one exception: while an alarm flaps it stands as raised. A raise is never held back; clearings
//   wait for the hourly count.
// - Lines of the journal are kept few for all alarms together; events are the city's way to hear of them. Journal and
//   city hear nothing of alarms after the Sampler has finished.

import Outbox
import Uplink
public import World

/// The alarms of a configuration with what was told of each.
struct AlarmWatch {
    struct Entry {
        let rule: AlarmRule
        var alarm: Alarm
        var told: AlarmRule.State?
        var flaps = FlapFilter()
    }

    var entries: [Entry]
    /// Per channel the first alarm, per alarm the next one of its channel; -1: none.
    private var firstOfChannel: [Int32]
    private var nextOfChannel: [Int32]
    var lineFlaps = FlapFilter()
    /// No reading will come any more.
    var isOver = false

    init(_ rules: [AlarmRule], channels: Int, from begin: Boottime) {
        invariant(rules.count <= Limits.alarms, "\(rules.count) alarms")
        entries = rules.map { Entry(rule: $0, alarm: Alarm($0, from: begin)) }
        firstOfChannel = Array(repeating: -1, count: rules.isEmpty ? 0 : channels)
        nextOfChannel = Array(repeating: -1, count: rules.count)
        for (index, rule) in rules.enumerated().reversed() {
            guard case .channel(let channel) = rule.source else { continue }
            nextOfChannel[index] = firstOfChannel[Int(channel.rawValue)]
            firstOfChannel[Int(channel.rawValue)] = Int32(index)
        }
    }

    var deadline: Boottime {
        guard !isOver else { return .distantFuture }
        var due = entries.isEmpty ? .distantFuture : lineFlaps.deadline
        for entry in entries { due = min(due, entry.alarm.deadline, entry.flaps.deadline) }
        return due
    }

    @inline(__always)
    func first(of channel: ChannelID) -> Int {
        let index = Int(channel.rawValue)
        return index < firstOfChannel.count ? Int(firstOfChannel[index]) : -1
    }

    @inline(__always)
    func next(after index: Int) -> Int { Int(nextOfChannel[index]) }
}

extension Courier where D: ~Copyable, R: ~Copyable {
    @inline(__always)
    mutating func judge(_ reading: Reading) {
        var index = alarms.first(of: reading.channel)
        while index >= 0 {
            if alarms.entries[index].alarm.judge(reading.value, reading.quality, at: reading.acquired) != nil {
                alarmChanged(index)
            }
            index = alarms.next(after: index)
        }
    }

    /// Judges a gauge by its name without `gauge.`, in the scale that it was declared with (`Gauge`). `value` nil:
    /// there is none now. Called within a step before the events are sealed, the alarm leaves with that step; otherwise
    /// with the next. Costs little where no alarm watches the gauge.
    public mutating func judgeGauge(_ name: String, value: Int64?, scale: Int8, at moment: Boottime) {
        for index in alarms.entries.indices {
            let rule = alarms.entries[index].rule
            guard rule.source == .gauge, rule.name == name else { continue }
            invariant(rule.scale == scale, "gauge \(name) has scale \(scale), its alarm was made for \(rule.scale)")
            let quality: Quality = value == nil ? .notAvailable : .good
            if alarms.entries[index].alarm.judge(value ?? 0, quality, at: moment) != nil { alarmChanged(index) }
        }
    }

    /// Hold times that are over, channels that have fallen silent, hourly counts.
    mutating func stepAlarms() {
        guard !alarms.isOver, stop == nil else { return }
        for index in alarms.entries.indices {
            if alarms.entries[index].alarm.deadline <= now, alarms.entries[index].alarm.step(at: now) != nil {
                alarmChanged(index)
            }
            guard alarms.entries[index].flaps.deadline <= now else { continue }
            let subject = "alarm \(alarms.entries[index].rule.id)"
            switch alarms.entries[index].flaps.step(at: now) {
            case .stillFlapping(let changes): alarmEvent(index, EventItem.flapping(subject, .still, changes: changes))
            case .ended: alarmEvent(index, EventItem.flapping(subject, .ended, changes: 0))
            case nil: continue
            }
            tellAlarm(index)
        }
        if case .ended? = alarms.lineFlaps.step(at: now) {
            journal.append(JournalLine(.notice, "alarms: each change is told here again"))
        }
    }

    private mutating func alarmChanged(_ index: Int) {
        let isRaised = alarms.entries[index].alarm.state == .raised
        switch alarms.entries[index].flaps.change(at: now) {
        case .tell: tellAlarm(index)
        case .beganFlapping(let changes):
            let subject = "alarm \(alarms.entries[index].rule.id)"
            alarmEvent(index, EventItem.flapping(subject, .began, changes: changes))
            journalAlarm(.warning, "\(subject): flapping, stands as raised while it does")
            if isRaised { tellAlarm(index) }
        case .counted: if isRaised { tellAlarm(index) }
        }
    }

    /// Tells the state, unless that is what was told last.
    private mutating func tellAlarm(_ index: Int) {
        let entry = alarms.entries[index]
        guard let state = entry.alarm.state, state != entry.told else { return }
        alarms.entries[index].told = state
        // A reading may have been taken after this step began.
        let since = entry.alarm.since.map { min($0 - now, .zero) }
        let value = state == .unknown ? nil : entry.alarm.value
        let reason = state == .unknown ? Self.reason(entry.alarm.quality) : nil
        alarmEvent(
            index,
            EventItem.alarm(
                entry.rule, state, value: value, since: since, reason: reason, isInitial: entry.told == nil))
        // Nothing has changed for people.
        if entry.told == nil, state == .cleared { return }
        let rule = entry.rule
        var text = "alarm \(rule.id): \(state.rawValue)"
        if let value, let number = DecimalNumber(mantissa: value, exponent: Int(rule.scale)) {
            let limit = state == .raised ? "\(rule.side.rawValue) \(rule.threshold)" : "clear at \(rule.clear)"
            text += ", \(rule.name) is \(number)\(rule.unit == "/" ? "" : " " + rule.unit), \(limit)"
        }
        if let reason { text += ", \(rule.name): \(reason)" }
        let level: JournalLine.Level =
            state == .cleared || rule.severity == .information
            ? .notice : rule.severity == .critical ? .error : .warning
        journalAlarm(level, text)
    }

    private static func reason(_ last: Quality?) -> String {
        switch last {
        case nil, .good?, .estimated?, .calibrationExpired?: "no reading"
        case let quality?: quality.reason
        }
    }

    private mutating func alarmEvent(_ index: Int, _ body: [UInt8]) {
        guard alarms.entries[index].rule.lane == .security else { return event(body) }
        if securityEvents.count >= Limits.eventsPerBatch { sealEvents() }
        securityEvents.append(Item(time: now.truncatedToMicroseconds, body: body))
    }

    private mutating func journalAlarm(_ level: JournalLine.Level, _ text: String) {
        switch alarms.lineFlaps.change(at: now) {
        case .tell: journal.append(JournalLine(level, text))
        case .beganFlapping:
            journal.append(JournalLine(level, text))
            journal.append(JournalLine(.warning, "alarms: many changes, from now on only events tell them"))
        case .counted: break
        }
    }
}
