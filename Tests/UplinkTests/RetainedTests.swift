import Testing
import World

@testable import Uplink

private func inventory(sensors: Int, channels: Int, nameBytes: Int = 8) -> Inventory {
    Inventory(
        node: "lamppost-0042", city: "malaga", site: "Plaza \"Mayor\", column 42", timezone: "Europe/Madrid",
        powered: "permanent", location: .init(latitude: 36.7213, longitude: -4.4214), board: "raspberry-pi-5",
        configHash: "9c1e04d2",
        sensors: (0..<sensors).map { sensor in
            let id = "s\(sensor)" + String(repeating: "x", count: nameBytes)
            return .init(
                id: id, driver: "bme280",
                channels: (0..<channels).map {
                    .init(name: "\(id).c\($0)", unit: "Cel", scale: -2, calibration: $0 == 0 ? "1f00a2c4" : nil)
                })
        })
}

struct RetainedTests {
    private let status = Status(
        node: "lamppost-0042", version: "0.1.0", boardSerial: "10000000abcdef01", stream: 0x7f3a_91c2_d04b_e815,
        bootID: "b00t", configHash: "9c1e04d2", clock: .unsettled)

    @Test("Online and the will differ in nothing but the word")
    func statusPayloads() throws {
        let online = String(decoding: status.payload(isOnline: true), as: UTF8.self)
        #expect(
            online == #"{"v":1,"node":"lamppost-0042","status":"online","version":"0.1.0","#
                + #""board_serial":"10000000abcdef01","stream":"7f3a91c2d04be815","boot_id":"b00t","#
                + #""config_hash":"9c1e04d2","clock_state":"unsettled"}"#)
        let offline = String(decoding: status.payload(isOnline: false), as: UTF8.self)
        #expect(offline == online.split(separator: "online").joined(separator: "offline"))
    }

    @Test("A board without a serial number has none")
    func noSerial() throws {
        var bare = status
        bare.boardSerial = nil
        #expect(try JSON(bare.payload(isOnline: true))["board_serial"] == nil)
    }

    @Test("An inventory that fits is whole")
    func whole() throws {
        let json = try JSON(inventory(sensors: 2, channels: 3).payload())
        #expect(json["truncated"] == nil)
        #expect(json["site"]?.text == "Plaza \"Mayor\", column 42")
        #expect(json["location"]?["latitude"]?.digits == "36.7213")
        #expect(json["location"]?["longitude"]?.digits == "-4.4214")
        #expect(json["sensor_count"]?.digits == "2" && json["channel_count"]?.digits == "6")
        let channels = try #require(json["sensors"]?.elements.last?["channels"]?.elements)
        #expect(channels.count == 3)
        #expect(channels[0].names == ["name", "unit", "scale", "calibration"])
        #expect(channels[1].names == ["name", "unit", "scale"])
        #expect(channels[0]["scale"]?.digits == "-2")
    }

    @Test("A node's own noise and peak hours are told, also when it is abbreviated; the usual ones are not")
    func hours() throws {
        let usual = try JSON(inventory(sensors: 1, channels: 1).payload())
        #expect(usual["noise_h"] == nil && usual["peak_h"] == nil)
        for sensors in [1, 2_000] {
            var own = inventory(sensors: sensors, channels: 1)
            own.noiseHours = [7, 19, 22]
            own.peakHours = [7, 9, 17, 20]
            let json = try JSON(own.payload())
            #expect(json["noise_h"]?.elements.map(\.digits) == ["7", "19", "22"])
            #expect(json["peak_h"]?.elements.map(\.digits) == ["7", "9", "17", "20"])
        }
    }

    @Test("The inventory tells what a channel is measured with, as far as the configuration says")
    func instrument() throws {
        var told = inventory(sensors: 1, channels: 2)
        told.sensors[0].channels[0].instrument = .init(
            grade: "reference", standard: "EN 14211", certificate: "K-1", validUntil: "2027-03-01")
        let channels = try #require(JSON(told.payload())["sensors"]?.elements[0]["channels"]?.elements)
        #expect(channels[0]["instrument"]?.names == ["class", "standard", "certificate", "valid_until"])
        #expect(channels[0]["instrument"]?["class"]?.text == "reference")
        #expect(channels[1]["instrument"] == nil)
    }

