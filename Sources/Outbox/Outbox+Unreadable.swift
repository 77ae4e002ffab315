// Flash that cannot be read: tried again for a while, then read around.
//
// An error may pass (a card reader that was pulled, a busy controller): a segment that could not be read is left for
// 5 s, 10 s, ... and tried again. When it has failed three times it is read in pieces of one page, and a page that
// fails counts as zeros: the blocks before and behind it are delivered, those on it are told as damaged. When no page of
// a read answers, nothing is known and nothing is given up.

import World

/// One read, page by page.
struct PieceRead {
    static let pageBytes = 4_096
    let file: String
    let offset: Int
    let count: Int
    private(set) var bytes: [UInt8] = []
    private(set) var hasAnswered = false
    private(set) var isDone = false

    init(_ work: DiskWork) {
        guard case .read(let file, let offset, let count) = work else { invariantFailed("pieces of \(work)") }
        self.file = file
        self.offset = offset
        self.count = count
    }

    private var pieceBytes: Int {
        min(Self.pageBytes - (offset + bytes.count) % Self.pageBytes, count - bytes.count)
    }
    var next: DiskWork { .read(file: file, offset: offset + bytes.count, count: pieceBytes) }

    mutating func take(_ piece: [UInt8]) {
        hasAnswered = true
        let isShort = piece.count < pieceBytes
        bytes += piece
        isDone = isShort || bytes.count >= count
    }

    /// `end`: where the file ends, as far as is known.
    mutating func fail(end: Int) {
        bytes += [UInt8](repeating: 0, count: pieceBytes)
        isDone = bytes.count >= count || offset + bytes.count >= end
    }
}

extension Outbox where D: ~Copyable {
    static var triesBeforePieces: Int { 3 }

    mutating func finishHistoryRead(_ token: UInt64, _ result: DiskCompletion.Result, now: Boottime) {
        guard scan != nil, scan!.awaiting == token else { return }
        scan!.awaiting = nil
        let name = scan!.name
        switch result {
        case .bytes(let bytes):
            guard scan!.pieces == nil else {
                scan!.pieces!.take(bytes)
                return continuePieces(now: now)
            }
            scan!.scan.accept(bytes)
            unreadableDelay = Self.firstUnreadableDelay
        case .failed(.noSuchFile):
            // Somebody else removed it. What was in it is not known, but that it was there is.
            scan!.pending = nil
            noteDamageAtEnd()
            scan = nil
            flash.remove(name)
            flash.offerAgain { $0.owesNumbers && $0.name.stream == name.stream && $0.name.lane == name.lane }
        case .failed(let fault):
            diskFailed(fault, at: now)
            let segment = flash.index(of: name).map { flash.segments[$0] }
            if scan!.pieces != nil {
                scan!.pieces!.fail(end: segment?.bytes ?? .max)
                continuePieces(now: now)
            } else if flash.countFailure(name) >= Self.triesBeforePieces {
                scan!.pieces = PieceRead(scan!.scan.read)
                continuePieces(now: now)
            } else {
                leaveUnreadable(now: now)
            }
        default: break
        }
    }

    private mutating func continuePieces(now: Boottime) {
        guard let pieces = scan!.pieces else { return }
        guard pieces.isDone else {
            scan!.awaiting = queue.ask(pieces.next, .historyRead)
            queue.submit(to: &disk)
            return
        }
        scan!.pieces = nil
        guard pieces.hasAnswered else { return leaveUnreadable(now: now) }
        scan!.scan.accept(pieces.bytes)
    }

    private mutating func leaveUnreadable(now: Boottime) {
        flash.markUnreadable(scan!.name)
        scan = nil
        unreadableRetryAt = now + unreadableDelay
        unreadableDelay = min(unreadableDelay * 2, .seconds(3_600))
    }
}
