// Requests and results of the disk in the few words that a trace has room for.

import World

extension DiskWork {
    var isChange: Bool {
        switch self {
        case .write, .sync, .syncDirectory, .remove, .truncate: true
        case .read, .list: false
        }
    }

    var summary: String {
        switch self {
        case .write(let file, let offset, let bytes): "write \(file) at \(offset), \(bytes.count) bytes"
        case .sync(let file): "sync \(file)"
        case .syncDirectory: "sync the directory"
        case .remove(let file): "remove \(file)"
        case .read(let file, let offset, let count): "read \(file) at \(offset), \(count) bytes"
        case .truncate(let file, let bytes): "truncate \(file) to \(bytes) bytes"
        case .list: "list"
        }
    }
}

extension DiskCompletion.Result {
    var summary: String {
        switch self {
        case .done: "done"
        case .bytes(let bytes): "\(bytes.count) bytes"
        case .entries(let entries, let freeBytes): "\(entries.count) files, \(freeBytes) bytes free"
        case .failed(.full): "no space"
        case .failed(.readOnly): "read-only"
        case .failed(.noSuchFile): "no such file"
        case .failed(.notPermitted): "not permitted"
        case .failed(.failed(let errno)): "error \(errno)"
        }
    }
}
