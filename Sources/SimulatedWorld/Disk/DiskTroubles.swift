// When a flash took nothing: for checkers that have to say what a power cut may take.
//
// A process that cannot write tries again later and later: after trouble that lasted t, at the latest after t again
// (its delays double from one second), and never later than a minute. Trouble that comes back before that is one with
// the trouble before: nothing may have been written in between.

import World

struct DiskTroubles {
    /// A change that waits longer for its completion is held up. (The slowest sync of a healthy card takes 3 s.)
    private static let patience = Duration.seconds(4)
    private static let longestRetry = Duration.seconds(60)
    /// From a retry that succeeds to everything on flash.
    private static let catchingUp = Duration.seconds(8)

    private var from = VirtualTime.zero
    private var to: VirtualTime?

    mutating func noteFailure(at moment: VirtualTime) { note(from: moment, to: moment) }

    /// A change was asked for and completed (or is waiting still) at these moments.
    mutating func noteWait(from begin: VirtualTime, to end: VirtualTime) {
        if end - begin > Self.patience { note(from: begin, to: end) }
    }

    private mutating func note(from begin: VirtualTime, to end: VirtualTime) {
        from = since(at: begin) == nil ? begin : min(from, begin)
        to = max(end, to ?? end)
    }

    /// Since when the flash may have taken nothing; nil when all is well.
    func since(at now: VirtualTime) -> VirtualTime? {
        guard let to else { return nil }
        let length = to - from + .seconds(2)
        return now > to + min(length, Self.longestRetry) + Self.catchingUp ? nil : from
    }
}
