// The simulated process: how it starts, what it does in a step, and how it ends.

import Gateway
import Outbox
import Sensors
import SimulatedWorld
import SiteConfig
import World

extension Simulation {
    func start() {
        starts += 1
        var random = Random(seed: seed, purpose: "process \(starts)")
        guard let boot = BootID(text: clock.bootID) else { invariantFailed("boot id \(clock.bootID)") }
        let assembly = Assembly(site: site, boot: boot)
        do {
            var outbox = try Outbox(
                disk: disk.handle(), limits: limits(assembly), dictionary: assembly.dictionary, boot: boot,
                random: &random)
            let readings = Ring<Reading>(
                memory: try outbox.disk.map("ring", bytes: Ring<Reading>.bytes(capacity: Limits.ringReadings)),
                capacity: Limits.ringReadings, tag: assembly.ringTag)
            let counters = CounterPage(memory: try outbox.disk.map("counters", bytes: CounterPage.bytes))
            let notices = Ring<Gateway.Notice>(capacity: Limits.ringNotices)
            trace.note("node", "starts, stream \(outbox.stream)")
            let courier = Courier(
                clock: clock, plan: assembly.plan(password: nil, reconnectLongest: .seconds(20), serial: nil),
                outbox: outbox, broker: broker.client(), random: random, readings: readings, notices: notices,
                counters: counters)
            process = Process(
                courier: courier, readings: readings, notices: notices, counters: counters, startedAt: clock.now())
            noteStart()
        } catch {
            trace.note("node", "cannot start: \(error)")
            disk.crashProcess()
            restartAt = clock.elapsed + .seconds(5)
        }
    }

    /// One node in three has so little flash that an outage fills it.
    private func limits(_ assembly: Assembly) -> OutboxLimits {
        var limits = assembly.outboxLimits
        var random = Random(seed: seed, purpose: "flash size")
        guard random.chance(1, in: 3) else { return limits }
        limits.flashBytesMax = 16 << 10
        limits.flashSegmentBytes = 4 << 10
        limits.memorySegmentBytes = 2 << 10
        limits.readChunkBytes = 2 << 10
        return limits
    }

    /// Steps what runs; returns when something is due next.
    func stepProcess() -> VirtualTime {
        var next = plan.nextDeadline ?? .distantFuture
        guard process != nil else { return min(next, max(restartAt, clock.elapsed)) }
        if process!.sampler == nil, !process!.isStopping { startSampling() }
        if process!.sampler != nil, !process!.isStopping {
            if clock.elapsed >= samplingEnds {
                finishSampling()
            } else {
                next = min(next, clock.virtualTime(of: process!.sampler!.step()), hardwareDeadline())
            }
        }
        let deadline = process!.courier.step()
        for line in process!.courier.takeJournal() { trace.note("journal", line.text) }
        noteMoment()
        if process!.courier.isStopped {
            endProcess()
            SimulatedWorld.endProcess(disk: disk, broker: broker)
            trace.note("node", "has stopped")
            restartAt = clock.elapsed + .seconds(2)
            return min(next, restartAt)
        }
        next = min(next, deadline == .distantFuture ? .distantFuture : clock.virtualTime(of: deadline))
        if let due = disk.nextDeadline { next = min(next, due) }
        if let due = broker.nextDeadline { next = min(next, due) }
        return next
    }

    /// SIGTERM: the Sampler gives its last readings, the Courier seals and stops, as `GatewayRun` has it.
    func beginStop() {
        guard process != nil, !process!.isStopping else { return }
        process!.isStopping = true
        finishSampling()
        process!.courier.beginStop()
    }

    private func finishSampling() {
        guard process!.sampler != nil, !process!.counts.isFinished else { return }
        process!.sampler!.finish()
        process!.courier.sealWhatIsLeft(taken: process!.counts.takenByChannel)
    }

    /// Lets go of what the process owned; it was killed, or has stopped.
    func endProcess() {
        guard process != nil else { return }
        noteEnd()
        process = nil
        hardware.lines.releaseAll()
    }

    private func hardwareDeadline() -> VirtualTime {
        let change = hardware.lines.nextChange()
        return change == .distantFuture ? .distantFuture : clock.virtualTime(of: change)
    }

    private func startSampling() {
        let isRecovered = process!.courier.isRecovered
        let age = clock.now() - process!.startedAt
        guard isRecovered || age >= Limits.recoveryWait else { return }
        guard let sensors = try? Assembly(site: site, boot: BootID(high: 0, low: 0)).installedSensors() else {
            invariantFailed("the simulated site's sensors were made before")
        }
        let found = process!.counters.found
        let kept = process!.courier.recoveredCounters
        var sampler = Sampler(
            clock: clock, bus: hardware.bus, lines: hardware.lines, attributes: hardware.attributes, sensors: sensors,
            readings: process!.readings, notices: process!.notices, counters: process!.counters, counts: process!.counts
        )
        sampler.resumeCounters(
            exact: { id in found.first { $0.key == Checkpoint.key(of: id) }?.checkpoint },
            afterPowerCut: { id in kept.first { $0.key == Checkpoint.key(of: id) }?.total },
            key: { Checkpoint.key(of: $0) })
        process!.sampler = consume sampler
    }
}
