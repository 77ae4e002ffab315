// What a right configuration becomes.

import KPIs
import SiteConfig
import Testing
import World

@Suite struct GoodConfigurations {
    @Test("The packaged example is valid and means what its comments say")
    func packaged() throws {
        let loaded = try Configuration.load(
            main: Files.read("config/cityedge.yaml", name: "/etc/cityedge/cityedge.yaml"), boards: Files.boards(),
            compatible: ["raspberrypi,5-model-b", "brcm,bcm2712"], fileExists: { _ in true })
        let site = loaded.site
        #expect(site.node.id == "lamppost-0042")
        #expect(site.node.site == "Plaza Mayor, column 42")
        #expect(site.node.longitude == -4.4214)
        #expect(site.board.name == "raspberry-pi-5")
        #expect(site.clock == .ntp)
        #expect(site.broker.address == BrokerAddress(host: "mqtt.city.example", port: 8883))
        #expect(site.broker.tls?.key == "/etc/cityedge/node.key")
        #expect(site.broker.topicRoot == "cityedge/v1/malaga/lamppost-0042")
        #expect(site.outbox.maxSize == 256 << 20)
        #expect(site.outbox.checkpoint == .seconds(600))
        #expect(
            site.channels.channels.map(\.name) == [
                "air.temperature", "air.pressure", "air.humidity", "water.volume", "water.total", "mains.state",
                "cabinet.temperature", "cabinet.humidity",
            ])
        #expect(site.sensors[0].settings.device == BusDevice(bus: 0, address: 0x76))
        #expect(site.sensors[0].channels[0].calibration == .linear(gain: 1, offset: -0.4))
        #expect(site.sensors[0].channels[0].calibrationHash?.utf8.count == 8)
        #expect(site.sensors[0].channels[1].calibrationHash == nil)
        let line = try #require(site.sensors[1].settings.line)
        #expect(line.chipLabel == "pinctrl-rp1" && line.offset == 17 && line.bias == .pullUp)
        #expect(line.debounce == .milliseconds(30))
        #expect(site.sensors[1].settings.values["per_pulse"] == .quantity(mantissa: 1, exponent: -2, unit: "m3"))
        #expect(site.sensors[1].settings.values["initial"] == .quantity(mantissa: 1_257_653, exponent: -2, unit: "m3"))
        #expect(site.channels.channels[3].scale == -2)
        #expect(site.sensors[2].settings.line?.offset == 27)
        #expect(site.sensors[2].settings.line?.isActiveLow == true)
        #expect(site.kpis.map(\.indicator.slug) == ["en-en-ws-2c", "ec-i-es-1c", "ec-i-es-2c"])
        #expect(site.kpis[0].channel == ChannelID(rawValue: 3) && site.kpis[0].windowSeconds == 3600)
        #expect(site.kpis[1].weight?.value == 1)
        #expect(loaded.notices.isEmpty)
    }

    @Test("Every packaged configuration and drop-in is valid")
    func everyFile() throws {
        for name in try Files.list("config") where name.hasSuffix(".yaml") {
            _ = try Configuration.load(
                main: Files.read("config/" + name), boards: Files.boards(), compatible: ["raspberrypi,4-model-b"],
                fileExists: { _ in true })
        }
        let virtual = try Configuration.load(
            main: Files.read("Tests/VirtualBoard/cityedge.yaml"), boards: Files.boards(), fileExists: { _ in true })
        #expect(virtual.site.sensors.map(\.driver) == ["pulse-counter", "digital-input", "bme280", "iio"])
        for name in try Files.list("config/conf.d") {
            let loaded = try Configuration.load(
                main: Files.read("config/cityedge.yaml"), dropIns: [Files.read("config/conf.d/" + name)],
                boards: Files.boards(), compatible: ["raspberrypi,4-model-b"], fileExists: { _ in true })
            #expect(loaded.site.sensors.count == 5)
        }
    }

    @Test("Every Raspberry Pi has the same header: 28 lines, each once")
    func boards() throws {
        for name in [
            "raspberry-pi-zero-2w", "raspberry-pi-3b-plus", "raspberry-pi-4b", "raspberry-pi-cm4", "raspberry-pi-5",
            "simulated",
        ] {
            let board = try load(head + air + "board: \(name)\n").site.board
            #expect(board.lines.count == 28)
            #expect(Set(board.lines.map(\.offset)) == Set(0...27))
            #expect(board.lines.allSatisfy { $0.name == "GPIO\($0.offset)" })
            #expect(board.lines.first { $0.header == "J8-11" }?.name == "GPIO17")
            #expect(board.lines.first { $0.header == "J8-40" }?.name == "GPIO21")
            #expect(board.buses.first?.name == "i2c1" && board.buses.first?.place == "/dev/i2c-1")
            #expect(board.buses.first?.lines == ["GPIO2", "GPIO3"])
            #expect(board.isSimulated == (name == "simulated"))
        }
    }

    @Test("Left out, everything has its default")
    func defaults() throws {
        let site = try load(head + air).site
        #expect(site.board.name == "raspberry-pi-4b")
        #expect(site.settleWait == .seconds(60))
        #expect(site.node.timezone == "UTC" && site.node.powered == .permanent)
        #expect(site.broker.address.port == 1883 && site.broker.tls == nil && site.broker.version == .v5)
        #expect(site.broker.keepAlive == .seconds(60))
        #expect(site.outbox.lossWindow == .seconds(10) && site.outbox.batchAge == .seconds(1))
        #expect(site.outbox.memory == 16 << 20 && site.outbox.keepAcknowledged == 4 << 20)
        #expect(site.outbox.historyOldestFirst && site.outbox.historyBytesPerSecond == nil)
        #expect(site.sensors[0].every == .seconds(10) && site.sensors[0].settings.device?.address == 0x76)
    }

    @Test("The time zone comes with its rules and the database's version; universal time needs no database")
    func timezone() throws {
        #expect(try load(head + air).site.zone == SiteZone(name: "UTC", rules: .utc, version: "none"))
        let madrid = "node: {id: n, city: c, timezone: Europe/Madrid}\nbroker: {url: mqtt://b}\n" + air
        let zone = try load(madrid).site.zone
        #expect(zone?.name == "Europe/Madrid" && zone?.version == "2025b")
        let named = try Configuration.load(
            main: SourceText(name: "c.yaml", bytes: Array(madrid.utf8)), boards: Files.boards(),
            compatible: ["raspberrypi,4-model-b"], fileExists: { _ in true }
        ).site
        #expect(named.zone == nil && named.node.timezone == "Europe/Madrid", "read without a database")
    }

    @Test("Drop-ins append sensors, merge maps and replace values, in the order of their names")
    func dropIns() throws {
        let loaded = try load(
            head + air,
            dropIns: [
                ("20.yaml", "settle_wait: 3s\nbroker: {url: mqtts://c}"),
                ("10.yaml", "settle_wait: 2s\nsensors: [{id: roof, driver: bme280, bus: i2c1, address: 0x77}]"),
                ("30.yaml", "# nothing yet\n"),
            ])
        #expect(loaded.site.sensors.map(\.id) == ["air", "roof"])
        #expect(loaded.site.settleWait == .seconds(3))
        #expect(loaded.site.broker.address == BrokerAddress(host: "c", port: 8883))
        #expect(
            loaded.notices.map(\.description) == [
                "20.yaml:1:14: `settle_wait` `3s` replaces `2s` of 10.yaml:1:14",
                "20.yaml:2:15: `broker.url` `mqtts://c` replaces `mqtt://b` of c.yaml:2:15",
            ])
    }

    @Test("The effective configuration tells each value's origin, loads again and means the same")
    func effective() throws {
        let main = try Files.read("config/cityedge.yaml")
        let first = try Configuration.load(
            main: main, boards: Files.boards(), compatible: ["raspberrypi,4-model-b"], fileExists: { _ in true })
        #expect(first.effective.contains("  loss_window: 10s                          # config/cityedge.yaml:33"))
        let second = try load(first.effective)
        #expect(second.site.channels.configHash == first.site.channels.configHash)
        #expect(second.site.broker == first.site.broker)
        #expect(second.site.outbox == first.site.outbox)
        let quoted = try load(head + air + "board: \"simulated\"\n")
        #expect(quoted.effective.contains("board: \"simulated\""))
        #expect(quoted.effective.contains("    every: 10s                              # default"))
        #expect(try load(quoted.effective).site.board.isSimulated)
    }

    @Test("The config hash follows meaning, not writing")
    func hash() throws {
        let flow = try load(head + air).site.channels.configHash
        let block = try load(
            "# a comment\nsensors:\n  - bus: 'i2c1'\n    driver: bme280\n    id: air\n    every: 10000ms\n"
                + "    address: 118\n"
                + "broker:\n  url: mqtt://elsewhere\nnode:\n  city: malaga\n  id: n1\n"
        ).site.channels.configHash
        #expect(flow == block)
        #expect(flow.utf8.count == 8)
        let calibrated = "sensors: [{id: air, driver: bme280, bus: i2c1, channels: {humidity: {offset: 1 %}}}]\n"
        #expect(try load(head + calibrated).site.channels.configHash != flow)
        #expect(try load(head + air.replacing("air", by: "sky")).site.channels.configHash != flow)
    }

    @Test(
        "Durations, sizes and units are understood as people type them",
        arguments: [
            ("settle_wait: 1500 ms", Duration.milliseconds(1500)), ("settle_wait: 1.5min", .seconds(90)),
            ("settle_wait: 0.5 h", .seconds(1800)), ("settle_wait: 30 seconds", .seconds(30)),
        ])
    func durations(text: String, expected: Duration) throws {
        #expect(try load(head + air + text).site.settleWait == expected)
    }

    @Test("An indicator's code works as well as its slug, and aliases copy")
    func code() throws {
        let site = try load(
            head + """
                sensors:
                  - &meter {id: water, driver: pulse-counter, line: j8-11, per_pulse: 0.01 m³}
                kpis: [{indicator: "EN: EN: WS: 2C", from: water.volume, window: &w 15min}, ]
                settle_wait: &x 1min
                """
        ).site
        #expect(site.kpis[0].indicator.slug == "en-en-ws-2c" && site.kpis[0].windowSeconds == 900)
        #expect(site.sensors[0].settings.line?.offset == 17)
        #expect(site.sensors[0].settings.values["per_pulse"] == .quantity(mantissa: 1, exponent: -2, unit: "m3"))
        let copied = try load(head + air + "settle_wait: &x 20s\noutbox: {loss_window: *x}\n").site
        #expect(copied.outbox.lossWindow == .seconds(20))
    }

    @Test("Addresses of hosts come in every usual form")
    func urls() throws {
        func address(_ url: String) throws -> BrokerAddress {
            try load("node: {id: n, city: c}\nbroker: {url: \"\(url)\"}\n" + air).site.broker.address
        }
        #expect(try address("mqtt://10.0.0.7:2883") == BrokerAddress(host: "10.0.0.7", port: 2883))
        #expect(try address("mqtts://[fe80::1]:18883") == BrokerAddress(host: "fe80::1", port: 18883))
        #expect(try address("mqtt://[::1]") == BrokerAddress(host: "::1", port: 1883))
        #expect(try address("mqtts://broker.example/") == BrokerAddress(host: "broker.example", port: 8883))
    }

    @Test("A byte order mark and CRLF line ends are harmless")
    func windows() throws {
        let text = (head + air).replacing("\n", by: "\r\n")
        #expect(try load(bytes: [0xEF, 0xBB, 0xBF] + Array(text.utf8)).site.node.id == "n1")
    }
}

extension String {
    func replacing(_ old: String, by new: String) -> String {
        var result = ""
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(old) {
                result += new
                rest = rest.dropFirst(old.count)
            } else {
                result.append(rest.removeFirst())
            }
        }
        return result
    }
}
