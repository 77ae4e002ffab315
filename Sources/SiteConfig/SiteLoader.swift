// The schema from the top: which keys there are, their defaults, and how the parts depend on each other.

import KPIs
import Sensors
import World

struct SiteLoader {
    let folder: String
    let boards: [Board]
    let compatible: [String]
    let drivers: [DriverEntry]
    /// What alarms may watch beside channels.
    let knownGauges: [Gauge]
    let findings: Findings
    /// Certificates that have ended by then are problems; nil: not judged.
    let now: UTC?
    /// The node's time zone, once it has been looked up.
    var zone: SiteZone?
    /// Where to write what the node lacks; nil once `timezone` is there.
    private var placeWithoutTimezone: Place?
    private var noisePeriods: NoisePeriods?
    private var peakPeriods: PeakPeriods?

    init(
        folder: String, boards: [Board], compatible: [String], drivers: [DriverEntry], knownGauges: [Gauge],
        now: UTC?, _ findings: Findings
    ) {
        self.folder = folder
        self.boards = boards
        self.compatible = compatible
        self.drivers = drivers
        self.knownGauges = knownGauges
        self.now = now
        self.findings = findings
    }

    /// Nil when there is a problem.
    mutating func site(
        _ root: YAMLNode, fileExists: (String) -> Bool, zone lookUp: ((String) -> ZoneLookup)?
    ) -> Site? {
        var top = Fields(root, name: "the configuration", at: root.place, depth: 0, findings)
        let node = node(&top, lookUp)
        let board = board(&top)
        let clock = top.scalar("clock", default: "ntp")
            .flatMap { findings.choice($0, of: ["ntp", "trust-system"]) }.flatMap(ClockTrust.init)
        let settleWait = top.scalar("settle_wait", default: "60s")
            .flatMap { findings.duration($0, in: .zero...Duration.seconds(3600)) }
        let broker = broker(&top, node: node, fileExists: fileExists)
        let outbox = outbox(&top)
        var sensors = SensorLoader(board: board, drivers: drivers, folder: folder, now: now, findings)
        sensors.read(&top, fileExists: fileExists)
        var kpis = KPILoader(
            sensors: sensors, zone: zone, placeWithoutTimezone: placeWithoutTimezone, findings)
        kpis.read(&top)
        let alarms = alarms(&top, sensors, withheld: kpis.withheldChannels)
        top.finish(Hint.top)

        guard findings.problems.isEmpty, let node, let board, let clock, let settleWait, let broker, let outbox,
            let noisePeriods, let peakPeriods
        else { return nil }
        var site = Site(
            node: node, zone: zone, board: board, clock: clock, settleWait: settleWait, broker: broker, outbox: outbox,
            sensors: sensors.sensors,
            channels: ChannelTable(channels: sensors.sensors.flatMap { $0.channels.map(\.channel) }, configHash: ""),
            kpis: kpis.bindings, withheldChannels: kpis.withheldChannels, noisePeriods: noisePeriods,
            peakPeriods: peakPeriods, alarms: alarms)
        site.board.buses = sensors.buses.all
        site.channels.configHash = Fingerprint.hash(of: site)
        return site
    }

    // MARK: Node

    private mutating func node(_ top: inout Fields, _ lookUp: ((String) -> ZoneLookup)?) -> Node? {
        if !top.has("node") {
            findings.addMissing(
                top.place, "no `node`", "the name of this place", "add `node: {id: lamppost-0042, city: malaga}`")
            _ = top.section("node")
            return nil
        }
        var fields = top.section("node")
        let id = fields.required("id", "the name of this place", example: "id: lamppost-0042")
            .flatMap { findings.name($0, extra: "-") }
        let city = fields.required("city", "the city's name, as in topics", example: "city: malaga")
            .flatMap { findings.name($0, extra: "-_") }
        let site = fields.scalar("site")
        if !fields.has("timezone") { placeWithoutTimezone = fields.place }
        let timezone = fields.scalar("timezone", default: "UTC").flatMap { self.timezone($0, lookUp) }
        let powered = fields.scalar("powered", default: "permanent")
            .flatMap { findings.choice($0, of: ["permanent", "switched"]) }.flatMap(Node.Powered.init)
        let (latitude, longitude) = location(&fields)
        let periods = LocalPeriodsReader(findings: findings)
        noisePeriods = periods.noise(&fields)
        peakPeriods = periods.peaks(&fields)
        fields.finish(Hint.node)
        guard let id, let city, let timezone, let powered else { return nil }
        return Node(
            id: id, city: city, site: site?.text, timezone: timezone, latitude: latitude, longitude: longitude,
            powered: powered)
    }

