// What the roles of digital inputs ask for: `power-fail`, `low-battery`, `tamper`.
//
// Power-fail, in this order: the readings in the ring are sealed, with the event; what is sealed and not acknowledged
// is written and synced; then the checkpoint, with the counters as they stand. All of it is handed to the flash in the
// step that takes the notice, and while the power is failing whatever is sealed follows at once. When the mains are
// back, the loss window holds again.
//
// Low battery: the same after it has lasted `Limits.lowBatteryHold`, and then `wantsPowerOff`.

import Outbox
import Sensors
import Uplink
import World

struct FailingPower {
    /// Sensors whose power-fail line is active.
    var sources: Set<Int> = []
    var since: Boottime?
    /// Everything up to the notice, and the checkpoint, have been handed over and are not yet known to be safe.
    var isUnderWay = false
    /// Sensors whose low-battery line is active, and since when.
    var batteries: [Int: Boottime] = [:]
    var hasGivenUp = false

    var mustSpill: Bool { !sources.isEmpty || hasGivenUp }
    /// When the first battery has been low for long enough.
    var deadline: Boottime {
        hasGivenUp ? .distantFuture : batteries.values.min().map { $0 + Limits.lowBatteryHold } ?? .distantFuture
    }
}

extension Courier where D: ~Copyable, R: ~Copyable {
    /// The battery will not last, and everything is safe: the board may be switched off.
    public var wantsPowerOff: Bool { power.hasGivenUp && !power.isUnderWay }

    mutating func takeRole(_ notice: Notice, _ sensor: Int) {
        guard let role = LineRole(rawValue: notice.detail) else { return }
        let id = plan.sensorIDs[sensor]
        let isActive = notice.value != 0
        switch role {
        case .powerFail:
            guard isActive != power.sources.contains(sensor) else { return }
            if isActive { power.sources.insert(sensor) } else { power.sources.remove(sensor) }
            event(EventItem.power(id, isActive ? .lost : .back))
            journal.append(
                isActive
                    ? JournalLine(.warning, "sensor \(id): power is failing, everything goes to flash")
                    : JournalLine(.notice, "sensor \(id): power is back"))
            if isActive { beginToSecure() }
        case .lowBattery:
            guard isActive != (power.batteries[sensor] != nil) else { return }
            power.batteries[sensor] = isActive ? now : nil
            // Charged again before anybody switched the board off: asked for anew the next time.
            if power.batteries.isEmpty { power.hasGivenUp = false }
            event(EventItem.battery(id, isLow: isActive))
            journal.append(
                JournalLine(isActive ? .warning : .notice, "sensor \(id): battery \(isActive ? "low" : "ok")"))
        case .tamper:
            if securityEvents.count >= Limits.eventsPerBatch { sealEvents() }
            securityEvents.append(
                Item(time: notice.at.truncatedToMicroseconds, body: EventItem.tamper(id, isOpen: isActive)))
            journal.append(JournalLine(.warning, "sensor \(id): tamper contact \(isActive ? "active" : "at rest")"))
        }
    }

    private mutating func beginToSecure() {
        power.since = now
        power.isUnderWay = true
    }

    /// In each step, once what came has been sealed. True in the step that hands everything over.
    mutating func securePower() {
        if power.deadline <= now {
            power.hasGivenUp = true
            journal.append(JournalLine(.warning, "battery low for \(Limits.lowBatteryHold): the board is switched off"))
            beginToSecure()
        }
        guard power.mustSpill else { return }
        if power.since == now, power.isUnderWay {
            sealReadings()
            sealEvents()
            outbox.spillWhatIsDue(now: now, isOffering: false, everything: true)
            writeCheckpoint(isOrderly: false)
            return
        }
        outbox.spillWhatIsDue(now: now, isOffering: false, everything: true)
        if power.isUnderWay, outbox.isEverythingSpilled, !outbox.isCheckpointPending {
            power.isUnderWay = false
            let milliseconds = (now - (power.since ?? now)).nanoseconds / 1_000_000
            journal.append(JournalLine(.notice, "everything is on flash after \(milliseconds) ms"))
        }
    }
}
