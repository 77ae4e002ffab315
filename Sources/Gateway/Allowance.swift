// The rate of history that the operator allows, so that what is late does not take the link from what is live.

import World

/// How much history may be sent: a bucket that fills by bytes and batches a second.
struct Allowance {
    private(set) var readyAt = Boottime.distantFuture
    private var blockedUntil = Boottime(nanoseconds: 0)

    func isOpen(at now: Boottime) -> Bool { now >= blockedUntil }

    /// A message of so much has been sent: the next one waits until the rates allow it.
    mutating func spend(bytes: Int, batches: Int, bytesPerSecond: Int?, batchesPerSecond: Int?, at now: Boottime) {
        var wait: Int64 = 0
        if let rate = bytesPerSecond { wait = max(wait, Int64(bytes) * 1_000_000_000 / Int64(max(rate, 1))) }
        if let rate = batchesPerSecond { wait = max(wait, Int64(batches) * 1_000_000_000 / Int64(max(rate, 1))) }
        guard wait > 0 else { return }
        blockedUntil = max(blockedUntil, now) + .nanoseconds(wait)
    }

    mutating func wait(isNeeded: Bool) { readyAt = isNeeded ? blockedUntil : .distantFuture }
}
