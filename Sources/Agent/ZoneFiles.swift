// The tz database of this computer: a folder of zones, kept current by the system's updates (Debian: tzdata).

import Glibc
import KPIs
import LinuxWorld
import SiteConfig

struct ZoneFiles {
    /// `$TZDIR` (as tzset(3) has it), else the usual place.
    var folder = environment("TZDIR") ?? "/usr/share/zoneinfo"

    /// The rules of a zone, or what to do about it. Whoever asks has checked that the name stays below the folder.
    func lookUp(_ name: String) -> ZoneLookup {
        let path = folder + "/" + name
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try readFile(path, limit: ZoneRules.Limits.fileBytes) } catch {
            // A folder of zones (`Europe`) is no zone either.
            guard [ENOENT, ENOTDIR, EISDIR].contains(error.errno) else {
                return .unusable(
                    found: error.description, expected: "a file that this user may read",
                    remedy: "check its rights, or `apt install --reinstall tzdata`")
            }
            let names = names()
            if names.isEmpty {
                return .unusable(
                    found: "no tz database in \(folder)", expected: "the database of time zones",
                    remedy: "`apt install tzdata`")
            }
            return todaysName(of: name).map(ZoneLookup.renamed) ?? .unknown(names: names)
        }
        do throws(ZoneFileError) {
            return .found(SiteZone(name: name, rules: try ZoneRules(file: bytes), version: version))
        } catch {
            return .unusable(
                found: "a damaged file, \(path), \(error)".oneClause, expected: "a sound file of the tz database",
                remedy: "`apt install --reinstall tzdata`")
        }
    }

    /// `2025b`: the first line of tzdata.zi (`# version 2025b`), or the file +VERSION that some systems have.
    var version: String {
        for (name, prefix) in [("tzdata.zi", "# version "), ("+VERSION", "")] {
            guard let file = try? StoredFile.open(folder + "/" + name) else { continue }
            let line = file.read(64, at: 0).prefix { $0 != 0x0A }
            guard line.starts(with: prefix.utf8) else { continue }
            let word = line.dropFirst(prefix.utf8.count).prefix { (0x21...0x7E).contains($0) }
            // It stands in messages as it is.
            if !word.isEmpty, word.count <= 32, !word.contains(0x22), !word.contains(0x5C) {
                return String(decoding: word, as: UTF8.self)
            }
        }
        return "unknown"
    }

    /// What a zone is called now whose former name this system does not carry any more (Debian 13 keeps `Europe/Kiev`
    /// and `US/Eastern` in a package of its own): tzdata.zi has it as `L Europe/Kyiv Europe/Kiev`.
    private func todaysName(of name: String) -> String? {
        guard let text = try? readFile(folder + "/tzdata.zi", limit: 1 << 20) else { return nil }
        for line in text.split(separator: 0x0A) where line.first == 0x4C {
            let words = line.split(separator: 0x20)
            guard words.count == 3, words[2].elementsEqual(name.utf8) else { continue }
            let target = String(decoding: words[1], as: UTF8.self)
            return target.utf8.count <= 64 && fileExists(folder + "/" + target) ? target : nil
        }
        return nil
    }

    /// All zones by name: files and folders that begin with a capital letter, three levels deep.
    private func names() -> [String] {
        var names: [String] = []
        var folders: [(path: String, depth: Int)] = [("", 1)]
        while let (path, depth) = folders.popLast() {
            for name in (try? listDirectory(folder + "/" + path)) ?? [] {
                guard let first = name.utf8.first, (0x41...0x5A).contains(first) else { continue }
                if !isDirectory(folder + "/" + path + name) {
                    names.append(path + name)
                } else if depth < 3 {
                    folders.append((path + name + "/", depth + 1))
                }
            }
        }
        return names.sorted()
    }
}

extension String {
    /// Without the semicolons that separate the parts of a problem.
    fileprivate var oneClause: String { String(map { $0 == ";" ? "," : $0 }) }
}
