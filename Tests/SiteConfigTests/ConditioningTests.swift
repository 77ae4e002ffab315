import SiteConfig
import Testing
import World

/// Two chips; `lines` go to the first one's temperature.
private func pair(_ lines: String) -> String {
    head + """
        sensors:
          - id: air
            driver: bme280
            bus: i2c1
            warm_up: 2min
            every: 10s
            channels:
              temperature: {\(lines)}
          - {id: air2, driver: bme280, bus: i2c1, address: 0x77}

        """
}

@Suite("Calibration and checks of a channel")
struct ConditioningTests {
    @Test("Every way to calibrate and every check is taken as it is meant")
    func good() throws {
        let checks = """
            plausible: {from: -20 °C, to: 122 °F}, rate: {change: 3 °C, within: 1min}, stuck_after: 6h, median: 5, \
            deadband: 0.2 K, heartbeat: 5min, agrees_with: {channel: air2.temperature, within: 2 °C}
            """
        let site = try load(pair("offset: -0.4 °C, gain: 1.02, " + checks)).site
        let channel = site.sensors[0].channels[0]
        #expect(channel.calibration == .linear(gain: 1.02, offset: -0.4))
        #expect(channel.channel.plausible == -20...50)
        #expect(channel.conditioning.changePerSecond.map { abs($0 - 0.05) < 1e-12 } == true)
        #expect(channel.conditioning.stuckAfter == .seconds(21_600) && channel.conditioning.medianOf == 5)
        #expect(channel.conditioning.deadband == 0.2 && channel.conditioning.heartbeat == .seconds(300))
        #expect(channel.conditioning.partner == .init(channel: site.sensors[1].channels[0].id, within: 2))
        #expect(site.sensors[0].warmUp == .seconds(120) && site.sensors[1].warmUp == .zero)
        #expect(site.sensors[0].period(of: channel) == .seconds(300))

        let curve = try load(pair("polynomial: [0.2, 0.98, -1.5e-3]")).site
        #expect(curve.sensors[0].channels[0].calibration == .polynomial([0.2, 0.98, -0.0015]))
        let table = try load(
            pair("table: [{measured: 0.2 °C, actual: 32 °F}, {measured: 49.1 °C, actual: 50 °C}]")
        ).site
        #expect(
            table.sensors[0].channels[0].calibration
                == .table([.init(measured: 0.2, actual: 0), .init(measured: 49.1, actual: 50)]))
        #expect(table.channels.configHash != curve.channels.configHash)
    }

    @Test("The end of a certificate goes with the channel, for whoever measures")
    func certificate() throws {
        let text = pair("instrument: {class: reference, certificate: {id: K-1, lab: L, valid_until: 2028-02-29}}")
        let channels = try load(text).site.sensors[0].channels
        #expect(channels[0].conditioning.certificateEnds == UTC(seconds: 1_835_481_600))
        #expect(channels[1].conditioning.certificateEnds == nil)
    }

    @Test(
        "What cannot be meant is told, with what to do",
        arguments: [
            ("gain: 1.1, polynomial: [0, 1]", "keep one of them"),
            ("polynomial: [1]", "write for example `polynomial: [0.2, 0.98]`"),
            ("polynomial: [1, much]", "write plain digits"),
            ("table: [{measured: 5 °C, actual: 5 °C}]", "measure at least at two values against a reference"),
            ("table: [{measured: 5 °C, actual: 5 °C}, {measured: 5 °C, actual: 6 °C}]", "sort them"),
            ("table: [{measured: 5, actual: 5 °C}, {measured: 6 °C, actual: 6 °C}]", "write `measured: 5 °C`"),
            ("plausible: {from: -60 °C}", "correct it"), ("plausible: {from: 30 °C, to: 20 °C}", "correct it"),
            ("median: 4", "write `median: 5`"), ("median: 99", "write `median: 15`"),
            ("rate: {change: 3 °C}", "add `within: 1min`"), ("rate: {change: -3 °C, within: 1s}", "correct it"),
            ("heartbeat: 5min", "add for example `deadband: 0.1 °C`"),
            ("deadband: 0.2 °C, heartbeat: 5s", "lengthen it"), ("deadband: 0 °C", "correct it"),
            ("agrees_with: {channel: air2.temprature, within: 1 °C}", "write `channel: air2.temperature`"),
            ("agrees_with: {channel: air2.humidity, within: 1 °C}", "compare it with what measures the same"),
            ("agrees_with: {channel: air.temperature, within: 1 °C}", "compare it with what measures the same"),
            ("max_rate: 3", "write `rate: {change: ..., within: 1min}`"), ("delta: 0.2", "write `deadband: 0.2`"),
        ])
    func mistakes(lines: String, remedy: String) throws {
        let found = try problems(pair(lines))
        #expect(found.count == 1 && found[0].contains(remedy), "\(found)")
        #expect(found.first?.hasPrefix("c.yaml:10:") == true, "\(found)")
    }
}
