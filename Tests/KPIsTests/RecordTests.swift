import KPIs
import Testing
import World

private func samples() -> [Contribution] {
    var recorder = Recorder()
    for minute in Int64(0)..<40 {
        recorder.record(at: minute * 60, value: minute, quality: minute == 7 ? .timedOut : .good)
        recorder.record(channel: 1, at: minute * 60, value: minute % 9 == 8 ? 0 : 1)
    }
    recorder.record(channel: 1, at: 2_400, value: 0)
    return KPIFolder.contributions(
        [Fixture.waterBinding(), Fixture.mainsBinding(), Fixture.mainsBinding(Fixture.outageCount, window: 900)],
        recorder.batches())
}

@Suite("The contribution record")
struct RecordTests {
    @Test("The record of a whole quarter hour is these bytes")
    func golden() throws {
        let contribution = Contribution(
            indicator: Fixture.water, sensor: "water", series: "volume", windowStart: 1_795_257_600, windowSeconds: 900,
            revision: 4_711, isFinal: true, unit: "ml", scale: 0, state: .sum(SumState(amount: -120_000)),
            coverage: Coverage(
                expectedSeconds: 900, validSeconds: 840, fromSecond: 0, toSecond: 900,
                flags: [FlaggedSeconds(name: "timed_out", seconds: 60)]),
            labels: [.zone: "dma \"7\""])
        // The hash by an independent program (Python): FNV-1a of json.dumps(…, sort_keys=True, separators=…).
        let expected =
            #"{"kind":"contribution","cov":{"exp_s":900,"flags":{"timed_out":60},"from_s":0,"to_s":900,"#
            + #""valid_s":840},"final":true,"h":"1edf7e90b9ac809a","instrument":"low_cost","kpi":"EN: EN: WS: 2C","#
            + #""labels":{"zone":"dma \"7\""},"period":"-","quality":"estimated_assumptions","rev":4711,"scale":0,"#
            + #""sensor":"water","series":"volume","slug":"en-en-ws-2c","state":{"amount":-120000,"type":"sum"},"#
            + #""unit":"ml","win":{"len":900,"start":1795257600}}"#
        #expect(contribution.text == expected)
        #expect(contribution.bytes.count <= 600)
        #expect(try Contribution.parse(contribution.bytes) == contribution)
        var body: [UInt8] = []
        contribution.encodeBody(into: &body)
        #expect([UInt8(ascii: "{")] + body + [UInt8(ascii: "}")] == contribution.bytes)
        #expect(body.starts(with: #""kind":"contribution","#.utf8))
    }

    @Test("What is written is read back, the lane's t and white space and order aside")
    func roundTrip() throws {
        let all = samples()
        #expect(all.contains { $0.mark?.open != nil } && all.contains { $0.isFinal })
        for contribution in all {
            #expect(try Contribution.parse(contribution.bytes) == contribution)
            #expect(contribution.bytes.count <= 600, "\(contribution.text)")
            let body = contribution.text.dropFirst().dropLast()
            let spaced = "\n{ \"t\" : -0.25e1 ,\(body.dropFirst(22)) , \"kind\":\t\"contribution\" }"
            #expect(try Contribution.parse(Array(spaced.utf8)) == contribution)
        }
    }

    static let template =
        #"{"kind":"contribution","cov":{"exp_s":900,"flags":{},"from_s":0,"to_s":900,"valid_s":900},"final":true,"#
        + #""h":"0000000000000000","instrument":"low_cost","kpi":"EN: EN: WS: 2C","period":"-","quality":"unknown","#
        + #""rev":1,"scale":0,"sensor":"water","series":"volume","slug":"en-en-ws-2c","#
        + #""state":{"amount":1,"type":"sum"},"unit":"ml","win":{"len":900,"start":1795257600}}"#

