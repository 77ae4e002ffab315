// Carrying out a fault on the parts of the world that this module simulates.

import World

extension Fault {
    /// True when the fault is done with; false when it is the caller's: `noAcknowledge` and `flippedBit` (hardware),
    /// `orderlyStop`, and `processCrash` and `powerCut` (the loop drops the process first, then calls `endProcess` or
    /// `cutPower`).
    public func strike(clock: SimulatedClock, disk: SimulatedDisk, broker: SimulatedBroker) -> Bool {
        switch self {
        case .noAcknowledge, .flippedBit, .orderlyStop, .processCrash, .powerCut: return false
        case .clockStep(let amount): clock.step(by: amount)
        case .clockSlew(let amount): clock.slew(by: amount)
        case .brokerGoesAway(let how): broker.goAway(how)
        case .brokerComesBack: broker.comeBack()
        case .connectionLost: broker.loseConnection()
        case .sessionTakenOver: broker.takeOver()
        case .acknowledgementLost: broker.loseNextAcknowledgement()
        case .acknowledgementLate(let delay): broker.delayNextAcknowledgement(by: delay)
        case .quotaExceeded: broker.isQuotaExceeded = true
        case .quotaRestored: broker.isQuotaExceeded = false
        case .subscribersGone: broker.hasSubscribers = false
        case .subscribersBack: broker.hasSubscribers = true
        case .diskFull: disk.isFull = true
        case .diskFreed: disk.isFull = false
        case .diskReadOnly: disk.isReadOnly = true
        case .diskWritable: disk.isReadOnly = false
        case .readsFail: disk.failsReads = true
        case .readsWork: disk.failsReads = false
        case .sectorLost(let pick): disk.spoilSector(pick: pick) { $0.hasSuffix(".seg") }
        case .runtimeFull: disk.isRuntimeFull = true
        case .runtimeFreed: disk.isRuntimeFull = false
        case .topicRefused(let topic): broker.refusedTopics.insert(topic)
        case .topicAllowed(let topic): broker.refusedTopics.remove(topic)
        case .syncFails: disk.failSyncs(1)
        case .syncHangs(let extra): disk.hangNextSync(for: extra)
        case .quiet:
            disk.calm()
            broker.calm()
        }
        return true
    }
}

/// `kill -9` for every part: the caller has let go of what the process owned.
public func endProcess(disk: SimulatedDisk, broker: SimulatedBroker) {
    broker.crashProcess()
    disk.crashProcess()
}

/// A power cut for every part, `off` long. Virtual time goes on meanwhile; the next process starts in a new boot.
public func cutPower(off: Duration, clock: SimulatedClock, disk: SimulatedDisk, broker: SimulatedBroker) {
    broker.powerCut()
    disk.powerCut()
    clock.powerCut(off: off)
}
