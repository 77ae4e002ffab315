// Kernel attributes may block: a 1-wire conversion for 0.75 s, an IIO driver for as long as its chip measures, a wedged
// adapter for ever. So the sensors behind them are measured by a Sampler of its own on its own thread, which hands its
// readings to the one that owns pins and buses; there they go into the one ring, in the order they come.
//
// On a stop it is asked to give its last readings and is not waited for: who hangs in the kernel cannot answer.

import Gateway
import LinuxWorld
import Sensors
import Synchronization
import World

/// The way from the kernel's Sampler to the other.
final class KernelSampler: Sendable {
    private let readings = Ring<Reading>(capacity: Limits.ringKernelReadings)
    private let notices = Ring<Gateway.Notice>(capacity: Limits.ringNotices)
    let counts = SamplerCounts()
    private let mustStop = Atomic<Bool>(false)
    private let bell: Mutex<Waker?> = Mutex(nil)

    /// Which sensors belong to it.
    static func takes(_ sensor: InstalledSensor) -> Bool {
        if case .attribute = sensor.driver { true } else { false }
    }

    init(sensors: [InstalledSensor], trustsSystemClock: Bool, news: Waker) throws(SystemError) {
        let loop = try EventLoop()
        let lines = try GPIOLines(keptEdges: 1)
        let waker = loop.waker
        bell.withLock { $0 = waker }
        var sampler = Sampler(
            clock: LinuxClock(), bus: I2CBuses([]), lines: lines, attributes: KernelAttributes(), sensors: sensors,
            readings: readings, notices: notices,
            counters: CounterPage(memory: .allocate(byteCount: CounterPage.bytes, alignment: 8)), counts: counts)
        sampler.trustsSystemClock = trustsSystemClock
        try Self.launch(Work(sampler: sampler, loop: loop, owner: self, news: news))
    }

    private static func launch(_ work: consuming sending Work) throws(SystemError) {
        _ = try Thread.start(named: "Kernel", with: work) { (work: consuming Work) in work.run() }
    }

    /// Safe to move: made in one place and handed over whole; what is shared with the other thread is made for two.
    private struct Work: ~Copyable, @unchecked Sendable {
        var sampler: Sampler<LinuxClock, I2CBuses, GPIOLines, KernelAttributes>
        var loop: EventLoop
        let owner: KernelSampler
        let news: Waker

        consuming func run() {
            // Swift 6.0 reads no property of a class through a field of what cannot be copied.
            let owner = owner
            while !owner.mustStop.load(ordering: .acquiring) {
                let next = sampler.step()
                if sampler.takeNews() { news.ring() }
                loop.wait(until: next)
            }
            sampler.finish()
            news.ring()
        }
    }

    /// Puts what has come into the other Sampler's ring.
    func deliver<B: Bus & ~Copyable, L: Lines & ~Copyable, A: Attributes & ~Copyable>(
        to sampler: inout Sampler<LinuxClock, B, L, A>
    ) {
        sampler.relay(readings, notices)
    }

    func stop() {
        mustStop.store(true, ordering: .releasing)
        bell.withLock { $0?.ring() }
    }
}
