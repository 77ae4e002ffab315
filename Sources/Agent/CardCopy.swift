// A copy of a card's outbox, taken while the card is only read: checkpoint and segments, a chunk at a time. What the
// card cannot read comes over as zeros, and is damage there.

import Glibc
import LinuxWorld
import Outbox

/// Stops between two chunks when a signal says so.
func copyCard(_ stored: StoredOutbox, to folder: String, _ signals: inout Signals) throws(Failure) {
    let paths = stored.segments.map(\.path) + [stored.place.state + "/" + StateFile.checkpoint]
    var hasStopped = false
    do throws(SystemError) {
        var wanted = 0
        for path in paths { wanted += try StoredFile.open(path)?.bytes ?? 0 }
        if let free = freeBytes(folder), free < Int64(wanted) + 16 << 20 {
            throw SystemError(operation: "keep a copy of \(sizeText(wanted))", place: folder, errno: ENOSPC)
        }
        for path in paths where !hasStopped {
            hasStopped = try !copyFile(path, to: folder) { signals.next() != nil }
        }
    } catch {
        throw Failure(.disk, "\(error); set TMPDIR to a folder with room, or drain the card itself with --remove")
    }
    if hasStopped {
        throw Failure(.unavailable, "stopped while copying: nothing was sent, and the card is as it was")
    }
}

/// False when it was stopped.
private func copyFile(_ path: String, to folder: String, isStopped: () -> Bool) throws(SystemError) -> Bool {
    guard let file = try StoredFile.open(path), let slash = path.lastIndex(of: "/") else { return true }
    let target = try NewFile(folder + path[slash...])
    while !isStopped() {
        let chunk = file.read(SegmentWalk.chunkBytes, at: target.bytes)
        guard !chunk.isEmpty else {
            try target.finish()
            return true
        }
        try target.append(chunk)
    }
    return false
}
