// What the kernel says of another process (Documentation/filesystems/proc.rst).

import Glibc
import LinuxWorld
import World

struct ProcessFigures {
    /// Time on a CPU of all threads together, nanoseconds (Documentation/scheduler/sched-stats.rst: first number).
    var cpu: Double = 0
    var switches: Double = 0

    init(of process: pid_t) throws {
        let tasks = "/proc/\(process)/task"
        for task in try listDirectory(tasks) {
            cpu += Double(try text("\(tasks)/\(task)/schedstat").split(separator: " ").first ?? "0") ?? 0
            let status = try text("\(tasks)/\(task)/status")
            for line in status.split(separator: "\n") where line.contains("ctxt_switches:") {
                switches += Double(lastWord(line)) ?? 0
            }
        }
    }
}

/// In MB of 10^6 bytes.
struct MemoryFigures {
    var pss = 0.0
    var rss = 0.0
    var privateDirty = 0.0

    init(of process: pid_t) throws {
        for line in try text("/proc/\(process)/smaps_rollup").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[2] == "kB", let number = Double(words[1]) else { continue }
            switch words[0] {
            case "Pss:": pss = number * 1_024 / 1e6
            case "Rss:": rss = number * 1_024 / 1e6
            case "Private_Dirty:": privateDirty = number * 1_024 / 1e6
            default: break
            }
        }
    }
}

private func lastWord(_ line: Substring) -> Substring {
    line.split(whereSeparator: { $0 == " " || $0 == "\t" }).last ?? ""
}

func text(_ path: String) throws -> String { String(decoding: try readFile(path, limit: 1 << 20), as: UTF8.self) }

struct BenchFault: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A folder of its own, removed at the end.
final class Folder {
    let path: String

    init(under parent: String) throws {
        var template = Array("\(parent)/cityedge-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw BenchFault("no folder under \(parent): \(systemReason(errno))") }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit {
        guard var remover = try? ChildProcess("rm", ["-rf", path]) else { return }
        _ = remover.wait(atMost: .seconds(30))
    }

    func write(_ name: String, _ content: String) throws {
        guard let file = fopen(path + "/" + name, "w") else {
            throw BenchFault("\(path)/\(name): \(systemReason(errno))")
        }
        defer { fclose(file) }
        guard fputs(content, file) >= 0 else { throw BenchFault("\(path)/\(name): \(systemReason(errno))") }
    }
}

func run(_ program: String, _ arguments: [String]) throws {
    var child = try ChildProcess(program, arguments)
    guard child.wait(atMost: .seconds(60)) == .exited(status: 0) else {
        throw BenchFault("\(program) \(arguments.joined(separator: " ")) failed")
    }
}

func programFolder() -> String {
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let count = buffer.withUnsafeMutableBytes { bytes in
        readlink("/proc/self/exe", bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    let path = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
}
