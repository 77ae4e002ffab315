import Testing
import World

@testable import Uplink

private let anchor = Anchor(offsetNanoseconds: 1_795_257_500_000_000_000, boundNanoseconds: 4_200_001)
private let stream: UInt64 = 0x0000_91c2_d04b_e815

private func head(_ anchor: Anchor?) -> BatchHead {
    BatchHead(stream: stream, seq: 12, config: "9c1e04d2", bootID: "b00t", anchor: anchor)
}

private func message(_ lane: Lane, _ anchor: Anchor?, _ items: [LaneItem], encodedAt: Boottime) -> String {
    var encoder = LaneEncoder(node: "lamppost-0042")
    var buffer = PayloadBuffer()
    encoder.encode(head(anchor), lane: lane, items, encodedAt: encodedAt, into: &buffer)
    return String(decoding: buffer.bytes, as: UTF8.self)
}

private func object(_ body: [UInt8]) throws -> JSON { try JSON(Array("{".utf8) + body + Array("}".utf8)) }

struct LaneTests {
    private let lost = EventItem.sensor("air", .lost, reason: "no acknowledge")
    private let full = EventItem.disk(.full)

    @Test("A settled batch of events says its base time and relates its items to it")
    func settled() {
        let items = [
            LaneItem(time: Boottime(nanoseconds: 100_250_000_999), body: lost),
            LaneItem(time: Boottime(nanoseconds: 100_670_000_000), body: full),
        ]
        #expect(
            message(.events, anchor, items, encodedAt: Boottime(nanoseconds: 0))
                == #"{"v":1,"node":"lamppost-0042","stream":"000091c2d04be815","lane":"events","seq":12,"#
                + #""clock":"synced","bt":1795257600.25,"config":"9c1e04d2","items":["#
                + #"{"t":0,"kind":"sensor","sensor":"air","state":"lost","reason":"no acknowledge"},"#
                + #"{"t":0.42,"kind":"disk","state":"full"}]}"#)
    }

    @Test("An unsettled batch is relative to now and names its boot")
    func unsettled() {
        let items = [LaneItem(time: Boottime(nanoseconds: 9_000_000_000), body: full)]
        #expect(
            message(.security, nil, items, encodedAt: Boottime(nanoseconds: 10_500_000_001))
                == #"{"v":1,"node":"lamppost-0042","stream":"000091c2d04be815","lane":"security","seq":12,"#
                + #""clock":"unsettled","boot":"b00t","boot_ns":"10500000000","config":"9c1e04d2","items":["#
                + #"{"t":-1.5,"kind":"disk","state":"full"}]}"#)
    }

    @Test("An unsettled batch tells between which moments its boot lay, as a pack of readings does")
    func bounds() throws {
        var told = head(nil)
        told.notBefore = UTC(seconds: 1_795_257_600)
        told.notAfter = UTC(nanoseconds: 1_795_261_200_500_000_000)
        var encoder = LaneEncoder(node: "lamppost-0042")
        var buffer = PayloadBuffer()
        encoder.encode(told, lane: .events, [], encodedAt: Boottime(nanoseconds: 10_500_000_001), into: &buffer)
        #expect(
            String(decoding: buffer.bytes, as: UTF8.self)
                == #"{"v":1,"node":"lamppost-0042","stream":"000091c2d04be815","lane":"events","seq":12,"#
                + #""clock":"unsettled","boot":"b00t","boot_ns":"10500000000","not_before":1795257600,"#
                + #""not_after":1795261200.5,"config":"9c1e04d2","items":[]}"#)
    }

    @Test("A batch without items is still a message with its number")
    func empty() throws {
        let text = message(.contributions, anchor, [], encodedAt: Boottime(nanoseconds: 100_000_000_000))
        let json = try JSON(Array(text.utf8))
        #expect(json["items"] == .array([]))
        #expect(json["seq"]?.digits == "12" && json["bt"]?.digits == "1795257600")
    }

    @Test("Every event is a JSON object with its kind and its fields")
    func events() throws {
        let tombstone = try object(
            EventItem.tombstone(
                stream: stream, lane: .readings, numbers: 5...9,
                channels: [("air.temperature", 20), ("water.volume", 3)], reason: "disk \"full\""))
        #expect(tombstone.names == ["kind", "stream", "lane", "first", "last", "channels", "reason"])
        #expect(tombstone["first"]?.digits == "5" && tombstone["last"]?.digits == "9")
        #expect(tombstone["channels"]?["water.volume"]?.digits == "3")
        #expect(tombstone["reason"]?.text == "disk \"full\"")
        let ring = try object(
            EventItem.tombstone(stream: stream, lane: .readings, numbers: nil, channels: [], reason: "ring"))
        #expect(ring["first"] == nil && ring["last"] == nil && ring["channels"] == .object([]))

        let anchored = try object(EventItem.anchor(boot: "b00t", anchor))
        #expect(anchored["utc_at_boot_ns"]?.text == "1795257500000000000")
        #expect(anchored["bound_ms"]?.digits == "5", "a bound is rounded up, never down")

        let began = try object(
            EventItem.stream(stream, previous: (7, [(.readings, 41), (.events, 3)]), lossWindow: .milliseconds(10_500)))
        #expect(began["previous"]?.text == "0000000000000007")
        #expect(began["previous_last"] == .object([("readings", .number("41")), ("events", .number("3"))]))
        #expect(began["loss_window_s"]?.digits == "10.5")
        #expect(try object(EventItem.stream(stream, previous: nil, lossWindow: .zero))["previous"] == nil)

        #expect(try object(EventItem.broker(.back)).names == ["kind", "state"])
        let epoch = try object(
            EventItem.counterEpoch(sensor: "water", channel: "water.total", total: -1_230, scale: -2))
        #expect(epoch["total"]?.digits == "-12.3")
        let flapping = try object(EventItem.flapping("sensor air", .still, changes: 40))
        #expect(flapping["state"]?.text == "still" && flapping["changes"]?.digits == "40")
        #expect(try object(EventItem.inventory(config: "9c1e04d2"))["config"]?.text == "9c1e04d2")
        #expect(try object(EventItem.disk(.readOnly, reason: "EROFS"))["state"]?.text == "read_only")
        let unheard = try object(EventItem.nobodySubscribed(.history, .began, messages: 1))
        #expect(unheard["topic"]?.text == "history" && unheard["state"]?.text == "began")
        let refused = try object(EventItem.refused(.readings, code: 0x87))
        #expect(refused["code"]?.digits == "135" && refused["reason"]?.text == "not authorised")
    }

