// Gauges of the air from the ring to the city: a node that measures NO2 says the indices at each hour's end, and an
// alarm that watches one goes off with them.

import Gateway
import KPIs
import Outbox
import SimulatedWorld
import Testing
import World

/// `water.volume` stands for NO2 in whole µg/m³, read every ten seconds.
private func measuringAir(_ plan: inout CourierPlan) {
    var method = KPIBinding.Method()
    method.holdSeconds = 30
    plan.kpis = [
        KPIBinding(
            indicator: Indicator.named("en-en-aq-1c")!, channel: ChannelID(rawValue: 2), channelName: "water.volume",
            unit: "ug/m3", scale: 0, series: Pollutant.no2.series, windowSeconds: 3_600, method: method)
    ]
    let eaqi = AirGauges.declared.first { $0.name == "eaqi" }!
    plan.alarms = [
        AlarmRule(
            id: "foul-air", source: .gauge, name: eaqi.name, unit: eaqi.unit, scale: eaqi.scale, side: .above,
            threshold: DecimalNumber(mantissa: 3, exponent: 0)!, clear: DecimalNumber(mantissa: 3, exponent: 0)!,
            every: eaqi.every)!
    ]
}

extension CourierBench {
    fileprivate func breathe(_ micrograms: Int64, seconds: Int) {
        for _ in 0..<seconds / 10 {
            take(2, micrograms)
            run(.seconds(10))
        }
    }

    fileprivate func gauges() throws -> [JSON] {
        try received("contributions").flatMap { $0["items"]?.elements ?? [] }.filter { $0["kind"]?.string == "gauge" }
    }
}

@Suite("Gauges of the air at the node") struct AirGaugeCourierTests {
    @Test("At an hour's end NO2 gives both indices with their tables, and the alarm on one goes off in the same step")
    func hourEnd() throws {
        let bench = try CourierBench(measuringAir)
        bench.breathe(150, seconds: 3 * 3_600)
        let gauges = try bench.gauges()
        let european = try #require(gauges.last { $0["gauge"]?.string == "eaqi" })
        #expect(european["table"]?.string == EuropeanAirQualityIndex(.v2).table)
        #expect(european["of"]?.string == Pollutant.no2.rawValue)
        let level = try #require(EuropeanAirQualityIndex(.v2).level(.no2, nanogramsPerCubicMetre: 150_000))
        #expect(european["value"]?.number == "\(level)" && level > 3)
        let american = try #require(gauges.last { $0["gauge"]?.string == "aqi-us" })
        #expect(american["table"]?.string == USAirQualityIndex.table)
        #expect(american["conv"]?.string == GasConversion.celsius25.id)
        #expect(Set(gauges.compactMap { $0["gauge"]?.string }) == ["eaqi", "aqi-us"])
        let hours = gauges.filter { $0["gauge"]?.string == "eaqi" }.compactMap { $0["hour"]?.number }
        #expect(hours.count == Set(hours).count && hours.count >= 2, "each hour once: \(hours)")

        // With the gauges, not with a later step.
        let told = try bench.received.filter { message in
            message.topic == "events"
                && message.json["items"]?.elements.contains { $0["state"]?.string == "raised" } ?? false
        }
        #expect(told.count == 1)
        let said = try bench.received.first { message in
            message.topic == "contributions"
                && message.json["items"]?.elements.contains { $0["gauge"]?.string == "eaqi" } ?? false
        }
        let gap = try #require(said).at - #require(told.first).at
        #expect(abs(gap.nanoseconds) < 1_000_000_000)
        let alarm = try #require(bench.events("alarm").last)
        #expect(alarm["id"]?.string == "foul-air" && alarm["value"]?.number == "\(level)")
    }

    @Test("A process that is killed within the hour gives the gauges of the whole hour, and no hour twice")
    func killed() throws {
        var bench: CourierBench! = try CourierBench(measuringAir)
        for _ in 0..<9 {
            bench.breathe(150, seconds: 1_200)
            let surroundings = bench.surroundings
            bench = nil
            endProcess(disk: surroundings.disk, broker: surroundings.broker)
            bench = try CourierBench(in: surroundings, measuringAir)
        }
        bench.breathe(150, seconds: 600)
        let hours = try bench.gauges().filter { $0["gauge"]?.string == "eaqi" }.compactMap { $0["hour"]?.number }
        #expect(hours.count >= 2)
        #expect(Set(hours).count == hours.count)
    }
}
