// The Courier's thread: steps it, waits for what it waits for, writes its lines to the journal, and tells the main
// thread what that has to know.

import Gateway
import LinuxWorld
import Outbox
import World

/// All that the Courier's thread owns.
///
/// Safe to move: it is made in one place and handed over whole; what is shared with the Sampler (rings, counters,
/// `shared`) is made for two threads.
struct CourierThread: ~Copyable, @unchecked Sendable {
    var courier: Courier<LinuxClock, BoardDisk, MosquittoBroker>
    var loop: EventLoop
    let shared: SharedState
    let samplerWaker: Waker
    let beatEvery: Duration
    let journal: Journal
    /// How long to go on delivering after the Sampler has finished.
    let drainAtMost: Duration
    let faultText: @Sendable (Int) -> String?
    let powerOffFile: String

    consuming func run() {
        courier.faultText = faultText
        let clock = LinuxClock()
        var drainUntil: Boottime?
        var hasBegunStop = false
        var hasRecovered = false
        var hasAskedForPowerOff = false
        while true {
            let next = courier.step()
            for line in courier.takeJournal() { journal.write(line) }
            shared.courierPulse.beat()
            let figures = courier.figures
            shared.figures.withLock { $0 = figures }
            if !hasRecovered, courier.isRecovered {
                hasRecovered = true
                let counters = courier.recoveredCounters
                shared.counters.withLock { $0 = counters }
                shared.isRecovered.store(true, ordering: .releasing)
                samplerWaker.ring()
            }
            if !hasBegunStop, shared.counts.isFinished {
                if drainUntil == nil {
                    drainUntil = clock.now() + drainAtMost
                    courier.sealWhatIsLeft(taken: shared.counts.takenByChannel)
                    continue
                }
                if courier.isDrained || clock.now() >= drainUntil! {
                    hasBegunStop = true
                    courier.beginStop()
                    continue
                }
            }
            if courier.wantsPowerOff, !hasAskedForPowerOff { askForPowerOff() }
            hasAskedForPowerOff = courier.wantsPowerOff
            if courier.isStopped { break }
            loop.follow(courier.withBroker { $0.watch })
            loop.wait(until: min(next, clock.now() + beatEvery))
        }
        flushGoodbye(clock)
        for line in courier.takeJournal() { journal.write(line) }
        shared.hasStopped.store(true, ordering: .releasing)
        samplerWaker.ring()
    }

    /// The agent may not switch the board off; a unit of the system watches for this file (cityedge-poweroff.path).
    private func askForPowerOff() {
        // Asked for already, and not yet heard.
        if fileExists(powerOffFile) { return }
        do throws(SystemError) { try NewFile(powerOffFile).finish() } catch {
            journal.write(JournalLine(.error, "\(powerOffFile): \(error.reason); the board cannot be switched off"))
        }
    }

    /// DISCONNECT may still wait for the socket; a tenth of a second is enough for any broker that answers.
    private mutating func flushGoodbye(_ clock: LinuxClock) {
        let end = clock.now() + .milliseconds(100)
        while clock.now() < end, courier.withBroker({ _ = $0.nextEvent(); return $0.watch != nil }) {
            loop.follow(courier.withBroker { $0.watch })
            loop.wait(until: end)
        }
    }
}
