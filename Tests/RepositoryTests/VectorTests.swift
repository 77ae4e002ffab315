import Testing

@Suite("Worked examples of the indicators") struct VectorTests {
    /// By subject: air quality, electricity outages, EMF, energy, merging, noise, privacy, score, sketches, transport,
    /// time-weighted means, water.
    static let vectors: [(subject: String, numbers: ClosedRange<Int>)] = [
        ("AQ", 1...9), ("EL", 1...3), ("EM", 1...2), ("EN", 1...4), ("MG", 1...4),
        ("NO", 1...7), ("PR", 1...1), ("SC", 1...3), ("SK", 1...2), ("TR", 1...5),
        ("TW", 1...1), ("WA", 1...6),
    ]

    @Test("Each of the 47 has a test that names it")
    func named() {
        let names = Repository.files(below: "Tests").filter { $0.hasSuffix("Tests.swift") }.flatMap(Self.testNames)
        let wanted = Self.vectors.flatMap { vector in vector.numbers.map { "V-\(vector.subject)-\($0)" } }
        #expect(wanted.count == 47)
        let found = Set(names.flatMap(Self.words))
        #expect(wanted.filter { !found.contains($0) } == [])
    }

    /// What follows each `@Test(`; a long name stands on a line of its own.
    private static func testNames(_ path: String) -> [String] {
        let text = String(decoding: Repository.bytes(of: path), as: UTF8.self)
        let lines = text.split(separator: "\n" as Character, omittingEmptySubsequences: false)
        return lines.indices.filter { lines[$0].contains("@Test(") }.map { index in
            let isBroken = lines[index].hasSuffix("(") && index + 1 < lines.count
            return String(lines[index]) + (isBroken ? String(lines[index + 1]) : "")
        }
    }

    private static func words(_ text: String) -> [String] {
        text.split { !($0.isLetter || $0.isNumber || $0 == "-") }.map(String.init)
    }
}
