// What is known of the time of the boots of which the outbox may hold batches: what settles those that were stored
// before their clock was trusted, or else between which moments they were taken.
//
// For each boot the UTC of its boottime 0, between two bounds. A boot that settled knows both itself. Of one that did
// not, the boots around it tell: it began no earlier than the boot before had lasted, and had ended when the next one
// began. Known later (the next boot settles, an anchor turns up in a segment), they hold for what is stored already.
//
// The boots stand in the order of their beginning, the present one last; at most 16, the oldest forgotten first, and
// with it bounds, never a batch. Kept in the checkpoint and, so that a restart of the process goes on with them, in the
// runtime directory: in both as
//
//   number (varint), each: boot id (16), flags (1: bit 0 anchor, bit 1 not before, bit 2 not after, bit 3 its place
//   among the others is not known), nanoseconds that it lasted at least (varint), then, as far as there: anchor
//   offset ns (signed varint) and bound ns (varint), UTC ns of boottime 0 not before, not after (signed varints)
//
// Promises: bounds are facts as long as no trusted clock lied, and of bounds that contradict each other none is told;
// nothing before 2020 is believed, whoever says it; what is read back from damaged bytes cannot overflow.

public import World

/// What is known of one boot.
struct BootTime: Equatable, Sendable {
    var boot: BootID
    /// It lasted at least until then.
    var lasted = Boottime(nanoseconds: 0)
    /// Settles what was sealed before the clock had settled. The first that is found, for good: every offer of a batch
    /// shall say the same.
    var anchor: Anchor?
    /// UTC of its boottime 0.
    var beganNotBefore: UTC?
    var beganNotAfter: UTC?
    /// Met on flash without the checkpoint knowing of it: older or newer than the others, nobody knows.
    var isUnplaced = false

    init(_ boot: BootID) { self.boot = boot }
}

/// Between which moments the readings of a boot were taken, as far as that is known.
public struct TimeBounds: Equatable, Sendable {
    public var notBefore: UTC?
    public var notAfter: UTC?

    public init(notBefore: UTC? = nil, notAfter: UTC? = nil) {
        self.notBefore = notBefore
        self.notAfter = notAfter
    }
}

public struct BootTimes: Equatable, Sendable {
    public static let bootsMax = 16

    private(set) var boots: [BootTime] = []

    public init() {}

    /// No boot lasts longer (4.6 years), no UTC is later (2116): sums over all boots stay within 64 bits.
    private static let lastedMax: Int64 = 1 << 57
    private static let latest = UTC(nanoseconds: 1 << 62)
    /// How far the boot clock may stray from UTC while nobody disciplines it: 500 ppm, what the kernel corrects at most
    /// (`MAXFREQ` of timex.h).
    private static let driftDivisor: Int64 = 2_000

    private static func isBelievable(_ moment: UTC) -> Bool { moment >= .earliest && moment <= latest }

    private func index(of boot: BootID) -> Int? { boots.firstIndex { $0.boot == boot } }

    // MARK: Learning

    /// The present boot begins, or goes on.
    mutating func begin(_ boot: BootID) {
        if index(of: boot) == nil { boots.append(BootTime(boot)) }
        trim()
    }

    /// What the flash knows. Boots that are not known here began before those that are.
    mutating func adopt(_ stored: BootTimes) {
        var older: [BootTime] = []
        for found in stored.boots {
            guard let index = index(of: found.boot) else {
                older.append(found)
                continue
            }
            boots[index].lasted = max(boots[index].lasted, found.lasted)
            boots[index].anchor = boots[index].anchor ?? found.anchor
            boots[index].beganNotBefore = boots[index].beganNotBefore ?? found.beganNotBefore
            boots[index].beganNotAfter = boots[index].beganNotAfter ?? found.beganNotAfter
        }
        boots.insert(contentsOf: older, at: 0)
        trim()
        tighten()
    }

    mutating func last(_ boot: BootID, until moment: Boottime) {
        guard let index = index(of: boot) else { return }
        boots[index].lasted = min(max(boots[index].lasted, moment), Boottime(nanoseconds: Self.lastedMax))
    }

    /// An anchor of this boot. The first one settles; the newest one bounds, because a step of the clock corrects it.
    mutating func settle(_ boot: BootID, by anchor: Anchor) {
        guard Self.isBelievable(UTC(nanoseconds: anchor.offsetNanoseconds)), anchor.boundNanoseconds >= 0,
            anchor.boundNanoseconds <= Self.lastedMax
        else { return }
        if index(of: boot) == nil {
            var met = BootTime(boot)
            met.isUnplaced = true
            boots.insert(met, at: 0)
            trim()
        }
        guard let index = index(of: boot) else { return }
        if boots[index].anchor == nil { boots[index].anchor = anchor }
        let reach = anchor.boundNanoseconds + boots[index].lasted.nanoseconds / Self.driftDivisor
        boots[index].beganNotBefore = UTC(nanoseconds: anchor.offsetNanoseconds - reach)
        boots[index].beganNotAfter = UTC(nanoseconds: anchor.offsetNanoseconds + reach)
        tighten()
    }

    /// Forgets earlier boots of which nothing is stored any more. What they told of the others stays.
    mutating func keep(only isWanted: (BootID) -> Bool) {
        guard let present = boots.last?.boot else { return }
        boots.removeAll { $0.boot != present && !isWanted($0.boot) }
    }