    private func location(_ node: inout Fields) -> (latitude: Double?, longitude: Double?) {
        var fields = node.section("location")
        let latitude = fields.scalar("latitude").flatMap { findings.number($0, in: -90...90) }
        let longitude = fields.scalar("longitude").flatMap { findings.number($0, in: -180...180) }
        fields.finish(Hint.location)
        if fields.has("latitude") != fields.has("longitude") {
            let missing = fields.has("latitude") ? "longitude" : "latitude"
            findings.addMissing(fields.place, "no `\(missing)` in `location`", "both of them", "add `\(missing): ...`")
        }
        return (latitude, longitude)
    }

    // MARK: Board

    private func board(_ top: inout Fields) -> Board? {
        guard let wanted = top.scalar("board", default: "auto") else { return nil }
        let names = boards.map(\.name)
        if wanted.text != "auto" {
            if let board = boards.first(where: { $0.name == wanted.text }) { return board }
            let nearest = Nearest.name(to: wanted.text, among: names + ["auto"])
            findings.add(
                wanted.place, "the unknown board \(quoted(wanted.text))", oneOf(["auto"] + names),
                nearest.map { "write `board: \($0)`" } ?? "write one of them, or add a board definition")
            return nil
        }
        // Most exact model first (Devicetree Specification section 2.3.1): the first that some board has decides.
        for model in compatible {
            if let board = boards.first(where: { $0.compatible.contains(model) }) { return board }
        }
        let identity = compatible.isEmpty ? "a computer that does not say what board it is" : quoted(compatible[0])
        findings.addMissing(
            wanted.place, "`board: auto` on \(identity)", "one of the known boards (\(names.joined(separator: ", ")))",
            "write `board: NAME` if it is one of them, `board: generic` if it is another with GPIO or I2C,"
                + " or `board: simulated` to try without hardware")
        return nil
    }

    // MARK: Outbox

    private func outbox(_ top: inout Fields) -> OutboxSettings? {
        var fields = top.section("outbox", hasDefaults: true)
        let window = fields.scalar("loss_window", default: "10s")
        let lossWindow = window.flatMap { findings.duration($0, in: .zero...Duration.seconds(3600)) }
        let age = fields.scalar("batch_age", default: "1s")
        let batchAge = age.flatMap { findings.duration($0, in: .milliseconds(10)...Duration.seconds(1800)) }
        let maxSize = size(&fields, "max_size", "256MiB", 8 << 20...1 << 40)
        let memoryText = fields.scalar("memory", default: "16MiB")
        let memory = memoryText.flatMap { findings.size($0, in: 1 << 20...1 << 30) }
        let keptText = fields.scalar("keep_acknowledged", default: "4MiB")
        let kept = keptText.flatMap { findings.size($0, in: 0...1 << 30) }
        let checkpoint = fields.scalar("checkpoint", default: "10min")
            .flatMap { findings.duration($0, in: .seconds(10)...Duration.seconds(86_400), likely: "min") }
        let order = fields.scalar("history_order", default: "oldest-first")
            .flatMap { findings.choice($0, of: ["oldest-first", "newest-first"]) }
        var rate = fields.section("history_rate")
        let bytes = rate.scalar("bytes_per_second").flatMap { findings.size($0, in: 128...1 << 30, likely: "KiB") }
        let batches = rate.scalar("batches_per_second").flatMap { findings.integer($0, in: 1...1_000_000) }
        rate.finish()
        fields.finish(Hint.outbox)

        if let lossWindow, let batchAge, let window, let age, lossWindow > .zero, batchAge > lossWindow / 2 {
            // What is sealed late in the window could not be spilled before its end.
            findings.add(
                age.isDefault ? window.place : age.place,
                "a `batch_age` of \(age.text) with a `loss_window` of \(window.text)",
                "a `batch_age` of at most half the `loss_window`", "write `batch_age: \((lossWindow / 2).shown)`")
        }
        if let memory, let kept, let memoryText, let keptText, kept > memory {
            findings.add(
                keptText.isDefault ? memoryText.place : keptText.place,
                "`keep_acknowledged` of \(keptText.text) with `memory` of \(memoryText.text)",
                "no more than `memory`", "write `keep_acknowledged: \(Findings.shown(bytes: Int64(memory / 4)))`")
        }
        guard let lossWindow, let batchAge, let maxSize, let memory, let kept, let checkpoint, let order else {
            return nil
        }
        return OutboxSettings(
            lossWindow: lossWindow, batchAge: batchAge, maxSize: maxSize, memory: memory, keepAcknowledged: kept,
            checkpoint: checkpoint, historyOldestFirst: order == "oldest-first", historyBytesPerSecond: bytes,
            historyBatchesPerSecond: batches.map(Int.init(clamping:)))
    }

    private func size(_ fields: inout Fields, _ key: String, _ fallback: String, _ range: ClosedRange<Int64>) -> Int? {
        fields.scalar(key, default: fallback).flatMap { findings.size($0, in: range) }
    }
}

/// A file that the configuration names: relative to the main file's folder.
func resolved(_ name: String, in folder: String) -> String { name.hasPrefix("/") ? name : folder + name }
