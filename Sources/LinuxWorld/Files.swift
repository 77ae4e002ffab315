// Whole small files and directories, for set-up: configuration, board description, folders to make. Not for the data
// path.

import Glibc
import World

/// The file's content. Refused when it is longer than `limit`: nothing that we read whole may be unbounded.
public func readFile(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
    let file = try Descriptor(opening: path, O_RDONLY)
    var content: [UInt8] = []
    var cause: Int32 = 0
    // Sizes are not asked for: files of procfs and sysfs say 0 or 4096.
    withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 16) { buffer in
        while cause == 0 {
            let count = uninterrupted { read(file.number, buffer.baseAddress, buffer.count) }
            guard count > 0 else {
                cause = Int32(-count)
                return
            }
            guard content.count + count <= limit else {
                cause = EFBIG
                return
            }
            content.append(contentsOf: buffer[..<count])
        }
    }
    guard cause == 0 else { throw SystemError(operation: "read", place: path, errno: cause) }
    return content
}

/// Names in a directory, sorted by their bytes, without `.` and `..`.
public func listDirectory(_ path: String) throws(SystemError) -> [String] {
    guard let directory = opendir(path) else { throw SystemError(operation: "list", place: path, errno: errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != "." && name != ".." { names.append(name) }
    }
    names.sort { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    return names
}

/// Makes the directory and what is missing above it; content that is there already stays.
public func makeDirectory(_ path: String, mode: UInt32 = 0o750) throws(SystemError) {
    var made = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
        made += made.isEmpty || made.hasSuffix("/") ? String(part) : "/" + part
        if mkdir(made, mode) != 0 && errno != EEXIST {
            throw SystemError(operation: "make the directory", place: made, errno: errno)
        }
    }
    guard isDirectory(path) else { throw SystemError(operation: "make the directory", place: path, errno: ENOTDIR) }
}

public func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

public func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }
