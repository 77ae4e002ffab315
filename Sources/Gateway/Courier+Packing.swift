// A history message takes in the stored blocks that follow while it is small: a message for each block of five seconds
// is what a drain would spend its time on, at the broker above all.

import Outbox
import World

extension Courier where D: ~Copyable, R: ~Copyable {
    /// Goes on with the history message in `payload`, which holds what the outbox's codec holds of the offer. True when
    /// it has become longer: the codec then no longer holds all of it.
    mutating func pack(_ offered: inout OfferedBatches) -> Bool {
        // A rate that the operator has set is kept message by message.
        let bytesMax = min(Limits.historyMessageBytes, plan.historyBytesPerSecond ?? .max)
        let batchesMax = UInt64(clamping: plan.historyBatchesPerSecond ?? .max)
        let newest =
            offered.stream == outbox.stream
            ? now - outbox.limits.liveAge - .nanoseconds(1) : Boottime.distantFuture
        let first = offered.range.last
        var records = outbox.codec.readings.count
        var before = 0
        // The next block is taken to be as long as the last one.
        while payload.count + (payload.count - before) <= bytesMax,
            offered.range.last - offered.range.first + 1 < batchesMax,
            outbox.extend(&offered, records: Limits.batchReadings - records, newest: newest)
        {
            records += outbox.codec.readings.count
            before = payload.count
            _ = encode(offered, goesOn: true)
        }
        return offered.range.last != first
    }
}
