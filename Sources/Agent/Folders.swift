// Where things are: the agent's runtime and state directories, and the data that comes with it.

import Glibc
import LinuxWorld

public struct Folders: Sendable {
    /// tmpfs: survives the process, not the power.
    public var runtime: String
    /// Flash.
    public var state: String

    public init(runtime: String, state: String) {
        self.runtime = runtime
        self.state = state
    }

    /// systemd's directories when it gives them (systemd.exec(5), RuntimeDirectory=), else the usual ones.
    public static func usual(runtime: String?, state: String?) -> Folders {
        Folders(
            runtime: runtime ?? environment("RUNTIME_DIRECTORY") ?? "/run/cityedge",
            state: state ?? environment("STATE_DIRECTORY") ?? "/var/lib/cityedge")
    }

    /// Makes both, and tells what is wrong when they cannot be used.
    func prepare() throws(Failure) {
        for (path, what) in [(runtime, "runtime"), (state, "state")] {
            do throws(SystemError) { try makeDirectory(path) } catch {
                throw Failure(
                    .disk, "\(what) folder \(path): \(error.reason); expected a folder that this user may write; "
                        + "start through systemd, or give --\(what) FOLDER")
            }
            guard access(path, W_OK | X_OK) == 0 else {
                throw Failure(
                    .disk,
                    "\(what) folder \(path): \(systemReason(errno)); expected a folder that this user may write; "
                        + "start through systemd, or give --\(what) FOLDER")
            }
        }
    }

    /// A folder that comes with the agent (`boards`, `config`): where the package puts it, or the source tree that the
    /// program was built in.
    public static func shipped(_ name: String) -> String? {
        var candidates: [String] = []
        if let own = environment("CITYEDGE_DATA") { candidates.append(own + "/" + name) }
        var folder = executableFolder()
        while folder.count > 1 {
            candidates.append(folder + "/" + name)
            candidates.append(folder + "/share/cityedge/" + name)
            guard let slash = folder.lastIndex(of: "/"), slash != folder.startIndex else { break }
            folder = String(folder[..<slash])
        }
        candidates.append("/usr/share/cityedge/" + name)
        return candidates.first {
            isDirectory($0) && fileExists($0 + (name == "boards" ? "/raspberry-pi-5.yaml" : "/"))
        }
    }

    private static func executableFolder() -> String {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = buffer.withUnsafeMutableBytes { bytes in
            readlink("/proc/self/exe", bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard count > 0 else { return "/" }
        let path = String(decoding: buffer[..<count], as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "/"
    }
}

func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
}
