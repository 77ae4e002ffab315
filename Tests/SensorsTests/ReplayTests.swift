import Testing
import World

@testable import Sensors

private let small = """
    Date,Time,CO(GT),T
    2004-03-10,18:00:00,2.6,13.6
    2004-03-10,19:00:00,-200,13.3
    2004-03-10,20:00:00,2.2,11.9

    """

private func replay(_ csv: String, _ more: [String: Setting] = [:], column: String = "T") throws -> any SourceDriver {
    var values: [String: Setting] = [
        "file": .text("recorded.csv"), "column": .text(column), "unit": .text("Cel"), "quantity": .text("temperature"),
        "missing": .number(-200),
    ]
    values.merge(more) { $1 }
    guard case .source(let driver) = try Replay.entry.make(.of(values, files: ["file": Array(csv.utf8)])) else {
        throw SettingFault(parameter: "driver", text: "not a source")
    }
    return driver
}

private func recording(_ csv: String, column: String = "T") throws -> Recording {
    try Recording(csv: Array(csv.utf8), column: column, missing: -200)
}

extension SourceDriver {
    fileprivate mutating func sample(at seconds: Int64) throws -> Sample {
        var samples = Samples(capacity: 1)
        try collect(at: .seconds(seconds), into: &samples)
        return samples[0]
    }
}

@Suite("Replay")
struct ReplayTests {
    @Test("Rows come when they are due and are held; the recording begins with the first measurement")
    func held() throws {
        var driver = try replay(small)
        #expect(try driver.sample(at: 5_000).measurement == .physical(13.6))
        #expect(try driver.sample(at: 8_599).measurement == .physical(13.6))
        #expect(try driver.sample(at: 8_600).measurement == .physical(13.3))
        #expect(try driver.sample(at: 12_200).measurement == .physical(11.9))
        #expect(try driver.sample(at: 15_799).measurement == .physical(11.9))
        #expect(throws: SensorFault.noData) { try driver.sample(at: 15_800) }
        #expect(throws: SensorFault.noData) { try driver.sample(at: 99_999) }
    }

    @Test("Speed makes hours of seconds, and a loop begins again")
    func speed() throws {
        var driver = try replay(small, ["speed": .number(3_600), "loop": .flag(true)])
        let values = try (0..<7).map { try driver.sample(at: 100 + $0).measurement }
        #expect(values == [13.6, 13.3, 11.9, 13.6, 13.3, 11.9, 13.6].map { .physical($0) })
    }

    @Test("A missing value is a reading without a value")
    func missing() throws {
        var driver = try replay(small, ["speed": .number(3_600)], column: "CO(GT)")
        #expect(try driver.sample(at: 0).measurement == .physical(2.6))
        let sample = try driver.sample(at: 1)
        #expect(sample.quality == .notAvailable)
        #expect(try driver.sample(at: 2).measurement == .physical(2.2))
    }

    @Test(
        "The same table in many clothes",
        arguments: [
            "\u{FEFF}Date,Time,T\r\n2004-03-10,18:00:00,13.6\r\n2004-03-10,19:00:00,-0.5\r\n",
            "Date;Time;T\n10/03/2004;18.00.00;13,6\n10/03/2004;19.00.00;-0,5\n;;\n",
            "# a comment\n\ntimestamp,T\n2004-03-10 18:00:00,13.6\n# another\n2004-03-10T19:00:00Z,-0.5",
            "\"timestamp\",\"a, b\",\"T\"\n\"2004-03-10 18:00\",\"x, y\",\"13.6\"\n\"2004-03-10 19:00\",,\"-5e-1\"",
            "timestamp,T\n1078941600,13.6\n1078945200,-0.5\n",
            "timestamp,T\n2004-02-29 23:30:00.250,13.6\n2004-03-01 00:30:00.250,-0.5\n",
        ])
    func clothes(csv: String) throws {
        let recording = try recording(csv)
        #expect(recording.milliseconds == [0, 3_600_000])
        #expect(recording.values == [13.6, -0.5])
        #expect(recording.length == 7_200_000)
    }

    @Test(
        "What is wrong is named by line and column",
        arguments: [
            ("", "file", "empty"),
            ("Date,Time,T\n", "file", "no rows"),
            ("Date,Time,RH\n2004-03-10,18:00:00,1\n", "column", "no column \"T\" in line 1; expected one of Date, "),
            ("when,T\n1,2\n", "file", "no time column in line 1"),
            ("Date,Time,T\n2004-03-10,18:00:00,warm\n", "file", "line 2, column T: \"warm\""),
            ("# c\nDate,Time,T\n\n2004-03-10,18:00:00,1\n2004-03-10,19:00:00\n", "file", "line 5, column T: nothing"),
            ("Date,Time,T\n2004-13-10,18:00:00,1\n", "file", "line 2, column Date: \"2004-13-10 18:00:00\""),
            ("Date,Time,T\n2004-03-10,25:00:00,1\n", "file", "line 2, column Date"),
            ("Date,Time,T\nyesterday,18:00:00,1\n", "file", "line 2, column Date: \"yesterday 18:00:00\""),
            (
                "Date,Time,T\n2004-03-10,18:00:00,1\n2004-03-10,18:00:00,2\n", "file",
                "line 3, column Time: \"18:00:00\"; expected a later time"
            ),
        ])
    func refused(csv: String, parameter: String, text: String) throws {
        let fault = try #require(settingFault { _ = try recording(csv) })
        #expect(fault.parameter == parameter)
        #expect(fault.text.hasPrefix(text), "\(fault.text)")
        #expect(fault.text.split(separator: ";").count == 3)
    }

    @Test("A million rows are the limit")
    func limit() throws {
        var csv = Array("timestamp,T\n".utf8)
        csv.reserveCapacity(12_000_000)
        for row in 0..<1_000_001 {
            csv.append(contentsOf: String(row).utf8)
            csv.append(contentsOf: [0x2C, 0x31, 0x0A])
        }
        let fault = try #require(settingFault { _ = try Recording(csv: csv, column: "T", missing: nil) })
        #expect(fault.text.hasPrefix("more than 1000000 rows"))
    }

    @Test("No bytes whatever make it trap", arguments: [1, 2, 3] as [UInt64])
    func anyBytes(seed: UInt64) {
        var random = Random(seed: seed)
        let alphabet = Array("0123456789-/:.,;\"# \r\nTZe\u{FEFF}DateTimetimestamp".utf8)
        for _ in 0..<3_000 {
            var csv = Array("timestamp,T\n2004-03-10 18:00:00,1\n".utf8)
            for _ in 0..<random.below(60) {
                let position = Int(random.below(UInt64(csv.count)))
                let byte = alphabet[Int(random.below(UInt64(alphabet.count)))]
                if random.chance(1, in: 2) { csv[position] = byte } else { csv.insert(byte, at: position) }
            }
            guard let recording = try? Recording(csv: csv, column: "T", missing: nil) else { continue }
            #expect(recording.milliseconds.count == recording.values.count && recording.length > 0, "seed \(seed)")
        }
    }
}
