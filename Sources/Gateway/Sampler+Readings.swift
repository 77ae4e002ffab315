// From a driver's samples to readings and notices in the rings.

import Sensors
import World

extension Sampler where B: ~Copyable, L: ~Copyable, A: ~Copyable {
    mutating func emit(_ index: Int) {
        for place in 0..<samples.count {
            let sample = samples[place]
            let position = Int(sample.channel)
            invariant(
                position < states[index].channels.count,
                "sensor \(states[index].id) gave channel \(position)")
            let channel = states[index].channels[position]
            let (value, quality) = channel.settle(sample)
            states[index].ordinals[position] += 1
            let reading = Reading(
                channel: channel.id,
                acquired: (sample.acquired ?? states[index].startedAt).truncatedToMicroseconds, value: value,
                quality: quality, ordinal: states[index].ordinals[position])
            let isTaken = readings.put(reading)
            counts.add(refused: !isTaken)
        }
        if samples.count > 0 { hasNews = true }
    }

    mutating func note(_ notice: Notice) {
        // A full ring of notices loses the notice, not the readings that say the same by their quality.
        _ = notices.put(notice)
        hasNews = true
    }

    static func nextOnGrid(after now: Boottime, every: Duration) -> Boottime {
        let step = max(every.nanoseconds, 1_000_000)
        return Boottime(nanoseconds: (now.nanoseconds / step + 1) * step)
    }
}
