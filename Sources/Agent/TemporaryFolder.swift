// A folder of our own under the system's temporary one, gone when its owner is.

import Glibc
import LinuxWorld

final class TemporaryFolder {
    let path: String

    init() throws(Failure) {
        var template = Array(((environment("TMPDIR") ?? "/tmp") + "/cityedge-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure(
                .disk, "no temporary folder: \(systemReason(errno)); set TMPDIR to a folder that you may write")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        for name in (try? listDirectory(path)) ?? [] {
            let inner = path + "/" + name
            if isDirectory(inner) { remove(inner) } else { unlink(inner) }
        }
        rmdir(path)
    }
}

/// Writes a whole file, mode 0640.
func writeFile(_ path: String, _ bytes: [UInt8]) throws(SystemError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw SystemError(operation: "create", place: path, errno: errno) }
    defer { close(descriptor) }
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, bytes.count - done) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw SystemError(operation: "write", place: path, errno: errno) }
        done += count
    }
}

func writeFile(_ path: String, _ text: String) throws(SystemError) { try writeFile(path, Array(text.utf8)) }
