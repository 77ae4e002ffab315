// `cityedge kpi list` and `kpi explain`, as people and programs read them.

import Glibc
import Testing

@Suite("The indicators told") struct IndicatorTests {
    @Test("The list has a line for each of the 91 indicators and marks those that nodes contribute to")
    func list() throws {
        let result = try run("cityedge", ["kpi", "list"])
        #expect(result.end == .exited(0) && result.errors.isEmpty, "\(result.errors)")
        let lines = result.output.split(separator: "\n")
        #expect(lines.count == 92)
        #expect(lines.contains("EN: EN: WS: 2C    core     node  Water Consumption (L/capita/day)"))
        #expect(lines.contains("SC: SH: SI: 2C    core           Gini Coefficient (0 to 1)"))
        let marked = lines.count { $0.contains(" node  ") }
        #expect(lines.last == "91 indicators; to \(marked) of them, marked `node`, nodes contribute")
    }

    @Test("As JSON it is an array of 91 objects that a strict reader takes, with the fields that programs rely on")
    func json() throws {
        let script = """
            import json, subprocess, sys
            entries = json.loads(subprocess.run([sys.argv[1], "kpi", "list", "--json"], stdout=subprocess.PIPE).stdout)
            water = [e for e in entries if e["code"] == "EN: EN: WS: 2C"][0]
            one = json.loads(subprocess.run([sys.argv[1], "kpi", "explain", "en:en:ws:2c", "--json"],
                                            stdout=subprocess.PIPE).stdout)
            city = one.pop("city"), one.pop("nodes")
            print(len(entries), len({e["slug"] for e in entries}), sum(e["core"] for e in entries), one == water, city,
                  {k: water[k] for k in ("slug", "name", "dimension", "unit", "core", "contributes", "better", "sdg")})
            """
        let result = try run("/usr/bin/env", ["python3", "-c", script, products + "/cityedge"])
        #expect(
            result.output == """
                91 91 55 True ('its inhabitants', 'volume from water meters') {'slug': 'en-en-ws-2c', \
                'name': 'Water Consumption', 'dimension': 'Environment', 'unit': 'L/capita/day', 'core': True, \
                'contributes': True, 'better': 'lower', 'sdg': '6.4'}

                """, "\(result.errors)")
    }

    @Test("An indicator is explained: what it is, where that is from, what nodes and the city bring")
    func explain() throws {
        let result = try run("cityedge", ["kpi", "explain", "EC: I: ES: 1C"])
        #expect(result.end == .exited(0), "\(result.errors)")
        #expect(
            result.output == """
                EC: I: ES: 1C  Electricity System Outage Frequency  (ec-i-es-1c)
                  place: Economy / Infrastructure / Electricity Supply
                  level: core, structural, for 12 months
                  unit: /customer/year
                  better: lower
                  SDG: 7.1
                  name from: an ITU publication
                  nodes bring: interruptions times the customers that the node stands for
                  the city brings: the number of customers served
                  in a configuration: `kpis: [{indicator: ec-i-es-1c, from: SENSOR.QUANTITY}]`

                """)
        let without = try run("cityedge", ["kpi", "explain", "sc-sh-sa-5a"])
        #expect(without.output.contains("nodes do not contribute: it needs the dispatch records"))
    }

    @Test(
        "An unknown code ends with 64 and the names that were probably meant",
        arguments: [
            ("en-en-ws-22c", "did you mean en-en-ws-2c (Water Consumption)?"),
            ("EN: EN: W: 2C", "did you mean en-en-ws-2c (Water Consumption)?"),
            ("noise", "did you mean en-en-eq-2a (Noise Exposure)?"),
            ("Gini Koefficient", "did you mean sc-sh-si-2c (Gini Coefficient)?"),
            ("xyzzy", "`cityedge kpi list` lists them all"),
        ])
    func unknown(_ code: String, _ hint: String) throws {
        let result = try run("cityedge", ["kpi", "explain", code])
        #expect(result.end == .exited(64) && result.output.isEmpty)
        #expect(
            result.errors
                == "found the unknown indicator `\(code)`; expected a code or slug of U4SSC, for example en-en-ws-2c; "
                + "\(hint)\n")
    }
}
