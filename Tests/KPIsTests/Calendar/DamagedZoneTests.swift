import Testing
import World

@testable import KPIs

@Suite("Damaged files of the tz database")
struct DamagedZoneTests {
    static let zones = ["Europe/Madrid", "America/Nuuk", "Asia/Gaza", "Etc/UTC", "Africa/Casablanca"]

    @Test("No truncation is taken for a zone", arguments: zones)
    func truncated(_ name: String) throws {
        let bytes = try Zoneinfo.bytes(name)
        for count in 0..<bytes.count {
            let error = refusal(Array(bytes[..<count]))
            #expect((0...count).contains(error?.byte ?? -1), "\(count) of \(bytes.count) bytes")
        }
    }

    @Test(
        "A flipped bit, any of the headers and the rule and a fifth of the others, is refused at a byte or gives rules",
        arguments: zones)
    func flipped(_ name: String) throws {
        let bytes = try Zoneinfo.bytes(name)
        var refused = 0
        let all = bytes.count * 8
        for bit in 0..<all where bit < 800 || bit % 5 == 0 || bit > all - 800 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << (bit % 8)
            do throws(ZoneFileError) { Self.use(try ZoneRules(file: damaged)) } catch {
                refused += 1
                #expect((0...bytes.count).contains(error.byte), "bit \(bit)")
            }
        }
        #expect(refused > 0)
    }

    @Test("Several damages at once neither, nor a file made of them")
    func random() throws {
        for seed in UInt64(1)...2_000 {
            var random = Random(seed: seed)
            var bytes = try Zoneinfo.bytes(Self.zones[Int(random.next() % UInt64(Self.zones.count))])
            for _ in 0..<1 + random.next() % 8 {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            if let rules = try? ZoneRules(file: bytes) { Self.use(rules) }
        }
    }

    private static func use(_ rules: ZoneRules) {
        for moment in [Int64.min, -3_000_000_000, 0, 1_742_000_000, 5_000_000_000, Int64.max] {
            let day = rules.localDay(at: moment)
            _ = rules.localSecondOfDay(at: moment)
            _ = rules.interval(of: day)
            #expect((0...3 * 86_400).contains(rules.secondsOfLocalDay(day)))
            _ = rules.hasQuarterOffsets(after: moment)
        }
    }

    @Test(
        "What is wrong is said with its place",
        arguments: [
            (0, 0x58, "byte 0: found something else; expected `TZif`: a file of the tz database"),
            (4, 0, "byte 4: found version 1, which ends in 2037; expected version 2, 3 or 4"),
            (4, 0x39, "byte 4: found version byte 57; expected version 2, 3 or 4"),
            (32, 0xFF, "byte 32: found a count of 4278190080; expected at most 4096"),
        ] as [(Int, UInt8, String)])
    func places(place: Int, byte: UInt8, text: String) throws {
        var bytes = try Zoneinfo.bytes("Etc/UTC")
        bytes[place] = byte
        #expect(refusal(bytes)?.description == text)
    }

    @Test("A rule is read in every form that POSIX and RFC 8536 have, and refused at the byte where it has none")
    func rules() throws {
        let good = [
            ("UTC0", 0, nil), ("<+0545>-5:45", 20_700, nil), ("<-0330>3:30:30", -12_630, nil),
            ("CET-1CEST,M3.5.0,M10.5.0/3", 3_600, 7_200), ("IST-1GMT0,M10.5.0,M3.5.0/1", 3_600, 0),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -7_200, -3_600), ("EET-2EEST,J60/167,365/-167:59:59", 7_200, 10_800),
        ] as [(String, Int64, Int64?)]
        for (text, standard, summer) in good {
            let rule = try FooterRule(Array(text.utf8)[...], place: 0)
            #expect(rule.standard == standard && rule.summer?.offset == summer, "\(text)")
        }
        let bad = [
            ("", 0), ("CE", 2), ("CET", 3), ("CET-25", 4), ("<CET-1", 6), ("CET-1CEST", 9), ("CET-1CEST,M3.5.0", 16),
            ("CET-1CEST,M13.5.0,M10.5.0", 11), ("CET-1CEST,M3.6.0,M10.5.0", 13), ("CET-1CEST,M3.5.7,M10.5.0", 15),
            ("CET-1CEST,J0,J5", 11), ("CET-1CEST,366,J5", 10), ("CET-1CEST,1/168,J5", 12), ("CET-1CEST,1,2 ", 13),
            ("CET-1:60", 6), ("CET-1CEST,1,2/", 14), ("CET--1", 4), ("<+05:45>-5", 4),
        ]
        for (text, place) in bad {
            var found: ZoneFileError?
            do throws(ZoneFileError) { _ = try FooterRule(Array(text.utf8)[...], place: 100) } catch { found = error }
            #expect(found?.byte == 100 + place, "\(text): \(found?.description ?? "accepted")")
        }
    }

    @Test("A rule for ever summer, as RFC 8536 writes it, is that; the 29th of February counts where it should")
    func unusual() throws {
        let always = try FooterRule(Array("XXX3EDT4,0/0,J365/23".utf8)[...], place: 0)
        for moment in stride(from: utc(2_023, 1, 1), to: utc(2_025, 2, 1), by: 1_799) {
            #expect(always.period(at: moment).offset == -14_400)
        }
        // Day 59 of a leap year is the 29th of February, of another one the 1st of March; J61 is always the 2nd.
        let counted = try FooterRule(Array("AAA0BBB,59/0,J61/0".utf8)[...], place: 0)
        for (date, offset) in [
            (day(2_024, 2, 28), 0), (day(2_024, 2, 29), 3_600), (day(2_024, 3, 1), 3_600), (day(2_024, 3, 2), 0),
            (day(2_025, 2, 28), 0), (day(2_025, 3, 1), 3_600), (day(2_025, 3, 2), 0),
        ] as [(LocalDay, Int64)] {
            #expect(counted.period(at: date.daysSince1970 * 86_400 + 43_200).offset == offset, "\(date)")
        }
    }
}
