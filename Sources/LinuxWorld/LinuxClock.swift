// The kernel's clocks. No failure is possible: both clocks exist on every kernel that runs the agent (CLOCK_BOOTTIME
// since Linux 2.6.39).

import CLinux
import World

public struct LinuxClock: Clock, Sendable {
    public init() {}

    public func now() -> Boottime { Boottime(nanoseconds: clinux_boottime()) }

    /// The wall clock lies between two looks at the boot clock; their middle is taken, so that what a preemption in
    /// between can shift is halved.
    public func wall() -> WallReading {
        var isSynchronised = false
        var maximumErrorMicroseconds: Int64 = 0
        // Where adjtimex is forbidden (a sandbox) nothing vouches for the clock: it counts as not synchronised.
        let isKnown = clinux_clock_discipline(&isSynchronised, &maximumErrorMicroseconds) == 0
        let before = clinux_boottime()
        let utc = clinux_realtime()
        let after = clinux_boottime()
        return WallReading(
            boottime: Boottime(nanoseconds: before + (after - before) / 2),
            utc: UTC(nanoseconds: utc),
            isSynchronised: isKnown && isSynchronised,
            maximumErrorNanoseconds: isKnown ? maximumErrorMicroseconds * 1_000 : .max)
    }
}
