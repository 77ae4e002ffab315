// A Sampler with everything that it needs beside the seams, for commands that run nothing else: no Courier, no memory
// that survives, counters that begin at nothing. Its steps can be recorded, and recorded steps replayed.

import Gateway
import Sensors
import SimulatedWorld
import World

package struct LoneSampler<C: Clock, B: Bus & ~Copyable, L: Lines & ~Copyable, A: Attributes & ~Copyable>: ~Copyable {
    private var sampler: Sampler<C, B, L, A>
    private let readings: Ring<Reading>
    private let notices: Ring<Gateway.Notice>
    private let memory: UnsafeMutableRawBufferPointer

    package init(
        clock: C, bus: consuming B, lines: consuming L, attributes: consuming A, sensors: [InstalledSensor],
        trustsSystemClock: Bool
    ) {
        readings = Ring<Reading>(capacity: Limits.ringReadings)
        notices = Ring<Gateway.Notice>(capacity: Limits.ringNotices)
        memory = .allocate(byteCount: CounterPage.bytes, alignment: 8)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        sampler = Sampler(
            clock: clock, bus: bus, lines: lines, attributes: attributes, sensors: sensors, readings: readings,
            notices: notices, counters: CounterPage(memory: memory), counts: SamplerCounts())
        sampler.trustsSystemClock = trustsSystemClock
    }

    deinit { memory.deallocate() }

    /// One step that goes into the recording with its readings; returns when the next is wanted. `isLast`: the orderly
    /// end.
    package mutating func record(
        _ recorder: SeamRecorder, isLast: Bool = false, each body: (Reading) -> Void = { _ in }
    ) -> Boottime {
        recorder.beginStep(isLast: isLast)
        let next = step(isLast)
        let readings = readings
        while let reading = readings.take() {
            recorder.note(reading)
            body(reading)
        }
        recorder.endStep()
        return next
    }

    /// One recorded step; `body` is given each reading, and whether it is the recorded one. False: the Sampler has gone
    /// another way.
    package mutating func replay(
        _ replayer: SeamReplayer, isLast: Bool = false, each body: (Reading, _ isSame: Bool) -> Void
    ) -> Bool {
        _ = step(isLast)
        let readings = readings
        while let reading = readings.take() {
            // Where the Sampler was answered with nothing, its readings are nothing.
            guard replayer.divergence == nil else { continue }
            body(reading, replayer.check(reading))
        }
        return replayer.endStep()
    }

    private mutating func step(_ isLast: Bool) -> Boottime {
        // Nobody listens to what is lost and back; a ring that is full would only refuse.
        let notices = notices
        defer { while notices.take() != nil {} }
        if !isLast { return sampler.step() }
        sampler.finish()
        return .distantFuture
    }
}