    @Test("An alarm says its state, its value in the channel's scale, its threshold as configured, and since when")
    func alarm() throws {
        let rule = try #require(
            AlarmRule(
                id: "no2-high", source: .channel(ChannelID(rawValue: 0)), name: "air.no2", unit: "ug/m3", scale: -1,
                side: .above, threshold: DecimalNumber(mantissa: 20_005, exponent: -2)!,
                clear: DecimalNumber(mantissa: 180, exponent: 0)!, hold: .seconds(60), every: .seconds(10)))
        let raised = EventItem.alarm(
            rule, .raised, value: 2_124, since: .milliseconds(-60_500), reason: nil, isInitial: false)
        #expect(
            String(decoding: raised, as: UTF8.self)
                == #""kind":"alarm","id":"no2-high","state":"raised","severity":"warning","channel":"air.no2","#
                + #""value":212.4,"unit":"ug/m3","direction":"above","threshold":200.05,"clear":180,"since":-60.5"#)
        let unknown = try object(
            EventItem.alarm(rule, .unknown, value: nil, since: nil, reason: "no acknowledge", isInitial: true))
        #expect(unknown["value"] == nil && unknown["since"] == nil && unknown["reason"]?.text == "no acknowledge")
        #expect(unknown["initial"] == .bool(true))
        let index = try #require(
            AlarmRule(
                id: "aqi", source: .gauge, name: "aqi", unit: "/", scale: 0, side: .below, threshold: .zero,
                clear: .zero, every: .seconds(60), severity: .critical, lane: .security))
        let gauge = try object(
            EventItem.alarm(index, .cleared, value: 3, since: .zero, reason: nil, isInitial: false))
        #expect(gauge["gauge"]?.text == "aqi" && gauge["channel"] == nil && gauge["direction"]?.text == "below")
        #expect(gauge["since"]?.digits == "0" && gauge["severity"]?.text == "critical")
    }

    @Test("Flags, nested objects and arrays get their commas right")
    func bodies() throws {
        var body = ObjectBody()
        body.array("a") { array in
            array.element { _ in }
            array.element { $0.flag("x", true) }
        }
        body.object("o") { _ in }
        body.flag("f", false)
        body.text("none", ifPresent: nil)
        #expect(String(decoding: body.object, as: UTF8.self) == #"{"a":[{},{"x":true}],"o":{},"f":false}"#)
    }
}

@Suite("Tombstones read back")
struct TombstoneTextTests {
    @Test("What a tombstone says is read back, whatever its names and reasons hold")
    func roundTrip() {
        let reason = "full: \"a\\b\"\n\tend \u{7F} ü"
        for numbers in [nil, 1...1, 5...9_000_000_000] as [ClosedRange<UInt64>?] {
            for channels in [[], [("air.temperature", 3)], [("a\"b", 1), ("readings", .max)]] as [[(String, UInt64)]] {
                let body = EventItem.tombstone(
                    stream: 0x7F3A_91C2_D04B_E815, lane: .contributions, numbers: numbers,
                    channels: channels.map { (name: $0.0, count: $0.1) }, reason: reason)
                let found = EventItem.tombstone(in: body)
                #expect(found?.stream == 0x7F3A_91C2_D04B_E815 && found?.lane == .contributions)
                #expect(found?.numbers == numbers.map { SequenceRange($0.lowerBound, $0.upperBound) })
                #expect(found?.reason == reason && found?.channels.map(\.name) == channels.map(\.0))
                #expect(found?.channels.map(\.count) == channels.map(\.1))
                // Every shorter text, and one byte more, is none.
                for count in 0..<body.count { #expect(EventItem.tombstone(in: Array(body[..<count])) == nil) }
                #expect(EventItem.tombstone(in: body + [0x20]) == nil)
            }
        }
    }

    @Test("Other events are no tombstones")
    func others() {
        #expect(EventItem.tombstone(in: EventItem.broker(.back)) == nil)
        #expect(EventItem.tombstone(in: EventItem.disk(.ok)) == nil)
    }
}
