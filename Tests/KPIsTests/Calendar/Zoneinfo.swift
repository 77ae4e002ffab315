// The tz database of the machine that runs the tests, and Python's reading of it.

import Glibc
import KPIs
import Testing

enum Zoneinfo {
    static let folder = "/usr/share/zoneinfo"

    static func bytes(_ name: String) throws -> [UInt8] {
        let file = try #require(fopen(folder + "/" + name, "rb"), "no \(name) in \(folder): apt install tzdata")
        defer { fclose(file) }
        return read(file)
    }

    static func rules(_ name: String) throws -> ZoneRules { try ZoneRules(file: bytes(name)) }

    /// Every file of the database that is a zone, below a folder of it.
    static func names(below folder: String = "") -> [String] {
        guard let directory = opendir(Self.folder + "/" + folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let path = folder.isEmpty ? name : folder + "/" + name
            var about = stat()
            guard !name.hasPrefix("."), stat(Self.folder + "/" + path, &about) == 0 else { continue }
            if about.st_mode & S_IFMT == S_IFDIR {
                names += Self.names(below: path)
            } else if let bytes = try? bytes(path), bytes.starts(with: "TZif".utf8) {
                names.append(path)
            }
        }
        return names.sorted()
    }

    /// What a Python script prints, a line each.
    static func python(_ script: String) throws -> [Substring] {
        let file = try #require(popen("python3 -c '\(script)'", "re"), "no python3")
        let output = read(file)
        try #require(pclose(file) == 0, "python3 failed")
        return String(decoding: output, as: UTF8.self).split(separator: "\n")
    }

    private static func read(_ file: UnsafeMutablePointer<FILE>) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return bytes
    }
}

/// Seconds since 1970 of a moment in universal time.
func utc(_ year: Int64, _ month: Int, _ day: Int, _ hour: Int64 = 0, _ minute: Int64 = 0) -> Int64 {
    LocalDay(year: year, month: month, day: day)!.daysSince1970 * 86_400 + hour * 3_600 + minute * 60
}

func day(_ year: Int64, _ month: Int, _ day: Int) -> LocalDay { LocalDay(year: year, month: month, day: day)! }

/// Why these bytes are no zone.
func refusal(_ bytes: [UInt8]) -> ZoneFileError? {
    do throws(ZoneFileError) { _ = try ZoneRules(file: bytes) } catch { return error }
    return nil
}
