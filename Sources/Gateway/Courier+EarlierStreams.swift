// After a power cut: the windows of the stream before are finished from what the flash holds. Its newest contributions
// were stored before the first spill of the outage, and the readings spilled after them are folded in; the result goes
// out under that stream. Where the contributions have been delivered there is nothing to finish: they say all that was
// known.

import KPIs
import Outbox
import World

/// One earlier stream being taken up.
struct StreamResume {
    enum Stage { case contributions, readings }
    let stream: StreamID
    var stage = Stage.contributions
    /// The newest contribution of each key that the flash holds.
    var newest: [Contribution] = []
    var folder: KPIFolder?
}

extension Courier where D: ~Copyable, R: ~Copyable {
    /// Called once, when the flash has been looked through and before anything of it is offered.
    mutating func listEarlierStreams() {
        guard kpis.isBound else { return }
        earlierStreams = outbox.earlierStreams
        outbox.hold(earlierStreams)
    }

    mutating func resumeEarlierStreams() {
        guard !earlierStreams.isEmpty, let anchor = knownAnchor else { return }
        for _ in 0..<Limits.foldsPerStep {
            guard let stream = earlierStreams.first else { return }
            if resume == nil {
                resume = StreamResume(stream: stream)
                outbox.beginWalk(stream, .contributions)
            }
            switch outbox.nextOfWalk() {
            case .wait: return
            case .block: takeStored()
            case .end: endStage(anchor)
            }
        }
        resumeIsDue = true
    }

    private mutating func takeStored() {
        guard let header = outbox.codec.header, resume != nil else { return }
        switch resume!.stage {
        case .contributions:
            // A batch says what its contributions cite.
            var known: [UInt64: ContributionBinding] = [:]
            for item in outbox.codec.items {
                let text = [UInt8(ascii: "{")] + item.body + [UInt8(ascii: "}")]
                let found: Contribution
                switch try? ContributionItem.parse(text, known: known) {
                case .contribution(let contribution)? where contribution.ofStream == nil: found = contribution
                case .binding(let binding)?:
                    known[binding.id] = binding
                    continue
                default: continue
                }
                resume!.newest.removeAll { $0.hasKey(of: found) && $0.revision <= found.revision }
                if !resume!.newest.contains(where: { $0.hasKey(of: found) }) { resume!.newest.append(found) }
            }
        case .readings:
            // Readings of another configuration, and those whose time nobody knows, are missing covered time.
            guard !header.isThinned, header.configHash == outbox.dictionary.configHash,
                let anchor = outbox.codec.anchor ?? outbox.anchor(of: header.stream)
            else { return }
            for batch in outbox.codec.batches {
                resume!.folder?.fold(outbox.codec.readings(of: batch), seq: batch.sequence, anchor: anchor)
            }
        }
    }

    private mutating func endStage(_ anchor: Anchor) {
        guard let current = resume else { return }
        if current.stage == .contributions, !current.newest.isEmpty {
            var folder = KPIFolder(
                stream: current.stream.rawValue, bindings: kpis.bindings, calendar: plan.calendar)
            // Where the newest window is final, what goes on begins behind it.
            for contribution in current.newest
            where !contribution.isFinal || !current.newest.contains(where: { $0.isLater(than: contribution) }) {
                folder.resume(from: contribution)
            }
            resume!.folder = folder
            resume!.stage = .readings
            outbox.beginWalk(current.stream, .readings)
            return
        }
        var encoder = ContributionBatchEncoder()
        resume!.folder?.take(.provisional, now: anchor.utc(now)) { contribution in
            var contribution = contribution
            contribution.ofStream = current.stream.rawValue
            encoder.append(contribution)
        }
        if !encoder.isEmpty {
            beginToSpeak()
            seal(encoder, anchor)
        }
        outbox.release(current.stream)
        earlierStreams.removeFirst()
        resume = nil
    }
}

extension Contribution {
    /// The same series, and a later window.
    fileprivate func isLater(than other: Contribution) -> Bool {
        indicator.slug == other.indicator.slug && sensor == other.sensor && series == other.series
            && windowStart > other.windowStart
    }

    fileprivate func hasKey(of other: Contribution) -> Bool {
        indicator.slug == other.indicator.slug && sensor == other.sensor && series == other.series
            && windowStart == other.windowStart && windowSeconds == other.windowSeconds
    }
}
