// Requests to the flash that are on their way, each with why it was made.

import World

/// What the outbox will do with a completion.
enum DiskPurpose: Equatable {
    case list
    case readCheckpoint
    case checkpoint
    /// Write, sync and directory sync of one spill: all must succeed.
    case spill(lane: Lane)
    case historyRead
    case evictionRead
    case walkRead
    case remove
}

/// Keeps order; never asks for more than the worker takes.
struct DiskQueue {
    private var waiting: [DiskRequest] = []
    private var purposes: [(token: UInt64, purpose: DiskPurpose)] = []
    private var nextToken: UInt64 = 1

    var isIdle: Bool { purposes.isEmpty }
    func isPending(_ purpose: DiskPurpose) -> Bool { purposes.contains { $0.purpose == purpose } }

    /// Answers by which token the completion will be known.
    @discardableResult
    mutating func ask(_ work: DiskWork, _ purpose: DiskPurpose) -> UInt64 {
        let token = nextToken
        waiting.append(DiskRequest(token: token, work: work))
        purposes.append((token, purpose))
        nextToken += 1
        return token
    }

    mutating func submit(to disk: inout some Disk & ~Copyable) {
        while let request = waiting.first, disk.submit(request) { waiting.removeFirst() }
    }

    mutating func purpose(of completion: DiskCompletion) -> DiskPurpose? {
        guard let index = purposes.firstIndex(where: { $0.token == completion.token }) else { return nil }
        return purposes.remove(at: index).purpose
    }
}
