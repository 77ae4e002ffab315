// The platform's commands, run as the platform's people run them: archived readings and an inventory in, figures out.

import Testing

@Suite("kpi compute, merge and export")
struct KPIPlatformTests {
    private static let inventory = """
        cityedge/v1/malaga/lamp-1/inventory {"v":1,"node":"lamp-1","city":"malaga","timezone":"Etc/UTC","config_hash":\
        "9c1e04d2","sensor_count":1,"channel_count":1,"kpis":[{"averaging_s":360,"channel":"water.volume",\
        "indicator":"en-en-ws-2c","instrument":"low_cost","labels":{"zone":"dma-7"},"scale":-3,"series":"volume",\
        "unit":"m3","window_s":900}],"sensors":[]}

        """

    /// One batch a minute, 10 L each, for `minutes` from 2026-11-21T00:00:30Z.
    private static func readings(_ minutes: Int, without missing: Set<Int> = []) -> String {
        var text = ""
        for minute in 0..<minutes where !missing.contains(minute) {
            text += "cityedge/v1/malaga/lamp-1/readings "
                + "[{\"bn\":\"malaga/lamp-1/\",\"bt\":\(1_795_219_230 + minute * 60),\"stream\":\"00000000000000ab\","
                + "\"seq\":\(minute + 1),\"clock\":\"synced\",\"config\":\"9c1e04d2\",\"n\":\"water.volume\","
                + "\"u\":\"m3\",\"v\":0.01}]\n"
        }
        return text
    }

    private static let city = """
        inhabitants: 10
        targets: {en-en-ws-2c: 50}
        baselines: {en-en-ws-2c: 150}

        """

    /// The contributions of 24 hours and a minute.
    private func contributions(_ folder: Folder, minutes: Int = 24 * 60 + 1, _ more: [String] = []) throws -> String {
        let readings = try folder.write("readings", Self.readings(minutes))
        let inventory = try folder.write("inventory", Self.inventory)
        let (end, output, errors) = try run(
            "cityedge", ["kpi", "compute", "--readings", readings, "--inventory", inventory] + more)
        #expect(end == .exited(0) && errors == "", "\(errors)")
        return output
    }

    @Test("Archived readings become contributions, and these the city's figure with all that a verifier asks for")
    func whole() throws {
        let folder = try Folder()
        let export = try folder.write("contributions", try contributions(folder))
        let city = try folder.write("city.yaml", Self.city)
        let period = ["--from", "2026-11-21", "--until", "2026-11-21"]
        let merged = try run("cityedge", ["kpi", "merge", export, export, "--city", city] + period)
        #expect(merged.end == .exited(0), "\(merged.errors)")
        let row = try #require(merged.output.split(separator: "\n").first { $0.hasPrefix("en-en-ws-2c") })
        // 14,400 L among ten: worse than the baseline of 150.
        #expect(row.split(separator: " ").prefix(4) == ["en-en-ws-2c", "total", "1440", "L/inhabitant/day"])
        #expect(row.hasSuffix(" 1") && row.contains("low_cost"))
        let csv = try run("cityedge", ["kpi", "export", export, "--city", city, "--csv", "-"] + period)
        let lines = csv.output.split(separator: "\r\n")
        #expect(lines.count == 1 + 91)
        #expect(lines.count { $0.contains(",not reported,") } == 90)
        let water = try #require(lines.first { $0.hasPrefix("EN: EN: WS: 2C,") })
        #expect(water.contains(",14400000,mL,10,inhabitants,2026-11-21T00:00:00Z,2026-11-22T00:00:00Z,u4ssc-ws-2c/1,"))
    }

    @Test("JSON and wheel are well formed, and say what is not reported as such")
    func forms() throws {
        let folder = try Folder()
        let export = try folder.write("contributions", try contributions(folder))
        let wheel = folder.path + "/wheel.svg"
        let merged = try run("cityedge", ["kpi", "merge", export, "--json", "--svg", wheel])
        #expect(merged.end == .exited(0), "\(merged.errors)")
        let checked = try run(
            "/usr/bin/python3",
            [
                "-c",
                """
                import json, sys, xml.dom.minidom
                told = json.loads(sys.argv[1])
                figures = [f for i in told["indicators"] for f in i["figures"]]
                assert len(told["indicators"]) == 91 and len(figures) == 1, len(figures)
                assert figures[0]["value"] is None and figures[0]["numerator"]["n"] == "14410000", figures
                assert len(xml.dom.minidom.parse(sys.argv[2]).getElementsByTagName("path")) > 91
                """, merged.output, wheel,
            ])
        #expect(checked.end == .exited(0), "\(checked.errors)")
    }

