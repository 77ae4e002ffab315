// One directory of which we are the only user, and what is done to the files in it. Synchronous: the runtime folder is
// used by its owner directly, the state folder by the Scribe.
//
// Files that are written stay open, a few of them, because a segment is written many times before the next one begins.
// A descriptor whose sync failed is closed and never synced again: after EIO the kernel has dropped the pages and calls
// them clean, so a second fsync would answer "done" for what is lost (fsync(2), "fsyncgate").

import Glibc
import World

final class FlatFolder {
    /// Enough for the open segments of all lanes, the checkpoint, and one file being removed.
    private static let openFilesLimit = 8

    private struct OpenFile {
        var name: String
        var descriptor: Int32
    }

    private let directory: Descriptor
    /// Most recently used last.
    private var openFiles: [OpenFile] = []

    init(_ path: String) throws(SystemError) {
        directory = try Descriptor(opening: path, O_RDONLY | O_DIRECTORY)
    }

    /// No other process may use the folder while this one does; the lock goes with the process, however it ends.
    func lock(_ path: String) throws(SystemError) {
        guard flock(directory.number, LOCK_EX | LOCK_NB) == 0 else {
            throw SystemError(operation: "use it beside another agent", place: path, errno: errno)
        }
    }

    /// The same, for a folder whose user of a moment ago may still be going. A file system without locks has none.
    func lockInTurn(_ path: String) throws(SystemError) {
        for _ in 0..<100 {
            guard flock(directory.number, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK else { return }
            _ = poll(nil, 0, 10)
        }
        throw SystemError(operation: "use it beside another agent", place: path, errno: EWOULDBLOCK)
    }

    deinit {
        for file in openFiles { close(file.descriptor) }
        // Said, and not left to the closing: between another thread's fork and its exec a child holds the
        // descriptor too, and the lock with it (flock(2)).
        _ = flock(directory.number, LOCK_UN)
    }

    // MARK: operations

    func write(_ name: String, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(DiskFault) {
        let file = try opened(name, creating: true)
        var done = 0
        while done < bytes.count {
            // A short write is no error: the rest is, or is not, refused by the next one.
            let count = uninterrupted {
                pwrite(file, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            }
            if count <= 0 { throw Self.fault(count == 0 ? EIO : Int32(-count)) }
            done += count
        }
    }

    func read(_ name: String, at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws(DiskFault) -> Int {
        let file = try opened(name, creating: false)
        var done = 0
        while done < bytes.count {
            let count = uninterrupted {
                pread(file, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            }
            if count < 0 { throw Self.fault(Int32(-count)) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func sync(_ name: String) throws(DiskFault) {
        let file = try opened(name, creating: false)
        let answer = uninterrupted { fdatasync(file) }
        if answer < 0 {
            forget(name)
            throw Self.fault(-answer)
        }
    }

    func syncDirectory() throws(DiskFault) { try check(uninterrupted { fsync(directory.number) }) }

    func remove(_ name: String) throws(DiskFault) {
        Self.checkName(name)
        forget(name)
        try check(uninterrupted { unlinkat(directory.number, name, 0) })
    }

    func truncate(_ name: String, to bytes: Int) throws(DiskFault) {
        let file = try opened(name, creating: false)
        try check(uninterrupted { ftruncate(file, off_t(bytes)) })
    }

    /// Regular files, by name. Names with a dot first are not ours (`lost+found` is no regular file).
    func list() throws(DiskFault) -> [FileEntry] {
        // A stream of its own: `fdopendir` would take the descriptor over, and a shared one would share its position.
        let number = uninterrupted { openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        try check(number)
        guard let stream = fdopendir(number) else {
            close(number)
            throw .failed(errno: errno)
        }
        defer { closedir(stream) }
        var entries: [FileEntry] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            guard !name.hasPrefix("."), fstatat(directory.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
                status.st_mode & S_IFMT == S_IFREG
            else { continue }
            entries.append(FileEntry(name: name, bytes: Int(status.st_size)))
        }
        entries.sort { $0.name < $1.name }
        return entries
    }

    /// What an ordinary user may still write, in bytes.
    func freeBytes() throws(DiskFault) -> Int64 {
        var status = statvfs()
        try check(uninterrupted { fstatvfs(directory.number, &status) })
        return Int64(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
    }

    func map(_ name: String, bytes: Int) throws(DiskFault) -> UnsafeMutableRawBufferPointer {
        invariant(bytes > 0, "a mapping has a size")
        let file = try opened(name, creating: true)
        var status = stat()
        try check(uninterrupted { fstat(file, &status) })
        if Int(status.st_size) != bytes {
            // To nothing first, so that all of it is zero.
            try check(uninterrupted { ftruncate(file, 0) })
        }
        // Reserved now: a store into a hole of a full tmpfs would be SIGBUS, long after anybody could handle it.
        let reserved = posix_fallocate(file, 0, off_t(bytes))
        guard reserved == 0 else { throw Self.fault(reserved) }
        let address = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let address, address != MAP_FAILED else { throw Self.fault(errno) }
        // The mapping holds the file by itself.
        forget(name)
        return UnsafeMutableRawBufferPointer(start: address, count: bytes)
    }

    // MARK: descriptors

    private func opened(_ name: String, creating: Bool) throws(DiskFault) -> Int32 {
        Self.checkName(name)
        if let index = openFiles.firstIndex(where: { $0.name == name }) {
            let file = openFiles.remove(at: index)
            openFiles.append(file)
            return file.descriptor
        }
        let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (creating ? O_CREAT : 0)
        let descriptor = uninterrupted { openat(directory.number, name, flags, 0o640) }
        try check(descriptor)
        if openFiles.count == Self.openFilesLimit { close(openFiles.removeFirst().descriptor) }
        openFiles.append(OpenFile(name: name, descriptor: descriptor))
        return descriptor
    }

    private func forget(_ name: String) {
        guard let index = openFiles.firstIndex(where: { $0.name == name }) else { return }
        close(openFiles.remove(at: index).descriptor)
    }

    /// Names are made by us, from numbers: one that could leave the directory is a mistake, not an input.
    private static func checkName(_ name: String) {
        invariant(
            !name.isEmpty && name.utf8.count <= 255 && !name.hasPrefix(".") && !name.utf8.contains(UInt8(ascii: "/"))
                && !name.utf8.contains(0),
            "\"\(name)\" is no flat file name")
    }

    private func check(_ answer: Int32) throws(DiskFault) { if answer < 0 { throw Self.fault(-answer) } }

    private static func fault(_ errno: Int32) -> DiskFault {
        switch errno {
        case ENOSPC, EDQUOT: .full
        case EROFS: .readOnly
        case ENOENT: .noSuchFile
        case EACCES, EPERM: .notPermitted
        default: .failed(errno: errno)
        }
    }
}
