// The worker that writes to flash, where a single sync may take minutes. Requests go in, completions come out in the
// same order; nobody waits for it, not even when the process ends: it runs detached, and what it shares with its owner
// (the desk) stays alive as long as either of them does.

import Synchronization
import World

/// What the owner and the Scribe share.
final class ScribeDesk: Sendable {
    private struct Papers {
        var requests: [DiskRequest] = []
        var completions: [DiskCompletion] = []
        var isClosed = false
    }

    private let papers = Mutex(Papers())
    /// Rung for the Scribe, who sleeps on it.
    private let work: Waker
    /// Rung for the owner's event loop.
    let answers: Waker

    init() throws(SystemError) {
        work = try Waker(blocking: true)
        answers = try Waker()
    }

    // MARK: the owner's side

    func submit(_ request: DiskRequest) {
        papers.withLock { $0.requests.append(request) }
        work.ring()
    }

    func takeCompletions() -> [DiskCompletion] {
        answers.hear()
        return papers.withLock { papers in
            let taken = papers.completions
            papers.completions.removeAll()
            return taken
        }
    }

    /// Sends the Scribe home after the request it is at; the others are left undone.
    func close() {
        papers.withLock { $0.isClosed = true }
        work.ring()
    }

    // MARK: the Scribe's side

    func run(_ folder: FlatFolder) {
        while true {
            let (requests, isClosed) = papers.withLock { papers in
                let taken = papers.requests
                papers.requests.removeAll(keepingCapacity: true)
                return (taken, papers.isClosed)
            }
            if isClosed { return }
            for request in requests {
                let completion = DiskCompletion(token: request.token, result: Self.carryOut(request.work, folder))
                let isClosed = papers.withLock { papers in
                    papers.completions.append(completion)
                    return papers.isClosed
                }
                answers.ring()
                if isClosed { return }
            }
            if requests.isEmpty { work.hear() }
        }
    }

    private static func carryOut(_ work: DiskWork, _ folder: FlatFolder) -> DiskCompletion.Result {
        do throws(DiskFault) {
            switch work {
            case .write(let file, let offset, let bytes): try write(bytes, to: file, at: offset, folder)
            case .sync(let file): try folder.sync(file)
            case .syncDirectory: try folder.syncDirectory()
            case .remove(let file): try folder.remove(file)
            case .truncate(let file, let bytes): try folder.truncate(file, to: bytes)
            case .list: return .entries(try folder.list(), freeBytes: try folder.freeBytes())
            case .read(let file, let offset, let count): return .bytes(try read(count, of: file, at: offset, folder))
            }
            return .done
        } catch { return .failed(error) }
    }

    // The closures of the standard library do not pass a typed error on, under every compiler that we build with: it is
    // carried out of them by hand.

    private static func write(_ bytes: [UInt8], to file: String, at offset: Int, _ folder: FlatFolder) throws(DiskFault)
    {
        var fault: DiskFault?
        bytes.withUnsafeBytes { buffer in
            do throws(DiskFault) { try folder.write(file, at: offset, buffer) } catch { fault = error }
        }
        if let fault { throw fault }
    }

    private static func read(
        _ count: Int, of file: String, at offset: Int, _ folder: FlatFolder
    ) throws(DiskFault) -> [UInt8] {
        var fault: DiskFault?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(DiskFault) {
                filled = try folder.read(file, at: offset, into: UnsafeMutableRawBufferPointer(buffer))
            } catch { fault = error }
        }
        if let fault { throw fault }
        return bytes
    }
}
