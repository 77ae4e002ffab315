// The rules that the sources of this repository keep, so that nobody has to remember them.

import Glibc
import Testing

/// A text file of the repository.
struct SourceFile: Sendable {
    /// From the repository's root.
    var path: String
    var lines: [Substring]
    var target: String { String(path.split(separator: "/")[1]) }
}

enum Repository {
    /// This file is Tests/RepositoryTests/SourceTests.swift.
    static let root: String = {
        var path = #filePath[...]
        for _ in 0..<3 { path = path[..<path.lastIndex(of: "/")!] }
        return String(path)
    }()

    static func names(in folder: String) -> [String] {
        guard let directory = opendir(root + "/" + folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func isFolder(_ path: String) -> Bool {
        var about = stat()
        return stat(root + "/" + path, &about) == 0 && about.st_mode & S_IFMT == S_IFDIR
    }

    /// Everything below a folder, folders of build results left out.
    static func files(below folder: String) -> [String] {
        names(in: folder).flatMap { name -> [String] in
            let path = folder + "/" + name
            return name.hasPrefix(".") ? [] : isFolder(path) ? files(below: path) : [path]
        }
    }

    static func bytes(of path: String) -> [UInt8] {
        guard let file = fopen(root + "/" + path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return bytes
    }

    static let sources: [SourceFile] = files(below: "Sources").map { path in
        let text = String(decoding: bytes(of: path), as: UTF8.self)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return SourceFile(path: path, lines: lines)
    }

    static let swiftSources = sources.filter { $0.path.hasSuffix(".swift") }
    /// Swift and C; not the contract's YAML.
    static let code = sources.filter { !$0.path.hasSuffix(".yaml") }
}

@Suite("Sources") struct SourceTests {
    @Test("The top level is the package, five folders, the README and dot files, nothing else")
    func topLevel() {
        let allowed = [
            "Package.resolved", "Package.swift", "README.md", "Sources", "Tests", "boards", "config", "systemd",
        ]
        // A licence is the owner's choice.
        let found = Repository.names(in: ".").filter { !$0.hasPrefix(".") && $0 != "LICENSE" }
        #expect(found.filter { !allowed.contains($0) } == [])
        #expect(allowed.filter { $0 != "Package.resolved" && !found.contains($0) } == [])
    }

    @Test("There are sources to look at")
    func sources() { #expect(Repository.swiftSources.count > 100) }

    @Test("A file has one idea: at most 400 lines")
    func length() {
        let long = Repository.code.filter { $0.lines.count > 400 }.map { "\($0.path): \($0.lines.count)" }
        #expect(long == [])
    }

    @Test("A line fits: at most 120 columns, no tabs, nothing trailing")
    func width() {
        let wide = Self.lines { $0.count > 120 || $0.contains("\t") || $0.last == " " }
        #expect(wide == [])
    }

    @Test("Nothing is left to be done later")
    func finished() {
        let left = Self.lines { line in ["TODO", "FIXME"].contains { line.contains($0) } }
        #expect(left == [])
    }

    @Test("A Swift file opens by saying what it is")
    func opening() {
        let silent = Repository.swiftSources.filter { $0.lines.first?.hasPrefix("//") != true }
        #expect(silent.map(\.path) == [])
    }

    /// Where such lines are.
    private static func lines(_ isFound: (Substring) -> Bool) -> [String] {
        Repository.code.flatMap { file in
            file.lines.enumerated().filter { isFound($1) }.map { "\(file.path):\($0.offset + 1)" }
        }
    }

    /// The house: what each target may import. Arrows point down only.
    static let imports: [String: Set<String>] = [
        "World": [],
        "Sensors": ["World", "Synchronization"], "KPIs": ["World"], "Outbox": ["World"], "Uplink": ["World"],
        "SimulatedWorld": ["World"],
        "SiteConfig": ["CYaml", "Sensors", "KPIs", "World"],
        "LinuxWorld": ["World", "CGpio", "CMosquitto", "CLinux", "Glibc", "Synchronization"],
        "Gateway": ["Sensors", "KPIs", "Outbox", "Uplink", "World", "Synchronization"],
        "Agent": [
            "Gateway", "Sensors", "KPIs", "Outbox", "Uplink", "SiteConfig", "LinuxWorld", "SimulatedWorld", "World",
            "Glibc", "Synchronization",
        ],
        "cityedge": ["Agent", "ArgumentParser"],
        "cityedged": ["Agent"],
    ]

    @Test("A target imports what is below it in the house, and nothing else: above all no Foundation")
    func imports() {
        let wrong = Repository.swiftSources.flatMap { file -> [String] in
            guard let allowed = Self.imports[file.target] else { return ["\(file.path) has no place in the house"] }
            return file.lines.compactMap(Self.imported).filter { !allowed.contains($0) }.map { "\(file.path): \($0)" }
        }
        #expect(wrong == [])
    }

    /// The module that a line imports.
    private static func imported(_ line: Substring) -> String? {
        let words = line.split(separator: " ").filter { !$0.hasPrefix("@") }
        guard let place = words.firstIndex(of: "import"), place + 1 < words.count,
            words[..<place].allSatisfy({ ["public", "package", "internal", "private", "fileprivate"].contains($0) })
        else { return nil }
        return String(words[place + 1].prefix { $0 != "." })
    }
}
