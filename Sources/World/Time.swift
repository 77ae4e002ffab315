// Time as a board without a clock battery knows it.
//
// `Boottime` (CLOCK_BOOTTIME) only ever grows and is what readings, deadlines and ages are made of. `UTC` is what the
// city wants and is derived late, by an `Anchor`, once the board's wall clock deserves trust. Nothing is ever stored or
// compared by wall time, so a step of the clock can neither reorder nor lose a reading.

/// A moment on CLOCK_BOOTTIME of one boot, in nanoseconds since that boot.
public struct Boottime: Comparable, Hashable, Sendable, BitwiseCopyable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static func < (a: Boottime, b: Boottime) -> Bool { a.nanoseconds < b.nanoseconds }
    public static func + (a: Boottime, b: Duration) -> Boottime {
        Boottime(nanoseconds: a.nanoseconds &+ b.nanoseconds)
    }
    public static func - (a: Boottime, b: Duration) -> Boottime {
        Boottime(nanoseconds: a.nanoseconds &- b.nanoseconds)
    }
    public static func - (a: Boottime, b: Boottime) -> Duration { .nanoseconds(a.nanoseconds &- b.nanoseconds) }

    /// The same moment with the resolution that batches store: whole microseconds, rounded down.
    public var truncatedToMicroseconds: Boottime {
        Boottime(nanoseconds: nanoseconds - nanoseconds % 1_000)
    }

    /// Later than every real moment: "never" as a deadline.
    public static let distantFuture = Boottime(nanoseconds: .max)
}

/// A moment in Coordinated Universal Time, in nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX).
public struct UTC: Comparable, Hashable, Sendable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    public init(seconds: Int64) { self.nanoseconds = seconds * 1_000_000_000 }

    public static func < (a: UTC, b: UTC) -> Bool { a.nanoseconds < b.nanoseconds }
    public static func - (a: UTC, b: UTC) -> Duration { .nanoseconds(a.nanoseconds &- b.nanoseconds) }

    /// 2020-01-01T00:00:00Z. No node took a reading before: a clock that says so was never set.
    public static let earliest = UTC(seconds: 1_577_836_800)

    /// Whole seconds since 1970, rounded down.
    public var seconds: Int64 {
        let quotient = nanoseconds / 1_000_000_000
        return nanoseconds % 1_000_000_000 < 0 ? quotient - 1 : quotient
    }
}

/// What ties the boot clock to UTC: `UTC = boottime + offset`, right to within `bound`.
public struct Anchor: Hashable, Sendable {
    /// UTC minus boottime, nanoseconds.
    public var offsetNanoseconds: Int64
    /// Half-width of the interval in which the true offset lies, nanoseconds.
    public var boundNanoseconds: Int64

    public init(offsetNanoseconds: Int64, boundNanoseconds: Int64) {
        self.offsetNanoseconds = offsetNanoseconds
        self.boundNanoseconds = boundNanoseconds
    }

    public func utc(_ moment: Boottime) -> UTC { UTC(nanoseconds: moment.nanoseconds &+ offsetNanoseconds) }
    public func boottime(_ moment: UTC) -> Boottime { Boottime(nanoseconds: moment.nanoseconds &- offsetNanoseconds) }
}

/// One look at both clocks, taken together.
public struct WallReading: Hashable, Sendable {
    public var boottime: Boottime
    public var utc: UTC
    /// The kernel says that the wall clock is disciplined (adjtimex(2): STA_UNSYNC is clear).
    public var isSynchronised: Bool
    /// The kernel's own estimate of the largest error (adjtimex(2): maxerror), nanoseconds.
    public var maximumErrorNanoseconds: Int64

    public init(boottime: Boottime, utc: UTC, isSynchronised: Bool, maximumErrorNanoseconds: Int64) {
        self.boottime = boottime
        self.utc = utc
        self.isSynchronised = isSynchronised
        self.maximumErrorNanoseconds = maximumErrorNanoseconds
    }
}

extension Duration {
    /// The whole duration in nanoseconds; saturates at about ±292 years.
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        return product &+ attoseconds / 1_000_000_000
    }
}
