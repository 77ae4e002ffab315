// The KPIs' fold: what a reading costs on its way into its windows, and what 20 bound indicators keep in memory.

import CAllocations
import KPIs
import LinuxWorld
import World

/// 20 indicators on channels of their own, one of most measures.
private func bindings() -> [KPIBinding] {
    let kinds: [(slug: String, name: String, unit: String, scale: Int8)] = [
        ("en-en-aq-1c", "pm.pm2_5", "ug/m3", -1), ("en-en-aq-1c", "pm.pm10", "ug/m3", -1),
        ("en-en-aq-1c", "gas.no2", "ppb", -1), ("en-en-aq-1c", "gas.o3", "ppb", -1),
        ("en-en-eq-2a", "noise.level", "dB", -1), ("en-en-eq-1c", "emf.field", "V/m", -3),
        ("en-en-ws-2c", "water.volume", "m3", -2), ("en-en-ws-1c", "water.ph", "pH", -2),
        ("ec-i-es-1c", "mains.state", "/", 0), ("ec-i-es-2c", "mains.line", "/", 0),
        ("en-e-e-2c", "meter.energy", "Wh", 0), ("en-e-e-3c", "heat.energy", "kWh", -3),
        ("ec-ict-ws-1c", "valve.position", "%", 0), ("ec-ict-t-2c", "road.flow", "count", 0),
        ("ec-i-t-5a", "road.speed", "km/h", 0), ("x-drain-level", "drain.level", "m", -2),
        ("x-spill", "drain.spill", "/", 0), ("x-bin-fill", "bin.fill", "%", 0), ("x-parking", "space.taken", "/", 0),
        ("x-people", "square.people", "count", 0),
    ]
    return kinds.enumerated().map { index, kind in
        guard let indicator = Indicator.named(kind.slug) else { preconditionFailure("no indicator \(kind.slug)") }
        var binding = KPIBinding(
            indicator: indicator, channel: ChannelID(rawValue: UInt16(index)), channelName: kind.name, unit: kind.unit,
            scale: kind.scale, windowSeconds: 3_600)
        binding.method.holdSeconds = 300
        binding.method.first = 80
        binding.method.second = 90
        binding.method.limitMillivolts = 41_250
        binding.method.event = kind.unit == "%" ? .emptying : kind.unit == "m" ? .crossing : .none
        return binding
    }
}

/// Rounds of all channels, a second apart from `first` on, in one batch.
private func readings(channels: Int, first: Int, count: Int) -> [Reading] {
    var random = Random(seed: 20)
    return (0..<count).map { index in
        let round = first + index / channels
        return Reading(
            channel: ChannelID(rawValue: UInt16(index % channels)),
            acquired: Boottime(nanoseconds: Int64(round) * 1_000_000_000), value: Int64(random.below(120)),
            quality: .good, ordinal: UInt64(round + 1))
    }
}

func foldFigures() -> [Figure] {
    let bound = bindings()
    let anchor = Anchor(offsetNanoseconds: 1_795_255_200_000_000_000, boundNanoseconds: 0)
    let rounds = 3_500
    let hour = readings(channels: bound.count, first: 1, count: rounds * bound.count)
    let before = readings(channels: bound.count, first: 0, count: bound.count)
    let next = readings(channels: bound.count, first: 3_600, count: bound.count)
    let clock = LinuxClock()
    var times: [Double] = []
    var allocations: UInt64 = 0
    var bytes = 0
    for run in 0..<10 {
        var folder = KPIFolder(stream: 1, bindings: bound)
        before.withUnsafeBufferPointer { folder.fold($0, seq: 1, anchor: anchor) }
        // An hour within its windows.
        let allocated = callocations_count()
        let begin = clock.now()
        hour.withUnsafeBufferPointer { folder.fold($0, seq: 2, anchor: anchor) }
        let took = clock.now() - begin
        if run > 0 {
            allocations = max(allocations, callocations_count() - allocated)
            times.append(Double(took.nanoseconds) / Double(hour.count))
        }
        // The hour is over and not given out yet: now there are two windows of everything.
        next.withUnsafeBufferPointer { folder.fold($0, seq: 3, anchor: anchor) }
        bytes = folder.stateBytes
    }
    return [
        Figure("kpi-fold: a reading into its windows (20 bindings)", times.min() ?? .nan, "ns a reading", .atMost(100)),
        Figure(
            "kpi-fold: allocations", Double(allocations) / Double(hour.count), "a reading", .atMost(0), decimals: 6),
        Figure("kpi-fold: state of 20 bindings, at most", Double(bytes) / 1_024, "KiB", .atMost(256)),
    ]
}
