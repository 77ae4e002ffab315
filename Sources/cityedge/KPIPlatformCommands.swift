// The platform's half of `cityedge kpi`: from contributions to the city's figures.

import Agent
import ArgumentParser

/// What `merge` and `export` have in common.
struct KPIQuestionOptions: ParsableArguments {
    @Argument(
        help: "Exports of the contributions topics, a message a line as mosquitto_sub (-v) writes them; - for stdin.")
    var files: [String] = []
    @Option(help: "Listen to a broker instead: mqtt://host[:port].") var broker: String?
    @Option(name: .customLong("for"), help: "How long to listen to the broker.") var listenFor = "60s"
    @Option(help: "The topics to listen to.") var topic = "cityedge/v1/+/+/contributions"
    @Option(help: "The MQTT client id; the broker keeps what comes between two runs under one id.")
    var clientID = "cityedge-kpi"
    @Option(help: "The city's own numbers: inhabitants, totals, targets (YAML).") var city: String?
    @Option(help: "Windows that begin from here on: 2026, 2026-11, 2026-11-21 or 2026-11-21T08:00:00Z.")
    var from: String?
    @Option(help: "Up to and with this year, month or day; or up to this moment.") var until: String?
    @Option(help: "Instrument classes that may stand in one figure: reference,indicative,low_cost.")
    var classes: String?
    @Option(help: "Per cent of the period's hours that an annual mean of air needs: 90 (2008/50/EC), 85 (2024/2881).")
    var capture: Int64 = 90
    @Option(help: "Sustained outages: ieee1366 (longer than 5 min) or en50160 (longer than 3 min).")
    var outages = "ieee1366"

    func question() throws -> KPIQuestion {
        guard let seconds = wholeSeconds(listenFor), seconds > 0 else {
            throw ValidationError("--for \(listenFor): expected a duration with its unit, for example 60s or 2min")
        }
        return KPIQuestion(
            sources: ContributionSources(
                files: files, broker: broker, listenSeconds: seconds, topic: topic, clientID: clientID),
            cityFile: city, from: from, until: until, classes: classes, capturePercent: capture, outageProfile: outages)
    }
}

extension KPICommands {
    struct Merge: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Merges contributions of any number of nodes and prints the city's indicators.",
            discussion: """
                Order and repetition do not matter. Figures of different instrument classes, thresholds or units stand \
                apart. What is refused is counted by its reason on standard error.
                """)
        @OptionGroup var options: KPIQuestionOptions
        @Flag(help: "Print one JSON object.") var json = false
        @Flag(help: "Print supporting figures, and the indicators that are not reported, too.") var all = false
        @Option(help: "Draw the wheel into this file.") var svg: String?

        func run() throws {
            let question = try options.question()
            try CityEdge.perform { () throws(Failure) in
                try mergeKPIs(question, isJSON: json, isWhole: all, svg: svg)
            }
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "For the verifier: what each of the 91 indicators was made of.",
            discussion: "What is not reported stays so, and is never 0.")
        @OptionGroup var options: KPIQuestionOptions
        @Option(help: "Write CSV (RFC 4180) into this file; - for standard output.") var csv: String?
        @Flag(help: "Print one JSON object.") var json = false

        func run() throws {
            let question = try options.question()
            try CityEdge.perform { () throws(Failure) in try exportKPIs(question, csv: csv, isJSON: json) }
        }
    }

    struct Compute: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Folds archived readings into contributions, equal to the node's own.",
            discussion: """
                A complete archive gives the final contributions of the node byte for byte, as a message a line on \
                standard output, which kpi merge reads. With a calibration found later they are corrections, which \
                win over what the node said: drift found in June corrects January.
                """)
        @Option(help: "An export of readings, history and events; - for stdin; may be repeated.")
        var readings: [String]
        @Option(help: "An export with the node's inventory message; may be repeated.") var inventory: [String] = []
        @Option(name: .shortAndLong, help: "The node's configuration, where its inventory is truncated.")
        var config: String?
        @Option(help: "Gain and offset to lay over published values, by channel (YAML).") var calibration: String?
        @Option(help: "Make corrections with this number; the highest wins.") var correction: UInt64?

        func run() throws {
            try CityEdge.perform { () throws(Failure) in
                try computeKPIs(
                    ComputeQuestion(
                        readings: readings, inventories: inventory, configuration: config, calibration: calibration,
                        correction: correction))
            }
        }
    }
}
