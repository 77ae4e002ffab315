// One file of an outbox, read from outside while its agent may be writing it, removing it, or long dead. Never read
// whole: a chunk at a time. What a dying card does not give is zeros, so that what stands behind it is still found.

import Glibc
import LinuxWorld

final class StoredFile {
    /// A card that cannot read a place is asked for what is around it in pieces of this size.
    private static let pieceBytes = 4_096

    let path: String
    /// When it was opened.
    let bytes: Int
    private let descriptor: Int32
    /// What could not be read, and why.
    private(set) var unreadableBytes = 0
    private(set) var unreadableReason: String?

    /// Nil when there is no such file (an agent removes what was acknowledged), or nothing that an agent would read.
    static func open(_ path: String) throws(SystemError) -> StoredFile? {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ELOOP { return nil }
            throw SystemError(operation: "open", place: path, errno: errno)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            return nil
        }
        return StoredFile(path, descriptor, Int(status.st_size))
    }

    private init(_ path: String, _ descriptor: Int32, _ bytes: Int) {
        self.path = path
        self.descriptor = descriptor
        self.bytes = bytes
    }

    deinit { close(descriptor) }

    /// Up to `count` bytes from `offset`; fewer at the end of the file.
    func read(_ count: Int, at offset: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let memory = UnsafeMutableRawBufferPointer(buffer)
            while filled < count {
                let answer = pread(descriptor, memory.baseAddress! + filled, count - filled, off_t(offset + filled))
                if answer > 0 {
                    filled += answer
                } else if answer == 0 {
                    return
                } else if errno != EINTR {
                    let reason = systemReason(errno)
                    let left = min(count - filled, bytes - offset - filled)
                    guard left > 0 else { return }
                    filled += readAround(memory, from: filled, at: offset + filled, count: left, reason)
                }
            }
        }
    }

    /// Piece by piece, each that is refused as zeros; answers how much that was.
    private func readAround(
        _ memory: UnsafeMutableRawBufferPointer, from start: Int, at offset: Int, count: Int, _ reason: String
    ) -> Int {
        // The next read begins on a boundary of the medium's, where it is most likely to be whole.
        let piece = min(count, Self.pieceBytes - offset % Self.pieceBytes)
        let answer = pread(descriptor, memory.baseAddress! + start, piece, off_t(offset))
        if answer > 0 { return answer }
        memset(memory.baseAddress! + start, 0, piece)
        unreadableBytes += piece
        unreadableReason = reason
        return piece
    }
}
