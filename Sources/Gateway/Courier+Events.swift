// Changes of state, told twice: to the city as events, to the people at the node as lines of the journal. Both once, at
// the change.

import Outbox
import Uplink
import World

extension Courier where D: ~Copyable, R: ~Copyable {
    mutating func event(_ body: [UInt8]) {
        if !plan.carriesOnly { keep(body) }
    }

    private mutating func keep(_ body: [UInt8]) {
        if events.count >= Limits.eventsPerBatch { sealEvents() }
        events.append(Item(time: now.truncatedToMicroseconds, body: body))
    }

    /// A Courier that only carries begins its stream when it has to tell something.
    mutating func beginToSpeak() {
        guard let first = unsaidStreamEvent else { return }
        unsaidStreamEvent = nil
        keep(first)
    }

    mutating func sealEvents() {
        guard !mustAwaitStreamEvent else { return }
        events = seal(events, .events)
        securityEvents = seal(securityEvents, .security)
        if events.isEmpty { outbox.lossesAreTold() }
    }

    /// Answers what is left. What the runtime directory has no room for waits, up to a bound: a tombstone that is lost
    /// would be a silent loss.
    private mutating func seal(_ items: [Item], _ lane: Lane) -> [Item] {
        guard !items.isEmpty else { return [] }
        let rest = Array(items.dropFirst(outbox.sealWhatFits(items, lane: lane, anchor: settling.anchor)))
        guard rest.count >= Limits.eventsPerBatch else { return rest }
        outbox.seal(rest, lane: lane, anchor: settling.anchor)
        return []
    }

    /// The first event of a stream needs the checkpoint of the one before: until that is read the others wait for it,
    /// though not for a flash that does not answer.
    var mustAwaitStreamEvent: Bool {
        isNewStream && !hasTakenUpRecovery && stop == nil && now < startedAt + Limits.recoveryWait
            && events.count < Limits.eventsPerBatch && securityEvents.count < Limits.eventsPerBatch
    }

    /// Readings in the ring that were taken under another configuration cannot be told apart any more.
    mutating func tellDiscarded() {
        guard readings.discarded > 0, !hasToldDiscarded else { return }
        hasToldDiscarded = true
        figures.refused &+= readings.discarded
        tell(
            Loss(
                stream: outbox.stream, lane: .readings, range: nil, counts: [("readings", readings.discarded)],
                reason: "configuration changed"))
    }

    private func lostText(_ sensor: Int, _ reason: String?) -> String {
        "lost: \(reason ?? "")" + (faultText(sensor).map { ": \($0)" } ?? "")
    }

    mutating func takeNotices() {
        while let notice = notices.take() {
            if notice.kind == .busLost || notice.kind == .busBack {
                tellBus(Int(notice.sensor), notice.kind)
                continue
            }
            let sensor = Int(notice.sensor)
            guard sensor < plan.sensorIDs.count else { continue }
            let id = plan.sensorIDs[sensor]
            switch notice.kind {
            case .counterEpoch, .counterSet:
                let isSet = notice.kind == .counterSet
                let channel = "\(id).total"
                let scale = plan.channels.channels.first { $0.name == channel }?.scale ?? 0
                event(
                    EventItem.counterEpoch(
                        sensor: id, channel: channel, total: notice.value, scale: scale, isSet: isSet))
                journal.append(
                    JournalLine(
                        .notice,
                        "sensor \(id): counter goes on from \(isSet ? "what was read off the meter" : "the checkpoint")"
                            + ", new epoch"))
                // Nobody reads the meter a second time because the power failed in the next ten minutes.
                if isSet { checkpointAt = now }
            case .sensorLost, .sensorBack:
                let isLost = notice.kind == .sensorLost
                let reason = isLost ? Quality(rawValue: notice.detail)?.reason : nil
                switch flaps[sensor].change(at: now) {
                case .tell:
                    event(EventItem.sensor(id, isLost ? .lost : .back, reason: reason))
                    journal.append(
                        JournalLine(
                            isLost ? .warning : .notice, "sensor \(id): " + (isLost ? lostText(sensor, reason) : "back")
                        )
                    )
                case .beganFlapping(let changes):
                    event(EventItem.flapping("sensor \(id)", .began, changes: changes))
                    journal.append(JournalLine(.warning, "sensor \(id): flapping, counted from now on"))
                case .counted: break
                }
            case .role: takeRole(notice, sensor)
            case .valuesDoubted, .valuesBelieved: tellQuality(notice, sensor)
            case .busLost, .busBack: invariantFailed("a bus is no sensor")
            }
        }
        for index in flaps.indices where flaps[index].deadline <= now {
            switch flaps[index].step(at: now) {
            case .stillFlapping(let changes):
                event(EventItem.flapping(flapSubject(index), .still, changes: changes))
                journal.append(JournalLine(.notice, "\(flapSubject(index)): \(changes) changes in the last hour"))
            case .ended:
                event(EventItem.flapping(flapSubject(index), .ended, changes: 0))
                journal.append(JournalLine(.notice, "\(flapSubject(index)): no longer flapping"))
            case nil: break
            }
        }
    }

    private mutating func tellBus(_ number: Int, _ kind: Notice.Kind) {
        let name = number < plan.busNames.count ? plan.busNames[number] : "\(number)"
        event(EventItem.bus(name, kind == .busLost ? .lost : .back))
        journal.append(
            kind == .busLost
                ? JournalLine(.warning, "bus \(name): stuck; its sensors are tried ever less often until it is free")
                : JournalLine(.notice, "bus \(name): back"))
    }

    /// A channel gives values that are not to be believed as they are, or good ones again.
    private mutating func tellQuality(_ notice: Notice, _ sensor: Int) {
        let number = Int(notice.value)
        guard number < plan.channels.count, let quality = Quality(rawValue: notice.detail) else { return }
        let name = plan.channels.channels[number].name
        let index = plan.sensorIDs.count + sensor
        switch flaps[index].change(at: now) {
        case .tell:
            event(EventItem.quality(channel: name, quality))
            journal.append(
                JournalLine(quality == .good ? .notice : .warning, "\(name): \(quality.reason) from now on"))
        case .beganFlapping(let changes):
            event(EventItem.flapping(flapSubject(index), .began, changes: changes))
            journal.append(JournalLine(.warning, "\(flapSubject(index)): flapping, counted from now on"))
        case .counted: break
        }
    }

    private func flapSubject(_ index: Int) -> String {
        let count = plan.sensorIDs.count
        return index < count ? "sensor \(plan.sensorIDs[index])" : "values of sensor \(plan.sensorIDs[index - count])"
    }

    mutating func tellLosses() {
        while let loss = outbox.takeLoss() {
            figures.tombstoned &+= loss.counts.reduce(0) { $0 &+ $1.count }
            tell(loss)
        }
    }

    mutating func tell(_ loss: Loss) {
        beginToSpeak()
        noteOnSheet(loss)
        keep(
            EventItem.tombstone(
                stream: loss.stream.rawValue, lane: loss.lane, numbers: loss.range.map { $0.first...$0.last },
                channels: loss.counts, reason: loss.reason))
        let total = loss.counts.reduce(0) { $0 &+ $1.count }
        let what = loss.lane == .readings ? "readings" : "items of \(loss.lane.name)"
        let amount = loss.counts.isEmpty ? "nobody knows how many" : "\(total)"
        if lossLines.isNews(total, loss.reason, at: now) {
            journal.append(JournalLine(.warning, "\(amount) \(what) given up: \(loss.reason)"))
        }
    }
}
