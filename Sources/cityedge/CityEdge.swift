// The technician's command.

import Agent
import ArgumentParser

@main
struct CityEdge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cityedge", abstract: "The edge gateway of a smart city: sensors in, MQTT out, nothing lost.",
        version: cityEdgeVersion,
        subcommands: [
            Validate.self, Run.self, Read.self, Demo.self, Simulate.self, Drivers.self, Config.self, OutboxFolder.self,
            KPICommands.self, AuditExports.self, Meter.self,
        ])

    /// ArgumentParser's own exit codes are sysexits' too (64 for usage); ours are documented in the README.
    static func perform(_ body: () throws(Failure) -> Void) throws {
        let code = end(body)
        if code != .ok { throw ArgumentParser.ExitCode(code.rawValue) }
    }
}

struct AuditExports: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Accounts for every message of an export: numbers, gaps, and whether each day was complete.")
    @Argument(help: "Files of lines topic, space, payload, as mosquitto_sub -v prints them.") var files: [String]

    func run() throws { try CityEdge.perform { () throws(Failure) in try auditExports(files) } }
}

struct ConfigurationFile: ParsableArguments {
    @Argument(help: "The main configuration file; conf.d/*.yaml beside it belongs to it.")
    var file = "/etc/cityedge/cityedge.yaml"
}

struct ConfigurationOption: ParsableArguments {
    @Option(name: .shortAndLong, help: "The main configuration file.")
    var config = "/etc/cityedge/cityedge.yaml"
}

struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks a configuration and tells every problem at once (exit 0, or 78).")
    @OptionGroup var configuration: ConfigurationFile

    func run() throws { try CityEdge.perform { () throws(Failure) in try Agent.validate(configuration.file) } }
}

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Runs the gateway in the foreground, as cityedged does.")
    @OptionGroup var configuration: ConfigurationOption
    @Option(help: "Folder for what survives the process (a tmpfs).") var runtime: String?
    @Option(help: "Folder for what survives the power (the flash).") var state: String?

    func run() throws {
        try CityEdge.perform { () throws(Failure) in
            try GatewayRun(
                site: loadSite(configuration.config).site, folders: .usual(runtime: runtime, state: state)
            ).run()
        }
    }
}

struct Read: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Takes one reading of each sensor, or of one, and prints it.")
    @Argument(help: "The sensor's id; all sensors when left out.") var sensor: String?
    @OptionGroup var configuration: ConfigurationOption

    func run() throws {
        try CityEdge.perform { () throws(Failure) in try readOnce(loadSite(configuration.config).site, sensor: sensor) }
    }
}

struct Meter: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Meters that are counted.", subcommands: [Set.self])

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tells the running agent what a meter shows: the total goes on from there, as an event.",
            discussion: """
                The step of the total is no consumption: amounts and indicators know nothing of it. The agent takes it \
                with the sensor's next reading, and the command waits for that.
                """)
        @Argument(help: "The sensor's id.") var sensor: String
        @Argument(help: "What the meter shows, with its unit: 12576.53 m3.") var amount: [String]
        @OptionGroup var configuration: ConfigurationOption
        @Option(help: "The agent's runtime folder.") var runtime: String?
        @Option(help: "The agent's folder on flash.") var state: String?

        func run() throws {
            try CityEdge.perform { () throws(Failure) in
                try setMeter(
                    loadSite(configuration.config).site, .usual(runtime: runtime, state: state), sensor: sensor,
                    amount: amount.joined(separator: " "))
            }
        }
    }
}

struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the gateway on simulated sensors through a broker outage and accounts for every reading.")
    @Option(name: .customLong("for"), help: "How long to take readings, for example 60s or 2min.") var length = "60s"
    @Option(help: "How long the broker is away meanwhile.") var outage = "20s"
    @Flag(help: "Print one JSON object instead of the live table.") var json = false

    func run() throws {
        let taking = try seconds(length, "--for"), away = try seconds(outage, "--outage")
        guard taking >= 1, away >= 0, away < taking else {
            throw ValidationError("--outage \(self.outage) does not fit into --for \(length); give a shorter outage")
        }
        try CityEdge.perform { () throws(Failure) in
            try runDemo(DemoOptions(seconds: taking, outageSeconds: away, isJSON: json))
        }
    }

    private func seconds(_ text: String, _ option: String) throws -> Int64 {
        guard let seconds = wholeSeconds(text) else {
            throw ValidationError("\(option) \(text): expected a duration with its unit, for example 60s or 2min")
        }
        return seconds
    }
}

struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the same Sampler and Courier on one thread in a simulated world with faults, from a seed.")
    @Option(help: "The seed; the same seed gives the same trace, byte for byte.") var seed: UInt64 = 1
    @Option(help: "Stop at this virtual time, for example 90s; by default after all faults and a full drain.")
    var until: String?
    @Option(help: "How many seeds to run, from --seed on; more than one prints a line each instead of the trace.")
    var seeds: UInt64 = 1

    func run() throws {
        var end: Int64?
        if let until {
            guard let seconds = wholeSeconds(until) else {
                throw ValidationError("--until \(until): expected a duration with its unit, for example 90s")
            }
            end = seconds
        }
        try CityEdge.perform { () throws(Failure) in try runSimulation(seed: seed, seeds: seeds, untilSeconds: end) }
    }
}

struct Drivers: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the drivers with their channels and parameters.")
    @Flag(help: "As JSON.") var json = false
    func run() { listDrivers(isJSON: json) }
}

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Looks at the configuration.", subcommands: [Show.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the configuration in force: main file, drop-ins and defaults, each value with its origin."
        )
        @OptionGroup var configuration: ConfigurationFile
        func run() throws { try CityEdge.perform { () throws(Failure) in try showConfiguration(configuration.file) } }
    }
}

struct OutboxFolder: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outbox", abstract: "Looks into an outbox, live or on a dead node's card, and moves it.",
        subcommands: [Stats.self, Verify.self, Dump.self, Salvage.self, Send.self, Size.self])

    struct Place: ParsableArguments {
        @Option(help: "The outbox's folder on flash; alone, a dead node's. (default: the installed agent's folders)")
        var state: String?
        @Option(help: "The agent's runtime folder, with the memory tier.") var runtime: String?

        var outbox: OutboxPlace { OutboxPlace(state: state, runtime: runtime) }
    }

    struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints what each stream and lane holds, and what of it is not acknowledged.")
        @OptionGroup var place: Place
        @Flag(help: "Print one JSON object.") var json = false
        func run() throws {
            try CityEdge.perform { () throws(Failure) in try outboxStats(place.outbox, isJSON: json) }
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tells what is damaged, where, what is lost by it and what the agent does about it (74, else 0).")
        @OptionGroup var place: Place
        func run() throws { try CityEdge.perform { () throws(Failure) in try outboxVerify(place.outbox) } }
    }

    struct Dump: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints every record as a line of JSON, those too that are withheld from the broker.")
        @OptionGroup var place: Place
        func run() throws { try CityEdge.perform { () throws(Failure) in try outboxDump(place.outbox) } }
    }

    struct Salvage: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes everything sound of a damaged outbox into clean files in an empty folder.",
            discussion: "The source is only read. The result passes verify, and is for an agent or for outbox send.")
        @Option(help: "The damaged outbox's folder.") var from: String
        @Option(help: "An empty folder, or one to be made.") var to: String
        func run() throws {
            try CityEdge.perform { () throws(Failure) in try outboxSalvage(from: from, to: to) }
        }
    }

    struct Send: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Drains a dead node's card to the platform, under the node's own identity.",
            discussion: """
                Says nothing of the node itself: status, inventory and health stay those of its replacement. The \
                client id, by default NODE-send, needs leave to publish below the node's topic root: brokers that go \
                by the certificate's name give it; those that go by the client id need a rule for it, or \
                --client-id NODE while nothing else is connected as the node. Exit 0: everything was acknowledged; \
                69: not everything, and what is left is named.
                """)
        @Option(help: "The outbox's folder on the card, usually …/var/lib/cityedge.") var from: String
        @OptionGroup var configuration: ConfigurationOption
        @Option(help: "Another broker than the configuration's: mqtt[s]://host[:port].") var broker: String?
        @Option(help: "The MQTT client id.") var clientID: String?
        @Flag(help: "Remove from the card what is acknowledged; else a copy is sent and the card only read.")
        var remove = false
        @Flag(help: "The card's node is the configuration's under an earlier name.") var renamed = false
        func run() throws {
            let options = SendOptions(
                from: from, configuration: configuration.config, broker: broker, clientID: clientID, removes: remove,
                isRenamed: renamed)
            try CityEdge.perform { () throws(Failure) in try outboxSend(options) }
        }
    }

    struct Size: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Estimates how many hours of outage a configuration's outbox holds.")
        @OptionGroup var configuration: ConfigurationOption
        @Flag(help: "Print one JSON object.") var json = false
        func run() throws {
            try CityEdge.perform { () throws(Failure) in try outboxSize(configuration.config, isJSON: json) }
        }
    }
}
