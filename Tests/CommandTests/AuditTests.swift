// `cityedge audit`: what an export amounts to, and whether each day was complete.

import Testing

@Suite("Audit of an export") struct AuditTests {
    private static let midnight = 1_795_219_200
    private static let root = "cityedge/v1/malaga/lamppost-0042"

    /// A reading every six hours, and the sheet of that day.
    private static func export(without missing: Set<Int> = [], skipping left: ClosedRange<Int>? = nil) -> String {
        var lines: [String] = []
        for number in 1...4 where !missing.contains(number) {
            let skipped = number == 4 ? left.map { ",\"skipped\":[\($0.lowerBound),\($0.upperBound)]" } ?? "" : ""
            lines.append(
                "\(root)/readings [{\"bn\":\"malaga/lamppost-0042/\","
                    + "\"bt\":\(midnight + (number - 1) * 21_600).25,"
                    + "\"stream\":\"7f3a91c2d04be815\",\"seq\":\(number)\(skipped),\"clock\":\"synced\","
                    + "\"config\":\"9c\",\"n\":\"air.temperature\",\"u\":\"Cel\",\"v\":21.4}]")
        }
        let before = #"{"channels":{"air.temperature":4},"clock_steps":0,"config":"9c","dark_s":0,"#
            + #""day":"2026-11-21","final":true,"from_s":0"#
        let after = #","lanes":{"readings":[1,4]},"off_s":0,"part":[1,1],"rev":7,"to_s":86400}"#
        let hash = (before + after).utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) {
            ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3
        }
        let digits = String(hash, radix: 16)
        let padded = String(repeating: "0", count: 16 - digits.count) + digits
        lines.append(
            "\(root)/contributions {\"v\":1,\"node\":\"lamppost-0042\",\"stream\":\"7f3a91c2d04be815\","
                + "\"lane\":\"contributions\",\"seq\":1,\"clock\":\"synced\",\"bt\":\(midnight + 86_430),"
                + "\"config\":\"9c\",\"items\":[{\"t\":0,\"kind\":\"day_sheet\"," + before.dropFirst()
                + ",\"h\":\"\(padded)\"" + after + "]}")
        return lines.joined(separator: "\n") + "\n"
    }

    private func audit(_ export: String) throws -> String {
        let folder = try Folder()
        let file = try folder.write("export.txt", export)
        let result = try run("cityedge", ["audit", file])
        #expect(result.end == .exited(0), "\(result.errors)")
        return result.output
    }

    @Test("A day of which everything came is complete")
    func complete() throws {
        let output = try audit(Self.export())
        #expect(output.contains("\(Self.root): 5 messages, 4 readings, 0 of them again, 0 told as given up, 0 batches"))
        #expect(output.contains("lamppost-0042 2026-11-21: complete\n"))
    }

    @Test("A batch that did not come makes its day incomplete, and is named; one that was left out is no gap")
    func incomplete() throws {
        let gap = try audit(Self.export(without: [2]))
        #expect(gap.contains("1 batches missing"))
        #expect(
            gap.contains(
                "lamppost-0042 2026-11-21: incomplete: 1 batches of readings did not come; "
                    + "air.temperature: 4 counted at the node, 3 received\n"))
        let left = try audit(Self.export(without: [2], skipping: 2...2))
        #expect(left.contains("0 batches missing"))
        #expect(!left.contains("did not come"))
    }

    @Test("What is no export is told, not guessed at")
    func foreign() throws {
        let output = try audit(Self.export() + "hello\n")
        #expect(output.contains("1 line that no message is made of"))
        let result = try run("cityedge", ["audit", "/nonexistent/export"])
        #expect(result.end == .exited(64))
        #expect(result.errors.contains("expected an export"))
    }

    @Test("An export without one message is told as such and fails: it is no proof that nothing was lost: 64")
    func empty() throws {
        let folder = try Folder()
        for (export, told) in [("", ": nothing in it;"), ("hello\n", ""), ("\n\n", ": nothing in it;")] {
            let file = try folder.write("export.txt", export)
            let result = try run("cityedge", ["audit", file])
            #expect(result.end == .exited(64), "\(result.output)")
            #expect(result.errors.contains("\(file): not one message to account for\(told)"), "\(result.errors)")
        }
    }
}