    @Test("The inventory names the alarms; abbreviated it counts them")
    func alarms() throws {
        #expect(try JSON(inventory(sensors: 1, channels: 1).payload())["alarm_count"] == nil)
        var small = inventory(sensors: 1, channels: 1)
        small.alarms = [.init(id: "no2-high", watches: "air.no2", severity: "warning")]
        let json = try JSON(small.payload())
        #expect(json["alarm_count"]?.digits == "1" && json["alarms"]?.elements.count == 1)
        #expect(json["alarms"]?.elements[0]["when"]?.text == "air.no2")
        var large = inventory(sensors: 100, channels: 16)
        large.alarms = (0..<64).map { .init(id: "alarm-\($0)", watches: "gauge.aqi", severity: "critical") }
        let cut = try JSON(large.payload())
        #expect(cut["alarm_count"]?.digits == "64" && cut["alarms"] == nil)
    }

    @Test("A large inventory is abbreviated in steps, says so, keeps its totals, and never passes 16 KiB")
    func large() throws {
        let counted = inventory(sensors: 100, channels: 16).payload()
        #expect(counted.count <= Inventory.maximumBytes)
        let first = try JSON(counted)
        #expect(first["truncated"] == .bool(true) && first["channel_count"]?.digits == "1600")
        #expect(first["sensors"]?.elements.count == 100)
        #expect(first["sensors"]?.elements[0]["channel_count"]?.digits == "16")

        for (sensors, nameBytes) in [(1_000, 8), (3_000, 60), (400, 63)] {
            let cut = inventory(sensors: sensors, channels: 1, nameBytes: nameBytes).payload()
            #expect(cut.count <= Inventory.maximumBytes)
            let json = try JSON(cut)
            let listed = json["sensors"]?.elements.count ?? 0
            #expect(listed > 50 && listed < sensors)
            #expect(json["truncated"] == .bool(true) && json["sensor_count"]?.digits == "\(sensors)")
        }
    }
}

struct TopicsTests {
    @Test("All topics lie under the root, and every one of them is legal")
    func legal() throws {
        let topics = try #require(Topics(root: "cityedge/v1/malaga/lamppost-0042"))
        for kind in TopicKind.allCases {
            let topic = topics.topic(kind, verb: "replay")
            #expect(topic.hasPrefix("cityedge/v1/malaga/lamppost-0042/"))
            #expect(Topics.isLegal(topic))
        }
        #expect(Set(TopicKind.allCases.map { topics.topic($0, verb: "x") }).count == TopicKind.allCases.count)
        #expect(topics.status == "cityedge/v1/malaga/lamppost-0042/status")
        #expect(topics.commandFilter == "cityedge/v1/malaga/lamppost-0042/cmd/+")
        #expect(topics.response(to: "replay") == "cityedge/v1/malaga/lamppost-0042/cmd/replay/response")
    }

    @Test(
        "A root that a broker or an access list could read otherwise is refused",
        arguments: [
            "", "/", "/a", "a/", "a//b", "a/+/b", "a/#", "A/b", "a b", "a/ñ", "a\u{0}b", "$sys/a",
            String(repeating: "a", count: 1_025),
        ])
    func illegal(root: String) { #expect(Topics(root: root) == nil) }

    @Test("Only a command of this node has a verb")
    func verbs() throws {
        let topics = try #require(Topics(root: "r/n"))
        #expect(topics.verb(of: "r/n/cmd/replay") == "replay")
        for hostile in [
            "r/n/cmd/", "r/n/cmd", "r/n/cmd/replay/response", "r/n/cmd/../x", "r/n/cmd/Re", "r/m/cmd/replay", "",
            "x/r/n/cmd/replay", "r/n/cmd/" + String(repeating: "a", count: 33), "r/n/cmd/\u{E9}",
        ] {
            #expect(topics.verb(of: hostile) == nil, "\(hostile)")
        }
    }

    @Test("Late readings go to history; the other lanes have one topic each")
    func late() throws {
        let topics = try #require(Topics(root: "r"))
        #expect(topics.kind(of: .readings, isLate: false) == .readings)
        #expect(topics.kind(of: .readings, isLate: true) == .history)
        for lane in [Lane.contributions, .events, .security] {
            #expect(topics.kind(of: lane, isLate: true) == topics.kind(of: lane, isLate: false))
            #expect(topics.kind(of: lane, isLate: false).name == lane.name)
        }
    }
}
