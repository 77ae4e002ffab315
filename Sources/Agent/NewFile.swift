// A file being written that must not have been there before, safe on its medium once it is finished.

import Glibc
import LinuxWorld

final class NewFile {
    let path: String
    private(set) var bytes = 0
    private var descriptor: Int32

    init(_ path: String) throws(SystemError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw SystemError(operation: "create", place: path, errno: errno) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func append(_ content: UnsafeRawBufferPointer) throws(SystemError) {
        var done = 0
        while done < content.count {
            let count = write(descriptor, content.baseAddress! + done, content.count - done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw SystemError(operation: "write", place: path, errno: count == 0 ? EIO : errno)
            }
            done += count
        }
        bytes += content.count
    }

    func append(_ content: [UInt8]) throws(SystemError) {
        var fault: SystemError?
        content.withUnsafeBytes { bytes in
            do throws(SystemError) { try append(bytes) } catch { fault = error }
        }
        if let fault { throw fault }
    }

    /// Written through and closed.
    func finish() throws(SystemError) {
        let answer = fsync(descriptor)
        let cause = errno
        close(descriptor)
        descriptor = -1
        if answer != 0 { throw SystemError(operation: "sync", place: path, errno: cause) }
    }
}

/// What was created in it or removed stays so.
func syncDirectory(_ path: String) throws(SystemError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError(operation: "open", place: path, errno: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw SystemError(operation: "sync", place: path, errno: errno) }
}

/// What an ordinary user may still write where the folder is; nil: nobody says.
func freeBytes(_ path: String) -> Int64? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    return Int64(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
}
