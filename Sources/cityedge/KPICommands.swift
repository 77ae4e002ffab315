// The group `cityedge kpi`.

import Agent
import ArgumentParser

struct KPICommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kpi", abstract: "The city's key performance indicators (U4SSC / ITU-T Y.4903).",
        subcommands: [List.self, Explain.self, Merge.self, Export.self, Compute.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the 91 indicators, and to which of them nodes contribute.")
        @Flag(help: "As JSON.") var json = false
        func run() { listIndicators(isJSON: json) }
    }

    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tells what an indicator is, what nodes bring to it and what the city must bring.")
        @Argument(help: "Its code (\"EN: EN: WS: 2C\") or slug (en-en-ws-2c).") var code: String
        @Flag(help: "Print one JSON object.") var json = false
        func run() throws { try CityEdge.perform { () throws(Failure) in try explainIndicator(code, isJSON: json) } }
    }
}
