// The clock of a board without a battery, from a seed.
//
// Fault model. At boot the wall clock is in the past: at 1970, or where a file left it minutes to weeks ago. Some
// seconds to two minutes later the node finds its time server: the clock steps to within its bound of the truth and the
// kernel calls it synchronised. A step (an operator, a bad server) makes it unsynchronised until the server is heard
// again: the kernel clears its NTP state whenever the clock is set (`do_settimeofday64` calls `ntp_clear`). A slew
// moves it by at most 500 ppm.
//
// Promises. Boottime never goes back within a boot and is right; it begins again at 0 after a power cut, with another
// boot id. While the kernel calls the wall clock synchronised, its error is at most the maximum error that it tells.

public import World

public final class SimulatedClock: Clock {
    public enum WallClock: Sendable {
        /// As above: what `clock: ntp` is made for.
        case synchronisesLater
        /// Right, but never called synchronised by the kernel: what `clock: trust-system` is made for.
        case rightButNeverSynchronised
    }

    /// Virtual time: goes on through power cuts.
    public private(set) var elapsed = VirtualTime.zero
    /// Counts boots from 1.
    public private(set) var bootNumber = 1
    /// As /proc/sys/kernel/random/boot_id prints it.
    public private(set) var bootID: String

    /// `NTP_PHASE_LIMIT`, what the kernel says while it knows nothing: 16 s.
    private static let unknownErrorNanoseconds: Int64 = 16_000_000_000
    /// Between two answers of the server the kernel lets its error grow by 500 ppm (`MAXFREQ`).
    private static let driftDivisor: Int64 = 2_000
    private static let pollNanoseconds: Int64 = 64_000_000_000

    private let kind: WallClock
    private let truthAtZeroNanoseconds: Int64
    private var random: Random
    private var bootedAt = VirtualTime.zero
    private var synchronisesAt = VirtualTime.distantFuture
    private var synchronisedAt: VirtualTime?
    private var baseErrorNanoseconds: Int64 = 0
    /// Wall minus truth: from `errorFrom` at `errorSince` towards `errorTo`, at most 500 ppm fast.
    private var errorSince = VirtualTime.zero
    private var errorFrom: Int64 = 0
    private var errorTo: Int64 = 0

    /// `beginsAt`: the true time at virtual time 0; nil: some moment of the years from 2026 on, by seed, so that no
    /// test leans on one date.
    public init(seed: UInt64, wallClock: WallClock = .synchronisesLater, beginsAt: UTC? = nil) {
        kind = wallClock
        random = Random(seed: seed, purpose: "clock")
        let moment = Int64(1_767_225_600 + random.below(5 * 365 * 86_400)) * 1_000_000_000
        truthAtZeroNanoseconds = beginsAt?.nanoseconds ?? moment
        bootID = ""
        boot()
    }

    public func now() -> Boottime { boottime(of: elapsed) }

    public func wall() -> WallReading {
        let error = wallErrorNanoseconds
        var reading = WallReading(
            boottime: now(), utc: UTC(nanoseconds: trueUTC.nanoseconds + error), isSynchronised: false,
            maximumErrorNanoseconds: Self.unknownErrorNanoseconds)
        if let synchronisedAt {
            let sincePoll = (elapsed.nanoseconds - synchronisedAt.nanoseconds) % Self.pollNanoseconds
            reading.isSynchronised = true
            reading.maximumErrorNanoseconds =
                baseErrorNanoseconds + Int64(error.magnitude) + sincePoll / Self.driftDivisor
        }
        return reading
    }

    /// What time it really is: for checkers, never for the agent.
    public var trueUTC: UTC { UTC(nanoseconds: truthAtZeroNanoseconds + elapsed.nanoseconds) }

    // MARK: For whoever drives the simulation

    public func advance(by duration: Duration) { advance(to: elapsed + duration) }

    public func advance(to moment: VirtualTime) {
        invariant(moment >= elapsed, "virtual time cannot go back from \(elapsed) to \(moment)")
        if synchronisesAt <= moment {
            elapsed = synchronisesAt
            synchronise()
        }
        elapsed = moment
    }

    /// The node's boottime at a virtual time of the present boot.
    public func boottime(of moment: VirtualTime) -> Boottime {
        guard moment < .distantFuture else { return .distantFuture }
        return Boottime(nanoseconds: moment.nanoseconds - bootedAt.nanoseconds)
    }

    public func virtualTime(of moment: Boottime) -> VirtualTime {
        bootedAt + .nanoseconds(moment.nanoseconds)
    }

    /// Sets the wall clock wrong by `amount`. Boottime does not notice.
    public func step(by amount: Duration) {
        holdError(at: wallErrorNanoseconds + amount.nanoseconds)
        synchronisedAt = nil
        if kind == .synchronisesLater { synchronisesAt = elapsed + random.duration(in: .seconds(1)...(.seconds(90))) }
    }

    /// Lets the wall clock wander off by `amount`, at 500 ppm. It stays synchronised, with a larger maximum error.
    public func slew(by amount: Duration) {
        let error = wallErrorNanoseconds
        holdError(at: error)
        errorTo = error + amount.nanoseconds
    }

    /// The node loses its power now and boots `off` later.
    public func powerCut(off: Duration) {
        invariant(off >= .zero, "the power cannot come back before it went")
        synchronisesAt = .distantFuture
        elapsed = elapsed + off
        bootNumber += 1
        boot()
    }

    private var wallErrorNanoseconds: Int64 {
        let reach = (elapsed.nanoseconds - errorSince.nanoseconds) / Self.driftDivisor
        return errorTo >= errorFrom ? min(errorTo, errorFrom + reach) : max(errorTo, errorFrom - reach)
    }

    private func holdError(at nanoseconds: Int64) {
        errorSince = elapsed
        errorFrom = nanoseconds
        errorTo = nanoseconds
    }

    private func boot() {
        bootedAt = elapsed
        bootID = Self.uuid(&random)
        synchronisedAt = nil
        switch kind {
        case .rightButNeverSynchronised:
            synchronisesAt = .distantFuture
            holdError(at: 0)
        case .synchronisesLater:
            synchronisesAt = elapsed + random.duration(in: .seconds(2)...(.seconds(120)))
            let isAtEpoch = random.chance(1, in: 4)
            let behind = random.duration(in: .seconds(60)...(.seconds(30 * 86_400)))
            holdError(at: isAtEpoch ? -trueUTC.nanoseconds : -behind.nanoseconds)
        }
    }

    private func synchronise() {
        baseErrorNanoseconds = random.duration(in: .milliseconds(5)...(.milliseconds(50))).nanoseconds
        let offset = random.duration(in: .zero...(.nanoseconds(2 * baseErrorNanoseconds))).nanoseconds
        holdError(at: offset - baseErrorNanoseconds)
        synchronisedAt = elapsed
        synchronisesAt = .distantFuture
    }

    /// A random UUID in the form of RFC 9562 section 5.4, as the kernel makes its boot id.
    private static func uuid(_ random: inout Random) -> String {
        let high = random.next() & ~0xF000 | 0x4000
        let low = random.next() & ~(0b11 << 62) | (0b10 << 62)
        var text = ""
        for (index, word) in [high, low].enumerated() {
            for nibble in 0..<16 {
                if [8, 12].contains(nibble) && index == 0 || [0, 4].contains(nibble) && index == 1 { text += "-" }
                text += String((word >> UInt64(60 - 4 * nibble)) & 0xF, radix: 16)
            }
        }
        return text
    }
}
