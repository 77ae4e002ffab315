// Channels that are withheld: their readings are sealed, kept and folded as all others, and never sent. A batch that
// holds nothing else is passed over as if it had been acknowledged, and its number is named in the next message, or in
// one of its own.

import Outbox
import Uplink
import World

extension Courier where D: ~Copyable, R: ~Copyable {
    /// A batch with nothing to publish: left out, unless there is no room to say so.
    mutating func isLeftOut(_ offered: OfferedBatches, _ batch: BatchSlice, _ channels: ChannelFragments) -> Bool {
        guard channels.withholds, !channels.publishes(outbox.codec.readings(of: batch)) else { return false }
        return skips.note(offered.stream, batch.sequence, at: now)
    }

    /// Nothing of the offer is to be sent: the cursor moves all the same.
    mutating func passOver(_ offered: OfferedBatches) {
        outbox.sent(offered)
        outbox.acknowledge(BatchID(stream: offered.stream, lane: offered.lane, sequence: offered.range.first))
    }

    /// When numbers that wait for another message are told by themselves.
    var skippedDeadline: Boottime {
        guard isOnline, !skips.pending.isEmpty else { return .distantFuture }
        return max(tellsSkippedAtOnce ? now : skips.since + Limits.skippedToldEvery, skips.notBefore)
    }

    /// At the end there is no next message.
    private var tellsSkippedAtOnce: Bool { (stop != nil || plan.carriesOnly) && outbox.isDrained }

    mutating func tellSkipped() {
        guard isOnline, mayOffer, now >= skippedDeadline, stop?.stage ?? .draining == .draining else { return }
        while !skips.pending.isEmpty {
            guard session.mayPublish(.readings, bytes: 0, at: now), let skipped = skips.attach(nil) else {
                skips.notBefore = now + .seconds(1)
                return
            }
            senML.encodeSkipped(skipped.stream.rawValue, skipped.range, into: &payload)
            let topic = topics.topic(.readings)
            var id: MessageID?
            payload.withUnsafeBytes { bytes in
                id = try? broker.publish(topic: topic, payload: bytes, qualityOfService: 1, retained: false)
            }
            guard let id else {
                skips.takeBack(at: now)
                skips.notBefore = now + .seconds(1)
                return
            }
            skips.sent(id)
            session.sent(id, .numbersOnly(.readings, bytes: UInt32(payload.count)))
        }
    }

    mutating func keepSkipped() {
        guard skips.isChanged else { return }
        let content = skips.encoded
        let isKept = content.withUnsafeBytes { bytes in
            (try? outbox.disk.runtimeWrite(SkippedNumbers.fileName, at: 0, bytes)) != nil
        }
        if isKept { skips.isChanged = false }
    }
}