    private mutating func trim() {
        if boots.count > Self.bootsMax { boots.removeFirst(boots.count - Self.bootsMax) }
    }

    /// Lets the boots that settled bound those that did not. The nearest word counts, so that one wrong clock does not
    /// spoil what comes after a right one.
    private mutating func tighten() {
        let placed = boots.indices.filter { !boots[$0].isUnplaced }
        for (before, index) in zip(placed, placed.dropFirst()) where boots[index].anchor == nil {
            guard let began = boots[before].beganNotBefore else { continue }
            boots[index].beganNotBefore = UTC(nanoseconds: began.nanoseconds + boots[before].lasted.nanoseconds)
        }
        for (index, after) in zip(placed, placed.dropFirst()).reversed() where boots[index].anchor == nil {
            guard let began = boots[after].beganNotAfter else { continue }
            boots[index].beganNotAfter = UTC(nanoseconds: began.nanoseconds - boots[index].lasted.nanoseconds)
        }
    }

    // MARK: Telling

    public func anchor(of boot: BootID) -> Anchor? { index(of: boot).flatMap { boots[$0].anchor } }

    /// None of a boot that settled: its anchor says all. `boot` nil: some earlier boot, of which nothing is known but
    /// that the present one came after it.
    public func bounds(of boot: BootID?) -> TimeBounds {
        guard let boot, let index = index(of: boot) else { return TimeBounds(notAfter: boots.last?.beganNotAfter) }
        let known = boots[index]
        guard known.anchor == nil else { return TimeBounds() }
        var bounds = TimeBounds(notBefore: known.beganNotBefore)
        if boot != boots.last?.boot, let began = known.beganNotAfter {
            bounds.notAfter = UTC(nanoseconds: began.nanoseconds + known.lasted.nanoseconds)
        }
        if let first = bounds.notBefore, let last = bounds.notAfter, first > last { return TimeBounds() }
        return bounds
    }

    /// What the clock of an earlier boot would show at least by now, had it gone on: it lasted to `newest` or longer,
    /// the boots after it as long as is known, and since then `now` has passed. Told relative to that, a record is as
    /// late as it can have been, and before the present boot.
    func moment(of boot: BootID?, newest: Boottime, now: Boottime) -> Boottime {
        guard boot != boots.last?.boot else { return now }
        var lasted = newest
        var passed = now.nanoseconds
        if let boot, let index = index(of: boot) {
            lasted = max(lasted, boots[index].lasted)
            if !boots[index].isUnplaced {
                passed += boots[(index + 1)...].dropLast().reduce(0) { $0 + $1.lasted.nanoseconds }
            }
        }
        let (sum, isFar) = lasted.nanoseconds.addingReportingOverflow(passed)
        return isFar ? .distantFuture : Boottime(nanoseconds: sum)
    }

    // MARK: Storing

    /// Each boot's bytes.
    var stored: [[UInt8]] {
        boots.map { known in
            var writer = ByteWriter()
            writer.put(known.boot.high)
            writer.put(known.boot.low)
            writer.put(
                (known.anchor == nil ? 0 : 1) | (known.beganNotBefore == nil ? 0 : 2)
                    | (known.beganNotAfter == nil ? 0 : 4) | (known.isUnplaced ? 8 : 0) as UInt8)
            writer.putVarint(UInt64(known.lasted.nanoseconds))
            if let anchor = known.anchor {
                writer.putSigned(anchor.offsetNanoseconds)
                writer.putVarint(UInt64(anchor.boundNanoseconds))
            }
            if let began = known.beganNotBefore { writer.putSigned(began.nanoseconds) }
            if let began = known.beganNotAfter { writer.putSigned(began.nanoseconds) }
            return writer.bytes
        }
    }

    /// Nil when the bytes cannot be what `stored` made, behind their number.
    init?(_ reader: inout ByteReader) {
        guard let count = reader.takeVarint(), count <= UInt64(Self.bootsMax) else { return nil }
        for _ in 0..<count {
            guard let high = reader.take(UInt64.self), let low = reader.take(UInt64.self),
                let flags = reader.take(UInt8.self), let lasted = reader.takeVarint(), lasted <= UInt64(Self.lastedMax)
            else { return nil }
            var known = BootTime(BootID(high: high, low: low))
            known.lasted = Boottime(nanoseconds: Int64(lasted))
            known.isUnplaced = flags & 8 != 0
            if flags & 1 != 0 {
                guard let offset = reader.takeSigned(), let bound = reader.takeVarint() else { return nil }
                if Self.isBelievable(UTC(nanoseconds: offset)), bound <= UInt64(Self.lastedMax) {
                    known.anchor = Anchor(offsetNanoseconds: offset, boundNanoseconds: Int64(bound))
                }
            }
            if flags & 2 != 0 {
                guard let began = reader.takeSigned().map(UTC.init(nanoseconds:)) else { return nil }
                if Self.isBelievable(began) { known.beganNotBefore = began }
            }
            if flags & 4 != 0 {
                guard let began = reader.takeSigned().map(UTC.init(nanoseconds:)) else { return nil }
                if Self.isBelievable(began) { known.beganNotAfter = began }
            }
            guard index(of: known.boot) == nil else { return nil }
            boots.append(known)
        }
    }
}