    @Test(
        "What is not understood is refused with its reason",
        arguments: [
            ("\"rev\":1", "\"rev\":-1", .syntax(offset: 212, expected: "an integer of 64 bits, not negative")),
            ("\"rev\":1,", "", .missing("rev")),
            ("\"rev\":1", "\"rev\":18446744073709551615", .outOfRange(member: "rev")),
            ("\"amount\":1", "\"amount\":1.5", .syntax(offset: 298, expected: "a whole number")),
            ("\"amount\":1", "\"amount\":01", .syntax(offset: 298, expected: "a number without leading zeros")),
            (
                "\"amount\":1", "\"amount\":9223372036854775808",
                .syntax(offset: 298, expected: "an integer of 64 bits")
            ),
            ("\"amount\":1", "\"amount\":\"1\"", .syntax(offset: 298, expected: "a number")),
            ("\"type\":\"sum\"", "\"type\":\"moments\"", .unknownStateType("moments")),
            ("\"amount\":1", "\"amount\":1,\"mean\":2", .unknown(member: "state.mean")),
            ("\"unit\":\"ml\"", "\"unit\":\"l\"", .wrongUnit("l")),
            ("EN: EN: WS: 2C", "EN: EN: WS: 9C", .unknownIndicator("EN: EN: WS: 9C")),
            ("\"scale\":0", "\"scale\":3", .outOfRange(member: "scale")),
            ("\"scale\":0", "\"scale\":0,\"scale\":0", .twice(member: "scale")),
            ("\"period\":\"-\"", "\"period\":\"x\"", .outOfRange(member: "period")),
            ("\"len\":900", "\"len\":0", .outOfRange(member: "win.len")),
            ("\"valid_s\":900", "\"valid_s\":901", .outOfRange(member: "cov.valid_s")),
            ("\"start\":1795257600", "\"start\":9223372036854775807", .outOfRange(member: "win.start")),
            ("\"kind\":\"contribution\"", "\"kind\":\"day_sheet\"", .otherKind("day_sheet")),
            ("\"final\":true", "\"final\":true,\"y\":{}", .unknown(member: "y")),
            ("\"final\":true", "\"final\":1", .syntax(offset: 98, expected: "true or false")),
            ("\"sensor\":\"water\"", "\"sensor\":\"\"", .outOfRange(member: "sensor")),
            ("\"period\"", "\"labels\":{\"zon\":\"a\"},\"period\"", .unknownLabel("zon")),
            ("\"period\"", "\"labels\":{\"meter\":\"a\"},\"period\"", .unknownLabel("meter")),
            ("\"period\"", "\"labels\":{},\"period\"", .outOfRange(member: "labels")),
            ("\"unit\"", "\"tables\":{\"gas\":\"1\"},\"unit\"", .unknownTable("gas")),
            ("\"unit\"", "\"tables\":{\"tz\":\"any text\"},\"unit\"", .wrongHash),
            ("\"unit\"", "\"u\":{\"random_ppm\":1},\"unit\"", .outOfRange(member: "u")),
            ("\"unit\"", "\"u\":{\"random_ppm\":1,\"sys_ppm\":10000001},\"unit\"", .outOfRange(member: "u")),
            ("\"len\":900", "\"day\":\"2026-11-31\",\"len\":900", .outOfRange(member: "win.day")),
            ("\"len\":900", "\"day\":\"2026-1-01\",\"len\":900", .outOfRange(member: "win.day")),
            ("\"final\":true", "\"final\":true,\"mark\":{\"v\":1}", .missing("mark.n")),
            ("\"final\":true", "\"final\":true,\"mark\":{\"tail\":[]}", .outOfRange(member: "mark.tail")),
            (
                "\"final\":true", "\"final\":true,\"mark\":{\"tail\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
                .outOfRange(member: "mark.tail")
            ),
            ("\"kind\":\"contribution\"", "\"kind\":\"correction\"", .otherKind("correction")),
            ("\"kind\":\"contribution\"", "\"kind\":\"contribution\",\"correction\":1", .otherKind("contribution")),
            (
                "\"kind\":\"contribution\"",
                "\"kind\":\"correction\",\"correction\":0",
                .outOfRange(member: "correction")
            ),
            ("x", "x", .wrongHash),
        ] as [(String, String, ContributionFault)])
    func refused(found: String, replacement: String, fault: ContributionFault) {
        let parts = Self.template.split(separator: found, maxSplits: 1, omittingEmptySubsequences: false)
        let text = parts.joined(separator: replacement)
        #expect(throws: fault) { try Contribution.parse(Array(text.utf8)) }
    }

