// What is wrong with a configuration, in words for the person on the ladder: place, what was found, what was expected,
// what to do. Every problem of the whole set is found in one go; none stops the search for the next.

/// The text of one file, as it came from the disk. `name` is what messages call it: the path as the user gave it.
public struct SourceText: Sendable {
    public var name: String
    public var bytes: [UInt8]
    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }
}

/// A place in a file. Lines and columns count from 1, columns in characters.
public struct Place: Hashable, Sendable, CustomStringConvertible {
    public var file: String
    public var line: Int
    public var column: Int
    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }
    public var description: String { "\(file):\(line):\(column)" }
}

public struct Problem: Hashable, Sendable, CustomStringConvertible {
    public var file: String
    public var line: Int
    public var column: Int
    public var found: String
    public var expected: String
    /// What to do about it.
    public var remedy: String

    public init(file: String, line: Int, column: Int, found: String, expected: String, remedy: String) {
        self.file = file
        self.line = line
        self.column = column
        self.found = found
        self.expected = expected
        self.remedy = remedy
    }

    /// `file:line:column: found ...; expected ...; what to do`, on one line.
    public var description: String { "\(file):\(line):\(column): found \(found); expected \(expected); \(remedy)" }
}

/// Something that is allowed and that the user may still want to know.
public struct Notice: Hashable, Sendable, CustomStringConvertible {
    public var place: Place
    public var text: String
    public var description: String { "\(place): \(text)" }
}

/// All problems of a configuration, in the order of the files, then of lines and columns. Never empty.
public struct ConfigurationProblems: Error, Hashable, Sendable, CustomStringConvertible {
    public var problems: [Problem]
    /// How many more there are than `Configuration.Limits.problems`.
    public var omitted: Int

    public init(problems: [Problem], omitted: Int) {
        self.problems = problems
        self.omitted = omitted
    }

    public var description: String {
        var lines = problems.map(\.description)
        if omitted > 0 { lines.append("and \(omitted) more") }
        return lines.joined(separator: "\n")
    }
}

/// Collects what the parts of the loader find. Lives for one `load`.
final class Findings {
    private(set) var problems: [Problem] = []
    private(set) var notices: [Notice] = []
    /// The effective configuration as it is read, for `Loaded.effective`.
    var effective = EffectiveText()
    private var brokenLines: [String: Int] = [:]
    private var unreadable: Set<Place> = []
    /// A file could not be read to its end: what seems missing may stand in the rest, so nothing missing is reported.
    var isPartial = false

    /// A file is no YAML from here on. What was understood of the lines just before was probably misunderstood, so
    /// nothing else is told of them.
    func addSyntax(_ place: Place, _ found: String, _ expected: String, _ remedy: String) {
        problems.removeAll { $0.file == place.file && $0.line >= place.line - 1 }
        brokenLines[place.file] = place.line - 1
        problems.append(
            Problem(
                file: place.file, line: place.line, column: place.column, found: found, expected: expected,
                remedy: remedy))
    }

    func add(_ place: Place, _ found: String, _ expected: String, _ remedy: String) {
        if let broken = brokenLines[place.file], place.line >= broken { return }
        if unreadable.contains(place) { return }
        problems.append(
            Problem(
                file: place.file, line: place.line, column: place.column, found: found, expected: expected,
                remedy: remedy))
    }

    /// A value that cannot be read at all: what the schema will say of it is of no use.
    func addUnreadable(_ place: Place, _ found: String, _ expected: String, _ remedy: String) {
        add(place, found, expected, remedy)
        unreadable.insert(place)
    }

    /// Something that ought to be there is not.
    func addMissing(_ place: Place, _ found: String, _ expected: String, _ remedy: String) {
        if !isPartial { add(place, found, expected, remedy) }
    }

    func note(_ place: Place, _ text: String) { notices.append(Notice(place: place, text: text)) }

    /// Sorted by the order of `files`, without repetitions, at most `limit`.
    func verdict(files: [String], limit: Int) -> ConfigurationProblems? {
        if problems.isEmpty { return nil }
        var order: [String: Int] = [:]
        for (index, file) in files.enumerated() where order[file] == nil { order[file] = index }
        let sorted = Set(problems).sorted { a, b in
            let first = (order[a.file] ?? files.count, a.line, a.column)
            let second = (order[b.file] ?? files.count, b.line, b.column)
            return first != second ? first < second : a.found < b.found
        }
        return ConfigurationProblems(problems: Array(sorted.prefix(limit)), omitted: max(0, sorted.count - limit))
    }
}

/// A user's text within a message: in backquotes, without control characters, at most 60 characters.
func quoted(_ text: String) -> String {
    var shown = ""
    for scalar in text.unicodeScalars.prefix(60) {
        shown.unicodeScalars.append(scalar.value < 0x20 || scalar == "`" || scalar.value == 0x7F ? " " : scalar)
    }
    return "`\(shown)\(text.unicodeScalars.count > 60 ? "..." : "")`"
}

/// `a`, `a or b`, `a, b or c`.
func oneOf(_ names: [String]) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "nothing" }
    return names.dropLast().joined(separator: ", ") + " or " + last
}
