// What boots tell of each other's time, against random lives of a board whose true time the test knows.

import Testing
import World

@testable import Outbox

private let second: Int64 = 1_000_000_000
/// 2026-01-01T00:00:00Z.
private let year2026: Int64 = 1_767_225_600 * second

private func boot(_ number: UInt64) -> BootID { BootID(high: number, low: ~number) }
private func at(_ seconds: Int64) -> Boottime { Boottime(nanoseconds: seconds * second) }
private func utc(_ seconds: Int64) -> UTC { UTC(nanoseconds: year2026 + seconds * second) }
private func anchor(_ seconds: Int64, bound: Int64 = 0) -> Anchor {
    Anchor(offsetNanoseconds: year2026 + seconds * second, boundNanoseconds: bound)
}

private func stored(_ times: BootTimes) -> [UInt8] {
    var writer = ByteWriter()
    writer.putVarint(UInt64(times.stored.count))
    for bytes in times.stored { writer.bytes += bytes }
    return writer.bytes
}

private func read(_ bytes: [UInt8]) -> BootTimes? {
    bytes.withUnsafeBytes { buffer in
        var reader = ByteReader(buffer)
        return BootTimes(&reader)
    }
}

/// The next boot, begun from what the one before left on flash.
private func next(_ times: BootTimes, _ number: UInt64) throws -> BootTimes {
    var begun = BootTimes()
    begun.begin(boot(number))
    begun.adopt(try #require(read(stored(times))))
    return begun
}

struct BootTimesTests {
    @Test("A boot that never settled began after the one before had lasted, and ended before the next one began")
    func between() throws {
        var times = BootTimes()
        times.begin(boot(1))
        times.settle(boot(1), by: anchor(0))
        times.last(boot(1), until: at(600))
        times = try next(times, 2)
        #expect(times.bounds(of: boot(2)) == TimeBounds(notBefore: utc(600)), "it is not over yet")
        times.last(boot(2), until: at(50))
        times = try next(times, 3)
        #expect(times.bounds(of: boot(2)) == TimeBounds(notBefore: utc(600)), "the present one has not settled")
        times.settle(boot(3), by: anchor(1_000, bound: second))
        #expect(times.bounds(of: boot(2)) == TimeBounds(notBefore: utc(600), notAfter: utc(1_001)))
        #expect(times.anchor(of: boot(1)) == anchor(0) && times.anchor(of: boot(2)) == nil)
        #expect(times.bounds(of: nil) == TimeBounds(notAfter: utc(1_001)), "an unknown boot was before this one")
    }

    @Test("Boots in a row that never settled bound each other by how long they lasted")
    func chain() throws {
        var times = BootTimes()
        times.begin(boot(1))
        times.settle(boot(1), by: anchor(0))
        times.last(boot(1), until: at(100))
        for (number, lasted) in [(2, 10), (3, 20), (4, 30)] as [(UInt64, Int64)] {
            times = try next(times, number)
            times.last(boot(number), until: at(lasted))
        }
        times = try next(times, 5)
        times.settle(boot(5), by: anchor(1_000))
        #expect(times.bounds(of: boot(2)) == TimeBounds(notBefore: utc(100), notAfter: utc(950)))
        #expect(times.bounds(of: boot(3)) == TimeBounds(notBefore: utc(110), notAfter: utc(970)))
        #expect(times.bounds(of: boot(4)) == TimeBounds(notBefore: utc(130), notAfter: utc(1_000)))
        // Forgetting those of which nothing is stored costs nobody else anything.
        times.keep { $0 == boot(3) }
        #expect(times.boots.map(\.boot) == [boot(3), boot(5)])
        #expect(times.bounds(of: boot(3)) == TimeBounds(notBefore: utc(110), notAfter: utc(970)))
    }

    @Test("Relative to now, a record of an earlier boot is as late as it can have been, and before the present boot")
    func moments() throws {
        var times = BootTimes()
        for (number, lasted) in [(1, 100), (2, 20), (3, 30)] as [(UInt64, Int64)] {
            times = try next(times, number)
            times.last(boot(number), until: at(lasted))
        }
        times = try next(times, 4)
        #expect(times.moment(of: boot(4), newest: at(3), now: at(7)) == at(7))
        #expect(times.moment(of: boot(3), newest: at(3), now: at(7)) == at(30 + 7))
        #expect(times.moment(of: boot(3), newest: at(35), now: at(7)) == at(35 + 7), "it lasted longer than was known")
        #expect(times.moment(of: boot(1), newest: at(3), now: at(7)) == at(100 + 20 + 30 + 7))
        #expect(times.moment(of: nil, newest: at(3), now: at(7)) == at(3 + 7))
        #expect(times.moment(of: nil, newest: Boottime(nanoseconds: .max - 1), now: at(7)) == .distantFuture)
    }

    @Test("The first anchor of a boot stays what settles it; the newest one bounds")
    func firstAnchor() throws {
        var times = BootTimes()
        times.begin(boot(1))
        times = try next(times, 2)
        times.settle(boot(2), by: anchor(1_000))
        times.settle(boot(2), by: anchor(4_600))
        #expect(times.anchor(of: boot(2)) == anchor(1_000))
        #expect(times.bounds(of: boot(1)).notAfter == utc(4_600))
    }

    @Test("A clock that drifted before it settled widens what it says of boots before")
    func drift() throws {
        var times = BootTimes()
        times.begin(boot(1))
        times = try next(times, 2)
        times.last(boot(2), until: at(2_000))
        times.settle(boot(2), by: anchor(0))
        #expect(times.bounds(of: boot(1)).notAfter == utc(1), "500 ppm of 2,000 s")
    }

    @Test("Bounds that contradict each other are not told, and a right clock ends what a wrong one said")
    func contradiction() throws {
        var times = BootTimes()
        times.begin(boot(1))
        times.settle(boot(1), by: anchor(1_000_000))
        times = try next(times, 2)
        times = try next(times, 3)
        times.settle(boot(3), by: anchor(0))
        times.last(boot(3), until: at(10))
        #expect(times.bounds(of: boot(2)) == TimeBounds())
        times = try next(times, 4)
        #expect(times.bounds(of: boot(4)) == TimeBounds(notBefore: utc(10)))
    }

    @Test("Nothing before 2020 is believed, from no clock and from no stored byte")
    func never1970() throws {
        var times = BootTimes()
        times.begin(boot(1))
        for offset in [0, -1, .min, UTC.earliest.nanoseconds - 1, .max] as [Int64] {
            times.settle(boot(1), by: Anchor(offsetNanoseconds: offset, boundNanoseconds: 0))
        }
        times.settle(boot(1), by: Anchor(offsetNanoseconds: year2026, boundNanoseconds: .max))
        #expect(times.anchor(of: boot(1)) == nil && times.bounds(of: boot(1)) == TimeBounds())
    }

    @Test("An anchor met on flash settles a boot that no checkpoint knew, and bounds nothing else")
    func unplaced() throws {
        var times = BootTimes()
        times.begin(boot(2))
        times = try next(times, 3)
        times.settle(boot(1), by: anchor(77))
        #expect(times.anchor(of: boot(1)) == anchor(77))
        #expect(times.bounds(of: boot(2)) == TimeBounds(), "whether it came before or after is not known")
        times = try next(times, 4)
        #expect(times.anchor(of: boot(1)) == anchor(77) && times.bounds(of: boot(2)) == TimeBounds())
    }

    @Test("Sixteen boots are remembered, the oldest forgotten first, the present one never")
    func bounded() throws {
        var times = BootTimes()
        for number in 1...40 as ClosedRange<UInt64> {
            times = try next(times, number)
            times.settle(boot(number), by: anchor(Int64(number)))
            #expect(times.boots.count == min(Int(number), BootTimes.bootsMax))
        }
        #expect(times.boots.map(\.boot) == (25...40).map { boot($0) })
        times.settle(boot(99), by: anchor(1))
        #expect(times.boots.map(\.boot) == (25...40).map { boot($0) }, "what has no place is forgotten first")
    }

    @Test("Two streams of one boot share its time")
    func sameBoot() throws {
        var times = BootTimes()
        times.begin(boot(1))
        times.settle(boot(1), by: anchor(5))
        times.last(boot(1), until: at(100))
        times = try next(times, 1)
        #expect(times.boots.count == 1 && times.anchor(of: boot(1)) == anchor(5))
        #expect(times.moment(of: boot(1), newest: at(3), now: at(200)) == at(200))
    }

    @Test("In any life of a board every bound holds, and every relative time lies between truth and the present boot",
        arguments: 0..<300 as Range<UInt64>)
    func lives(seed: UInt64) throws {
        var random = Random(seed: seed)
        var truth = year2026 + Int64(random.below(1 << 50))
        var begins: [UInt64: Int64] = [:]
        var ends: [UInt64: Int64] = [:]
        var flash = BootTimes()
        for number in 1...UInt64(2 + random.below(25)) {
            var times = try next(flash, number)
            begins[number] = truth
            let lasts = Int64(random.below(3_000)) * second
            let settlesAfter: Int64? = random.chance(1, in: 3) ? Int64(random.below(UInt64(lasts) + 1)) : nil
            var now: Int64 = 0
            var isSettled = false
            while true {
                let error = Int64(random.below(40_000_000)) - 20_000_000
                if let settlesAfter, now >= settlesAfter, !isSettled {
                    isSettled = true
                    times.last(boot(number), until: Boottime(nanoseconds: now))
                    times.settle(
                        boot(number), by: Anchor(offsetNanoseconds: truth + error, boundNanoseconds: abs(error)))
                }
                if random.chance(1, in: 4) { times.keep { $0.high % 3 != seed % 3 } }
                // A checkpoint, or none before the power goes.
                if random.chance(1, in: 2) {
                    times.last(boot(number), until: Boottime(nanoseconds: now))
                    flash = times
                }
                for known in times.boots {
                    let began = try #require(begins[known.boot.high])
                    let bounds = times.bounds(of: known.boot)
                    if let first = bounds.notBefore { #expect(first.nanoseconds <= began, "seed \(seed)") }
                    guard let ended = ends[known.boot.high] else { continue }
                    if let last = bounds.notAfter { #expect(last.nanoseconds >= ended, "seed \(seed)") }
                    // Its last record.
                    let newest = Boottime(nanoseconds: ended - began)
                    let moment = times.moment(of: known.boot, newest: newest, now: Boottime(nanoseconds: now))
                    let claimed = truth + now - (moment - newest).nanoseconds
                    #expect(claimed >= ended && claimed <= truth, "seed \(seed): \(claimed) not in \(ended)...\(truth)")
                }
                guard now < lasts else { break }
                now = min(lasts, now + 1 + Int64(random.below(600)) * second)
            }
            truth += lasts
            ends[number] = truth
            truth += Int64(random.below(100_000)) * second
        }
    }

    @Test("What is stored comes back, and hostile bytes are refused or read, and never trap",
        arguments: 0..<100 as Range<UInt64>)
    func hostile(seed: UInt64) throws {
        var random = Random(seed: seed)
        var times = BootTimes()
        for number in 1...UInt64(1 + random.below(16)) {
            times.begin(boot(number))
            times.last(boot(number), until: Boottime(nanoseconds: Int64(random.next() >> (1 + random.below(60)))))
            if random.chance(1, in: 2) {
                times.settle(
                    boot(number),
                    by: Anchor(
                        offsetNanoseconds: year2026 + Int64(random.below(1 << 60)),
                        boundNanoseconds: Int64(random.below(1 << 40))))
            }
        }
        let bytes = stored(times)
        #expect(read(bytes) == times, "seed \(seed)")
        #expect(read(Array(bytes.dropLast())) == nil, "seed \(seed)")
        for _ in 0..<200 {
            var changed = bytes
            for _ in 0..<1 + random.below(8) {
                changed[Int(random.below(UInt64(changed.count)))] =
                    random.chance(1, in: 2) ? 0xFF : UInt8(truncatingIfNeeded: random.next())
            }
            guard let found = read(changed) else { continue }
            var begun = BootTimes()
            begun.begin(boot(1_000))
            begun.adopt(found)
            begun.settle(boot(1_000), by: anchor(0, bound: second))
            for known in begun.boots {
                _ = begun.bounds(of: known.boot)
                _ = begun.moment(of: known.boot, newest: Boottime(nanoseconds: .max), now: at(1))
            }
            _ = stored(begun)
        }
    }
}