    @Test("A batch that is missing in the archive is said, and its time is not covered")
    func missing() throws {
        let folder = try Folder()
        let readings = try folder.write("readings", Self.readings(61, without: [20, 21]))
        let inventory = try folder.write("inventory", Self.inventory)
        let computed = try run("cityedge", ["kpi", "compute", "--readings", readings, "--inventory", inventory])
        #expect(computed.errors == "lamp-1, stream 00000000000000ab: 2 batches are not in the archive: their time is "
            + "flagged lost\n")
        #expect(computed.output.contains(#""flags":{"lost":120}"#))
    }

    @Test("A calibration found later makes corrections, of final windows only")
    func corrections() throws {
        let folder = try Folder()
        let calibration = try folder.write("calibration.yaml", "water.volume: {gain: 1.1}\n")
        let output = try contributions(folder, minutes: 61, ["--calibration", calibration, "--correction", "1"])
        #expect(output.contains(#""kind":"correction","correction":1"#))
        #expect(output.contains(#""amount":165000"#) && !output.contains(#""amount":150000"#))
        #expect(!output.contains(#""final":false"#))
    }

    @Test("What is no contribution is counted by its reason, and the rest is merged")
    func refused() throws {
        let folder = try Folder()
        let good = try contributions(folder, minutes: 61)
        let altered = good.split(separator: "150000").joined(separator: "150001")
        let export = try folder.write("contributions", good + "{\"v\":1,\"lane\":\n" + altered + Self.inventory)
        let merged = try run("cityedge", ["kpi", "merge", export])
        #expect(merged.end == .exited(0))
        #expect(merged.errors.contains("refused: 4 x content differs from its hash, first at \(export):3"))
        #expect(merged.errors.contains("x not JSON (expected a string), first at \(export):2"))
        #expect(merged.output.contains("5 refused"))
    }

    @Test("Input without one contribution fails and prints no figures and no period: an empty export is no quiet year")
    func nothing() throws {
        let folder = try Folder()
        let junk = try folder.write(
            "junk", "cityedge/v1/malaga/lamp-1/contributions {\"v\":1}\nhello\n" + Self.inventory)
        for (file, found) in [
            ("/dev/null", "found 0 messages of the lane, 0 others, 0 refused, 0 waiting"),
            (junk, "found 0 messages of the lane, 1 others, 2 refused, 0 waiting"),
        ] {
            for arguments in [["merge", file], ["merge", file, "--json"], ["export", file, "--csv", "-"]] {
                let outcome = try run("cityedge", ["kpi"] + arguments)
                #expect(outcome.end == .exited(64), "\(arguments): \(outcome.output)")
                #expect(outcome.output == "")
                #expect(
                    outcome.errors.contains("\(file): not one contribution was accepted: \(found)"),
                    "\(outcome.errors)")
            }
        }
    }

    @Test("A period without contributions is no period of 1970: its cells are empty, and null in JSON")
    func noPeriod() throws {
        let folder = try Folder()
        let export = try folder.write("contributions", try contributions(folder, minutes: 61))
        let csv = try run("cityedge", ["kpi", "export", export, "--csv", "-", "--from", "2027"])
        #expect(csv.end == .exited(0), "\(csv.errors)")
        #expect(csv.output.split(separator: "\r\n").count == 1 + 91)
        #expect(!csv.output.contains("1970-") && !csv.output.contains("2027-"))
        let merged = try run("cityedge", ["kpi", "merge", export, "--from", "2027"])
        #expect(merged.output.hasPrefix("no contributions in the period: "), "\(merged.output)")
        let json = try run("cityedge", ["kpi", "merge", export, "--json", "--from", "2027"])
        #expect(json.output.contains(#""from":null,"until":null"#))
    }

    /// A message of these items.
    private static func message(_ seq: Int, _ items: [String]) -> String {
        "cityedge/v1/malaga/lamp-1/contributions {\"v\":1,\"node\":\"lamp-1\",\"stream\":\"00000000000000ab\","
            + "\"lane\":\"contributions\",\"seq\":\(seq),\"items\":[\(items.joined(separator: ","))]}\n"
    }

    @Test("Contributions whose binding has not come are told, and those that are refused when it comes")
    func waiting() throws {
        let folder = try Folder()
        let binding = #"{"t":0,"kind":"binding","id":"735cc560dc638af7","instrument":"low_cost","#
            + #""kpi":"EN: EN: WS: 2C","labels":{"zone":"dma-7"},"quality":"estimated_assumptions","scale":0,"#
            + #""sensor":"water","series":"volume","slug":"en-en-ws-2c","tables":{"tz":"2025b"},"type":"sum","#
            + #""unit":"ml"}"#
        let cited = #"{"t":0,"kind":"contribution","b":"735cc560dc638af7","h":"c703c60a8d19b406","rev":4711,"#
            + #""state":{"amount":120000},"win":{"day":"2026-11-21","len":900,"start":1795255200}}"#
        let altered = cited.split(separator: "120000").joined(separator: "120001")
        let bare = Self.message(1, [cited, altered])
        let waiting = try folder.write("waiting", bare)
        let merged = try run("cityedge", ["kpi", "merge", waiting])
        #expect(merged.end == .exited(64))
        #expect(merged.errors.contains("waiting: 2 contributions, for a binding that has not come"), "\(merged.errors)")
        #expect(merged.errors.contains("found 1 message of the lane, 0 others, 0 refused, 2 waiting"))

        let complete = try folder.write("complete", bare + Self.message(2, [binding]))
        let told = try run("cityedge", ["kpi", "merge", complete, "--json"])
        #expect(told.end == .exited(0), "\(told.errors)")
        #expect(told.errors == "refused: 1 x content differs from its hash, first at \(complete):2\n")
        #expect(told.output.contains(#""waiting":0,"refused":[{"reason":"content differs from its hash","count":1"#))
    }

    @Test("Every mistake in the city's file is told with its place, and what to do")
    func mistakes() throws {
        let folder = try Folder()
        let city = try folder.write(
            "city.yaml",
            """
            inhabitants: many
            totals: {ec-ict-ws-2a: 1200, en-en-ws-2c: 5}
            targets: {en-en-ws-9x: 1}
            baselines: {en-en-ws-2c: 1}
            inhabitant: 5

            """)
        let merged = try run("cityedge", ["kpi", "merge", "/dev/null", "--city", city])
        #expect(merged.end == .exited(78))
        for line in [
            "\(city):1:14: found `inhabitants: many`", "\(city):2:24: found `ec-ict-ws-2a: 1200`",
            "\(city):2:30: found the unknown indicator `en-en-ws-2c`", "\(city):3:11: found the unknown indicator",
            "\(city):4:26: found a baseline for `en-en-ws-2c` without a target",
            "\(city):5:1: found the unknown key `inhabitant`",
        ] {
            #expect(merged.errors.contains(line), "\(line)\n\(merged.errors)")
        }
    }

    @Test("A wrong command line ends with 64 and says what to write")
    func usage() throws {
        for (arguments, text) in [
            (["merge"], "expected files of MQTT messages"),
            (["merge", "/dev/null", "--from", "yesterday"], "--from 2026"),
            (["merge", "/dev/null", "--classes", "gold"], "reference, indicative, low_cost"),
            (["merge", "/nowhere/at/all"], "expected a file of MQTT messages"),
            (["export", "/dev/null"], "--csv FILE"), (["compute", "--readings", "/dev/null"], "--inventory"),
            (["merge", "/dev/null", "--outages", "all"], "ieee1366"),
        ] {
            let outcome = try run("cityedge", ["kpi"] + arguments)
            #expect(outcome.end == .exited(64), "\(arguments): \(outcome.errors)")
            #expect(outcome.errors.contains(text), "\(arguments): \(outcome.errors)")
        }
    }
}
