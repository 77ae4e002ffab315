// Numbers that a segment should hold and does not: damaged, elsewhere, or acknowledged by a boot that forgot it. What
// is nowhere is told, once.

import World

extension Outbox where D: ~Copyable {
    /// Blocks between here and the last one seen are damaged: what of them nobody has and no tier holds is said by
    /// tombstones, once.
    mutating func noteDamage(through last: UInt64) {
        scan!.damageBefore = scan!.scan.damagedBytes
        let name = scan!.name
        var next = scan!.lastSeen + 1
        while true {
            let acknowledged = uplink[name.stream, name.lane]
            let first = acknowledged.firstMissing(from: next)
            guard first <= last else { return }
            var end = min(last, acknowledged.first(after: first).map { $0 - 1 } ?? last)
            if name.stream == stream, let held = memory.first(name.lane, from: first) {
                if held == first {
                    // Comes from there.
                    scan!.owesNumbers = true
                    next = first + 1
                    continue
                }
                end = min(end, held - 1)
            }
            next = end + 1
            let range = SequenceRange(first, end)
            guard isNowhere(range, outside: name) else {
                scan!.owesNumbers = true
                scan!.isBehindDamage = true
                continue
            }
            losses.append(
                Loss(stream: name.stream, lane: name.lane, range: range, counts: [], reason: "damaged on flash"))
            uplink.insert(range, stream: name.stream, lane: name.lane)
            isCursorChanged = true
        }
    }

    /// Damage behind the last sound block: how far it reaches is known when we wrote the segment ourselves, another one
    /// follows, or what followed is acknowledged; otherwise only that something was there: at least the number behind
    /// the last one seen.
    mutating func noteDamageAtEnd() {
        let name = scan!.name
        let known = flash.index(of: name).flatMap { flash.segments[$0].last } ?? 0
        guard scan!.scan.damagedBytes > scan!.damageBefore || known > scan!.lastSeen else { return }
        let seen = scan!.lastSeen
        let behind = flash.segments.lazy.map(\.name)
            .filter { $0.stream == name.stream && $0.lane == name.lane && $0.first > seen + 1 }
        let follower: UInt64? = behind.map { $0.first - 1 }.min()
        // What followed has gone already: the cursor still knows where it began.
        let acknowledged = uplink[name.stream, name.lane].first(after: seen) ?? 0
        noteDamage(through: max(known, follower ?? 0, acknowledged > 0 ? acknowledged - 1 : 0, seen + 1))
    }

    /// No segment holds any of these numbers and none is on its way, as far as can be known without reading.
    private func isNowhere(_ range: SequenceRange, outside name: SegmentName) -> Bool {
        let isSent = inFlight.contains {
            $0.stream == name.stream && $0.lane == name.lane && $0.range.first <= range.last
                && range.first <= $0.range.last
        }
        return !isSent
            && !flash.segments.contains {
                $0.name != name && $0.name.stream == name.stream && $0.name.lane == name.lane
                    && $0.name.first <= range.last && range.first <= $0.last ?? .max
            }
    }

    /// What the acknowledgement of a batch closes besides: the numbers before it that an earlier boot acknowledged and
    /// forgot. Of the present stream everything is known.
    func gapStart(before header: BlockHeader) -> UInt64 {
        let name = scan!.name, first = header.first
        guard name.stream != stream, !scan!.isBehindDamage else { return first }
        var from = scan!.lastSeen + 1
        if from == name.first { from = uplink[name.stream, name.lane].lastBelow(first) + 1 }
        for sent in inFlight where sent.stream == name.stream && sent.lane == name.lane && sent.range.first < first {
            from = max(from, sent.range.last + 1)
        }
        for other in flash.segments
        where other.name != name && other.name.stream == name.stream && other.name.lane == name.lane
            && other.name.first < first
        {
            // What it holds is acknowledged or in flight only once it has been read; then what it does not hold is not
            // in it either, unless it is damaged.
            guard other.isOffered, !other.isUnreadable, !other.isHeldBack, let last = other.last else { return first }
            if other.isDamaged { from = max(from, last + 1) }
        }
        return min(from, first)
    }

    /// At once when that makes a range of the cursor longer, else with the acknowledgement of the batch behind it.
    mutating func closeGap(before header: BlockHeader) {
        let name = scan!.name
        guard name.stream != stream else { return }
        let from = gapStart(before: header)
        if from < header.first {
            let gap = SequenceRange(from, header.first - 1)
            if uplink[name.stream, name.lane].touches(gap) {
                uplink.insert(gap, stream: name.stream, lane: name.lane)
                isCursorChanged = true
            }
        }
        // Judged again when another segment has gone.
        let missing = uplink[name.stream, name.lane].firstMissing(from: scan!.lastSeen + 1)
        if missing < header.first { scan!.owesNumbers = true }
    }
}
