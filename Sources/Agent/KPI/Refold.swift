// Archived readings of one stream folded again. Complete archives give the node's own final contributions, byte for
// byte: windows, revisions and hashes. What an archive does not tell, and where the result may therefore differ:
//
// - Numbers of batches tell what is missing; how many readings were in it is not known, so that one of each channel is
//   assumed for each missing batch, and the time is flagged `lost`.
// - Moments are UTC to the microsecond; a step of the node's clock shows as a gap or a return of time.
// - What was never published: readings that the node's ring lost, the end of one process and the begin of the next
//   within a stream, time without power.

import KPIs
import SiteConfig
import World

struct Refold {
    let rules: FoldingRules
    let calendar: KPICalendar?
    /// By channel.
    let calibrations: [String: LaterCalibration]

    struct Outcome {
        var contributions: [Contribution] = []
        var missingBatches: UInt64 = 0
        /// Of another configuration than the rules are of.
        var otherBatches = 0
        /// Readings that the rules cannot take: finer than the channel, or too large.
        var unusable = 0
    }

    /// The batches of one stream in order of their numbers.
    func fold(_ batches: [ArchivedBatch], stream: UInt64) -> Outcome {
        var outcome = Outcome()
        var folder: KPIFolder?
        var ordinals = [UInt64](repeating: 0, count: rules.channels.count)
        var last: UInt64 = 0
        // The newest of each window: what an open one said before is of no use to anybody.
        var newest: [(key: String, contribution: Contribution)] = []
        var places: [String: Int] = [:]
        func give(_ contribution: Contribution) {
            let key = "\(contribution.indicator.slug) \(contribution.sensor) \(contribution.series) "
                + "\(contribution.windowStart) \(contribution.windowSeconds)"
            if let place = places[key] {
                newest[place].contribution = contribution
            } else {
                places[key] = newest.count
                newest.append((key, contribution))
            }
        }
        for batch in batches {
            guard batch.config == rules.config else {
                outcome.otherBatches += 1
                // The next batch of ours begins its windows anew.
                folder?.take(.provisional, now: UTC(nanoseconds: 0), into: give)
                folder = nil
                last = batch.seq
                continue
            }
            let missing = batch.seq - last - 1
            // The beginning of a stream that was not archived is not missing between two.
            if folder != nil, missing > 0 {
                outcome.missingBatches += missing
                for index in ordinals.indices { ordinals[index] += missing }
            }
            let readings = readings(batch, &ordinals, &outcome)
            if folder == nil {
                let isNewConfiguration = last > 0
                folder = KPIFolder(
                    stream: stream, bindings: rules.bindings, after: batch.seq - 1,
                    from: isNewConfiguration ? readings.first.map { UTC(nanoseconds: $0.acquired.nanoseconds) } : nil,
                    calendar: calendar)
            }
            last = batch.seq
            readings.withUnsafeBufferPointer { buffer in
                folder?.fold(buffer, seq: batch.seq, anchor: Anchor(offsetNanoseconds: 0, boundNanoseconds: 0))
            }
            folder?.take(.windowEnds, now: UTC(nanoseconds: 0), into: give)
        }
        folder?.take(.provisional, now: UTC(nanoseconds: 0), into: give)
        outcome.contributions = newest.map(\.contribution)
        return outcome
    }

    private func readings(
        _ batch: ArchivedBatch, _ ordinals: inout [UInt64], _ outcome: inout Outcome
    ) -> [Reading] {
        var readings: [Reading] = []
        for archived in batch.readings {
            guard let channel = rules.channels[archived.channel] else { continue }
            let index = Int(channel.id.rawValue)
            ordinals[index] += 1
            var value: Int64 = 0
            if archived.quality.grade != .bad {
                guard let text = archived.value, var scaled = scaledInteger(text, scale: channel.scale) else {
                    outcome.unusable += 1
                    continue
                }
                if let calibration = calibrations[archived.channel] {
                    guard let corrected = calibration.applied(to: scaled, scale: channel.scale) else {
                        outcome.unusable += 1
                        continue
                    }
                    scaled = corrected
                }
                value = scaled
            }
            readings.append(
                Reading(
                    channel: channel.id, acquired: Boottime(nanoseconds: archived.microseconds * 1_000), value: value,
                    quality: archived.quality, ordinal: ordinals[index]))
        }
        return readings
    }
}
