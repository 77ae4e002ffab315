// From a driver's samples to readings and notices in the rings.

import Sensors
import World

extension Sampler where B: ~Copyable, L: ~Copyable, A: ~Copyable {
    /// Readings of the samples at hand, conditioned. `isWhole` false: the sensor as a whole has failed, which is told
    /// as such and not by channel.
    mutating func emit(_ index: Int, isWhole: Bool = true) {
        for place in 0..<samples.count {
            let sample = samples[place]
            let position = Int(sample.channel)
            invariant(
                position < states[index].channels.count,
                "sensor \(states[index].id) gave channel \(position)")
            let channel = states[index].channels[position]
            let moment = (sample.acquired ?? states[index].startedAt).truncatedToMicroseconds
            let rules = channel.conditioning
            let isExpired = if let end = rules.certificateEnds { isPast(end) } else { false }
            let settled = states[index].conditioned[position].settle(
                sample, at: moment, partner: rules.partner.flatMap { latest[Int($0.channel.rawValue)] },
                isExpired: isExpired,
                isWarmingUp: states[index].warmUntil.map { moment < $0 } ?? false)
            if settled.quality == .good { remember(settled, of: channel) }
            if isWhole { tellQuality(settled.quality, index, position, channel.id) }
            if position == 0, let role = states[index].role { tellRole(role, settled, index, at: moment) }
            guard settled.isPublished else { continue }
            states[index].ordinals[position] += 1
            let reading = Reading(
                channel: channel.id, acquired: moment, value: settled.value,
                quality: settled.quality, ordinal: states[index].ordinals[position])
            let isTaken = readings.put(reading)
            counts.add(refused: !isTaken)
        }
        if samples.count > 0 { hasNews = true }
    }

    /// For channels that are compared with this one.
    private mutating func remember(_ settled: ConditionedChannel.Settled, of channel: InstalledChannel) {
        let number = Int(channel.id.rawValue)
        guard number < latest.count else { return }
        latest[number] = Double(settled.value) * DecimalStep(Int(channel.scale)).value
    }

    /// At the change; also the first state, for that may be the one to act upon.
    private mutating func tellRole(
        _ role: LineRole, _ settled: ConditionedChannel.Settled, _ index: Int, at moment: Boottime
    ) {
        guard settled.quality.grade != .bad else { return }
        let isActive = settled.value != 0
        guard states[index].roleIsActive != isActive else { return }
        let isFirst = states[index].roleIsActive == nil
        states[index].roleIsActive = isActive
        if isFirst, !isActive { return }
        note(
            Notice(
                kind: .role, sensor: UInt16(states[index].number), at: moment, value: isActive ? 1 : 0,
                detail: role.rawValue))
    }

    /// A change between good and not good is an event, as is another reason. Warming up and estimates are not: both are
    /// part of a good day.
    private mutating func tellQuality(_ quality: Quality, _ index: Int, _ position: Int, _ channel: ChannelID) {
        if quality == .warmUp || quality == .estimated { return }
        guard states[index].told[position] != quality else { return }
        states[index].told[position] = quality
        note(
            Notice(
                kind: quality == .good ? .valuesBelieved : .valuesDoubted, sensor: UInt16(states[index].number),
                at: clock.now(), value: Int64(channel.rawValue), detail: quality.rawValue))
    }

    /// Whether the moment has passed; false while nobody knows what time it is. The clocks are read now and then only.
    private mutating func isPast(_ moment: UTC) -> Bool {
        let now = clock.now()
        if now >= wallDue {
            let wall = clock.wall()
            utc = wall.isSynchronised || trustsSystemClock ? wall.utc : nil
            wallDue = now + Limits.certificateLookEvery
        }
        return utc.map { $0 > moment } ?? false
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