    /// A record of 900 s with that state; nothing of it is written by the code under test.
    private static func record(_ slug: String, _ unit: String, _ more: String, _ state: String) -> String {
        let code = Fixture.indicator(slug).code
        return #"{"kind":"contribution","cov":{"exp_s":900,"flags":{},"from_s":0,"to_s":900,"valid_s":900},"#
            + #""final":true,"h":"0000000000000000","instrument":"low_cost","kpi":"\#(code)","period":"-","#
            + #""quality":"unknown","rev":1,"scale":0,"sensor":"s","series":"q","slug":"\#(slug)","state":\#(state),"unit":"\#(unit)","#
            + more + #""win":{"len":900,"start":1795257600}}"#
    }

    @Test(
        "A state says no more than a window can hold",
        arguments: [
            ("en-en-aq-1c", #"{"above":[0,0],"events":0,"n_s":901,"sum":1,"type":"level"}"#, "state.n_s"),
            ("en-en-aq-1c", #"{"above":[0,901],"events":0,"n_s":900,"sum":1,"type":"level"}"#, "state.above"),
            ("en-en-aq-1c", #"{"above":[0],"events":0,"n_s":900,"sum":1,"type":"level"}"#, "state.above"),
            ("en-en-aq-1c", #"{"above":[0,0],"events":-1,"n_s":9,"sum":1,"type":"level"}"#, "state.events"),
            ("en-en-aq-1c", #"{"above":[0,0],"events":0,"max":1,"min":2,"n_s":9,"sum":1,"type":"level"}"#, "state.max"),
            ("en-en-eq-2a", #"{"e":-1,"hist":{},"n_s":0,"type":"sound"}"#, "state.e"),
            ("en-en-eq-2a", #"{"e":1,"hist":{"4096":1},"n_s":1,"type":"sound"}"#, "state.hist.4096"),
            ("en-en-eq-2a", #"{"e":1,"hist":{"-1":1},"n_s":1,"type":"sound"}"#, "state.hist.-1"),
            ("en-en-eq-2a", #"{"e":1,"hist":{"05":1},"n_s":1,"type":"sound"}"#, "state.hist.05"),
            ("en-en-eq-2a", #"{"e":1,"hist":{"5":0},"n_s":1,"type":"sound"}"#, "state.hist.5"),
            ("en-en-eq-2a", #"{"e":1,"hist":{"5":451,"6":450},"n_s":900,"type":"sound"}"#, "state.hist"),
            ("en-en-eq-1c", #"{"above":3,"blocks":2,"e2":1,"n_s":9,"type":"exposure","worst_ppm":1}"#, "state.above"),
            (
                "en-en-eq-1c",
                #"{"above":0,"blocks":2,"e2":1,"n_s":9,"type":"exposure","worst_ppm":-1}"#,
                "state.worst_ppm"
            ),
            ("en-en-eq-1c", #"{"above":0,"blocks":2,"e2":-1,"n_s":9,"type":"exposure","worst_ppm":1}"#, "state.e2"),
            ("en-en-ws-1c", #"{"n":1,"ok":2,"type":"compliance"}"#, "state.ok"),
            ("ec-i-t-5a", #"{"hist":{"50":2},"n":1,"tt_ms":1,"type":"travel"}"#, "state.hist"),
            ("ec-i-t-5a", #"{"hist":{},"n":1,"tt_ms":-1,"type":"travel"}"#, "state.tt_ms"),
            ("x-spill", #"{"arrivals":1,"occupied_s":901,"type":"occupancy"}"#, "state.occupied_s"),
            ("ec-ict-t-1c", #"{"live_s":901,"n":1,"type":"presence"}"#, "state.live_s"),
            ("ec-ict-t-1c", #"{"live_s":1,"n":-1,"type":"presence"}"#, "state.n"),
            (
                "ec-i-es-1c",
                #"{"dark":0,"gt5":[1,2,1],"le3":[0,0,0],"le5":[0,0,0],"open":0,"type":"outages","unclear":[0,0,0]}"#,
                "state.gt5"
            ),
        ] as [(String, String, String)])
    func bounded(slug: String, state: String, member: String) {
        let more = [
            "en-en-aq-1c": ("ng_s/m3", ""), "en-en-eq-2a": ("p0^2_s", #""weight":{"inhabitants":1},"#),
            "en-en-eq-1c": ("(mV/m)^2_s", #""labels":{"site":"a"},"#), "en-en-ws-1c": ("pH", ""),
            "ec-i-t-5a": ("ms/km", #""labels":{"segment":"a"},"weight":{"metres":1},"#), "x-spill": ("s", ""),
            "ec-ict-t-1c": ("s", #""labels":{"stop":"a"},"#),
            "ec-i-es-1c": ("customer_s", #""weight":{"customers":1},"#),
        ]
        guard let (unit, rest) = more[slug] else { return #expect(Bool(false), "no unit of \(slug)") }
        let text = Self.record(slug, unit, rest, state)
        #expect(throws: ContributionFault.outOfRange(member: member)) { try Contribution.parse(Array(text.utf8)) }
    }

    @Test(
        "A state has the members of its type and no others",
        arguments: [
            ("en-en-aq-1c", #"{"above":[0,0],"events":0,"n_s":9,"type":"level"}"#, .missing("state.sum")),
            (
                "en-en-aq-1c",
                #"{"above":[0,0],"events":0,"max":1,"n_s":9,"sum":1,"type":"level"}"#,
                .missing("state.min")
            ),
            (
                "en-en-aq-1c",
                #"{"above":[0,0],"events":0,"hist":{},"n_s":9,"sum":1,"type":"level"}"#,
                .unknown(member: "state.hist")
            ),
            (
                "en-en-aq-1c",
                #"{"above":[0,0],"events":0,"mean":4,"n_s":9,"sum":1,"type":"level"}"#,
                .unknown(member: "state.mean")
            ),
            ("en-en-aq-1c", #"{"amount":1,"type":"sum"}"#, .wrongState("sum")),
            (
                "en-en-aq-1c",
                #"{"above":[0,0],"events":0,"n_s":9,"sum":1.5,"type":"level"}"#,
                .syntax(offset: 0, expected: "a whole number")
            ),
            ("en-en-aq-1c", #"{"above":[0,0],"events":0,"n_s":9,"sum":1}"#, .missing("state.type")),
        ] as [(String, String, ContributionFault)])
    func members(slug: String, state: String, fault: ContributionFault) {
        let text = Self.record(slug, "ng_s/m3", "", state)
        #expect {
            try Contribution.parse(Array(text.utf8))
        } throws: { error in
            let found = error as? ContributionFault
            if case .syntax(_, let expected) = fault, case .syntax(_, expected)? = found { return true }
            return found == fault
        }
    }

    @Test(
        "Broken JSON is refused and never traps",
        arguments: [
            "", " ", "{", "[", "}", "null", "{\"", "{\"a", "{\"a\"", "{\"t\":", "{\"t\":1", "{\"t\":1,", "{\"t\":1,}",
            "{\"t\":-}", "{\"t\":1e}", "{\"t\":tru}", "{\"t\":nul", "{\"t\":\"\\", "{\"t\":\"\\u12",
            "{\"t\":\"\\ud800\"}",
            "{\"t\":\"\\ud800\\u0041\"}", "{\"t\":\"\\udc00\"}", "{\"t\":\"\u{1}\"}", "{\"t\":1}}", "{\"kind\":{}}",
            "{\"state\":[]}", "{\"mark\":{\"at_us\":99999999999999999}}",
            "{\"t\":" + String(repeating: "[", count: 3_000), "{\"t\":" + String(repeating: "{\"a\":", count: 800),
            String(repeating: " ", count: 5_000),
        ])
    func broken(text: String) {
        #expect(throws: ContributionFault.self) { try Contribution.parse(Array(text.utf8)) }
        #expect(throws: ContributionFault.self) { try ContributionBatch.parse(Array(text.utf8)) }
    }

    @Test("Bytes that are not UTF-8 are refused")
    func encoding() {
        #expect(throws: ContributionFault.syntax(offset: 6, expected: "UTF-8")) {
            try Contribution.parse(Array("{\"t\":\"".utf8) + [0xFF, 0xFE] + Array("\"}".utf8))
        }
    }

    @Test("Mutated records are refused or are what their hash says", arguments: 1...20 as ClosedRange<UInt64>)
    func fuzz(seed: UInt64) {
        var random = Random(seed: seed)
        let originals = samples().map(\.bytes)
        let tokens: [[UInt8]] = ["{", "}", "[", "]", "\"", "\\u", ",", ":", "-", "1e9", "null", "9223372036854775807"]
            .map { Array($0.utf8) }
        for round in 0..<500 {
            var bytes = originals[Int(random.below(UInt64(originals.count)))]
            for _ in 0...random.below(3) {
                guard !bytes.isEmpty else { break }
                let place = Int(random.below(UInt64(bytes.count)))
                switch random.below(5) {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: place)
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int(random.below(40))))
                case 3: bytes.insert(contentsOf: tokens[Int(random.below(UInt64(tokens.count)))], at: place)
                default: bytes.removeLast(bytes.count - place)
                }
            }
            guard let parsed = try? Contribution.parse(bytes) else { continue }
            // Whatever passed means what one of the originals meant.
            #expect(originals.contains(parsed.bytes), "seed \(seed), round \(round)")
            var folder = KPIFolder(stream: 1, bindings: [Fixture.waterBinding(), Fixture.mainsBinding()])
            _ = folder.resume(from: parsed)
        }
    }

    @Test("A whole message gives its contributions, counts what it refuses and passes over the rest")
    func message() throws {
        let all = samples()
        let items =
            all.map { #"{"t":0.25,"# + $0.text.dropFirst() }
            + [
                #"{"t":1,"kind":"day_sheet","day":"2026-11-21","x":[1,{"y":null}]}"#,
                #"{"t":1,"kind":"contribution","kpi":"?"}"#, "7",
            ]
        let head =
            #"{"v":1,"node":"lamppost-0042","stream":"7f3a91c2d04be815","lane":"contributions","seq":12,"#
            + #""clock":"synced","bt":1795257600.25,"config":"9c1e04d2","items":["#
        let batch = try ContributionBatch.parse(Array((head + items.joined(separator: ",") + "]}").utf8))
        #expect(batch.node == "lamppost-0042")
        #expect(batch.stream == Fixture.stream)
        #expect(batch.seq == 12)
        #expect(batch.contributions == all)
        #expect(batch.refused == [.unknownIndicator("?")] || batch.refused == [.missing("slug")])
        #expect(batch.otherItems == 2)
        var set = ContributionSet()
        set.add(batch)
        #expect(set.entries.count == Set(set.entries.keys).count)
        #expect(throws: ContributionFault.unknownVersion(2)) {
            try ContributionBatch.parse(Array(head.replacingVersion.utf8) + Array("]}".utf8))
        }
        #expect(throws: ContributionFault.otherLane("events")) {
            try ContributionBatch.parse(
                Array(#"{"v":1,"node":"n","stream":"7f3a91c2d04be815","lane":"events","seq":1,"items":[]}"#.utf8))
        }
        #expect(throws: ContributionFault.outOfRange(member: "stream")) {
            try ContributionBatch.parse(
                Array(#"{"v":1,"node":"n","stream":"+f3a91c2d04be815","lane":"events","seq":1,"items":[]}"#.utf8))
        }
    }
}

extension String {
    fileprivate var replacingVersion: String { "{\"v\":2" + dropFirst(6) }
}
