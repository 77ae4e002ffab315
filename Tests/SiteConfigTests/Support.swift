// What the tests of this target share: the files of the repository, and one way to load a text.

import Glibc
import SiteConfig
import Testing

enum Files {
    /// The repository, from this file's own path: Tests/SiteConfigTests/Support.swift.
    static let repository = String(#filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 })

    static func read(_ path: String, name: String? = nil) throws -> SourceText {
        guard let file = fopen(repository + "/" + path, "rb") else { throw Missing(path: path) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return SourceText(name: name ?? path, bytes: bytes)
    }

    /// Names of the files in a folder, sorted.
    static func list(_ path: String) throws -> [String] {
        guard let folder = opendir(repository + "/" + path) else { throw Missing(path: path) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    static func boards() throws -> [SourceText] { try list("boards").map { try read("boards/" + $0) } }

    struct Missing: Error { var path: String }
}

/// A tz database of three zones and a damaged one.
func zones(_ name: String) -> ZoneLookup {
    let names = ["Africa/Ceuta", "America/Argentina/Ushuaia", "Europe/Madrid"]
    switch name {
    case "Europe/Broken":
        return .unusable(found: "a damaged file", expected: "a sound one", remedy: "`apt install --reinstall tzdata`")
    case "Africa/Asmera": return .renamed(to: "Africa/Asmara")
    case _ where names.contains(name): return .found(SiteZone(name: name, rules: .utc, version: "2025b"))
    default: return .unknown(names: names)
    }
}

/// A text as the file `c.yaml`, on a Raspberry Pi 4.
func load(_ text: String, dropIns: [(String, String)] = [], exists: Bool = true) throws -> Configuration.Loaded {
    try load(bytes: Array(text.utf8), dropIns: dropIns, exists: exists)
}

func load(bytes: [UInt8], dropIns: [(String, String)] = [], exists: Bool = true) throws -> Configuration.Loaded {
    try Configuration.load(
        main: SourceText(name: "c.yaml", bytes: bytes),
        dropIns: dropIns.map { SourceText(name: $0.0, bytes: Array($0.1.utf8)) }, boards: Files.boards(),
        compatible: ["raspberrypi,4-model-b", "brcm,bcm2711"], zone: zones, fileExists: { _ in exists })
}

/// The problems as they are printed.
func problems(_ text: String, dropIns: [(String, String)] = [], exists: Bool = true) throws -> [String] {
    try problems(bytes: Array(text.utf8), dropIns: dropIns, exists: exists)
}

func problems(bytes: [UInt8], dropIns: [(String, String)] = [], exists: Bool = true) throws -> [String] {
    try refusal { try load(bytes: bytes, dropIns: dropIns, exists: exists) }.problems.map(\.description)
}

/// What a load was refused for.
func refusal(_ load: () throws -> Configuration.Loaded) throws -> ConfigurationProblems {
    do { _ = try load() } catch let error as ConfigurationProblems { return error }
    throw Accepted()
}

struct Accepted: Error {}

/// The smallest configuration, to which the tests add.
let head = """
    node: {id: n1, city: malaga}
    broker: {url: mqtt://b}

    """
let air = "sensors: [{id: air, driver: bme280, bus: i2c1}]\n"

/// A sensor `s1` with these lines.
func sensor(_ lines: String) -> String {
    head + "sensors:\n  - id: s1\n" + lines.split(separator: "\n").map { "    \($0)\n" }.joined()
}

/// One line of the golden list: a text, and every problem that must be told of it.
struct Mistake: CustomTestStringConvertible, Sendable {
    var title: String
    var text: String
    var problems: [Problem]

    init(_ title: String, _ text: String, _ problems: [Problem]) {
        self.title = title
        self.text = text
        self.problems = problems
    }

    var testDescription: String { title }

    func check() throws {
        #expect(throws: ConfigurationProblems(problems: problems, omitted: 0)) { try load(text) }
    }
}

extension Problem {
    /// `at` is line:column in `c.yaml`.
    static func at(_ at: String, _ found: String, _ expected: String, _ remedy: String) -> Problem {
        let numbers = at.split(separator: ":").compactMap { Int($0) }
        return Problem(
            file: "c.yaml", line: numbers[0], column: numbers[1], found: found, expected: expected, remedy: remedy)
    }
}
