// `kpi compute`: archived readings into contributions, equal to the node's own; or, with a calibration that was found
// later, into corrections.

import KPIs
import LinuxWorld
import SiteConfig
import World

public struct ComputeQuestion: Sendable {
    /// Exports of readings and history; `-` is standard input.
    public var readings: [String]
    /// Exports with the node's `inventory`; of several configurations, each one's.
    public var inventories: [String]
    /// The node's configuration, where the inventory was too large to tell how it folds.
    public var configuration: String?
    public var calibration: String?
    /// The number of the correction; corrections of higher numbers win.
    public var correction: UInt64?

    public init(
        readings: [String], inventories: [String], configuration: String?, calibration: String?, correction: UInt64?
    ) {
        self.readings = readings
        self.inventories = inventories
        self.configuration = configuration
        self.calibration = calibration
        self.correction = correction
    }
}

/// Of at most 4 KiB each: below the longest message that is read (`ContributionBatch.longest`).
private let itemsOfMessage = 1_000

/// Prints messages of the contributions lane for each stream and configuration, as `kpi merge` reads them.
public func computeKPIs(_ question: ComputeQuestion) throws(Failure) {
    if question.calibration != nil, question.correction == nil {
        throw Failure(
            .usage, "--calibration without --correction; expected the correction's number; write for example "
                + "`--correction 1`")
    }
    let rules = try foldingRules(question)
    let calibrations = try laterCalibrations(question.calibration)
    var archive = ReadingArchive()
    try MessageLines.read(question.readings) { (line) throws(Failure) in archive.take(line) }
    for line in archive.unreadable.prefix(10) { printError("refused: \(line)") }
    if archive.unreadable.count > 10 { printError("refused: \(archive.unreadable.count - 10) messages more") }
    let unsettled = archive.settle()
    if unsettled > 0 {
        printError("left out: \(unsettled) batches whose clock had not settled: the archive lacks their anchor event")
    }
    if archive.thinned > 0 { printError("left out: \(archive.thinned) batches of windows that stand for readings") }
    let streams = archive.streams.sorted { ($0.key.node, $0.key.stream) < ($1.key.node, $1.key.stream) }
    var seq: UInt64 = 0
    for (stream, batches) in streams {
        let ordered = batches.values.sorted { $0.seq < $1.seq }
        let own = rules.filter { $0.node == stream.node }
        let known = Set(own.map(\.config))
        let strange = Set(ordered.map(\.config)).subtracting(known).sorted()
        if !strange.isEmpty {
            printError(
                "left out: readings of \(stream.node) under configuration \(strange.joined(separator: ", ")): give "
                    + "that configuration's inventory")
        }
        for rules in own where ordered.contains(where: { $0.config == rules.config }) {
            try warn(rules, calibrations)
            let refold = Refold(rules: rules, calendar: try rules.calendar(), calibrations: calibrations)
            let outcome = refold.fold(ordered, stream: stream.stream)
            tell(outcome, stream)
            let contributions = selected(outcome.contributions, calibrations, question.correction)
            var rest = contributions[...]
            while !rest.isEmpty {
                seq += 1
                printLine(message(rest.prefix(itemsOfMessage), stream, config: rules.config, seq: seq))
                rest = rest.dropFirst(itemsOfMessage)
            }
        }
    }
    guard !streams.isEmpty else {
        throw Failure(.usage, "no readings found; expected messages of the readings or history topics")
    }
}

/// A correction says only what it corrects, and only of windows that are final.
private func selected(
    _ contributions: [Contribution], _ calibrations: [String: LaterCalibration], _ correction: UInt64?
) -> [Contribution] {
    guard let correction else { return contributions }
    let sensors = Set(calibrations.keys.map { String($0.prefix { $0 != "." }) })
    return contributions.filter { $0.isFinal && (calibrations.isEmpty || sensors.contains($0.sensor)) }.map {
        var corrected = $0
        corrected.correction = correction
        return corrected
    }
}

private func tell(_ outcome: Refold.Outcome, _ stream: ReadingArchive.Stream) {
    let name = "\(stream.node), stream \(hexadecimal(stream.stream))"
    if outcome.missingBatches > 0 {
        printError("\(name): \(outcome.missingBatches) batches are not in the archive: their time is flagged lost")
    }
    if outcome.unusable > 0 {
        printError("\(name): \(outcome.unusable) readings are finer than their channel or do not fit: left out")
    }
}

private func warn(_ rules: FoldingRules, _ calibrations: [String: LaterCalibration]) throws(Failure) {
    for channel in calibrations.keys.sorted() where rules.channels[channel] == nil {
        let known = rules.channels.keys.sorted().joined(separator: ", ")
        throw Failure(.usage, "--calibration: found \(channel); expected a channel of \(rules.node) that is bound "
            + "(\(known)); correct its name")
    }
}

private func message(
    _ contributions: ArraySlice<Contribution>, _ stream: ReadingArchive.Stream, config: String, seq: UInt64
) -> String {
    var bytes = Array(
        ("{\"v\":1,\"node\":\(quoted(stream.node)),\"stream\":\"\(hexadecimal(stream.stream))\","
            + "\"lane\":\"contributions\",\"seq\":\(seq),\"config\":\(quoted(config)),\"items\":[").utf8)
    for (index, contribution) in contributions.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        contribution.encode(into: &bytes)
    }
    return String(decoding: bytes, as: UTF8.self) + "]}"
}

private func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}

private func foldingRules(_ question: ComputeQuestion) throws(Failure) -> [FoldingRules] {
    var rules: [FoldingRules] = []
    if let path = question.configuration { rules.append(FoldingRules(try loadSite(path, anyBoard: true).site)) }
    try MessageLines.read(question.inventories) { (line) throws(Failure) in
        if let kind = line.kind, kind != "inventory" { return }
        do throws(ContributionFault) {
            let found = try FoldingRules(line.payload)
            if !rules.contains(where: { $0.node == found.node && $0.config == found.config }) { rules.append(found) }
        } catch {
            // Its configuration may have been given instead.
            if case .missing("kpis") = error, question.configuration != nil { return }
            throw Failure(
                .usage, "\(line.place): \(error.reason); expected the node's inventory message; "
                    + "give the node's configuration with --config where the inventory is truncated")
        }
    }
    guard !rules.isEmpty else {
        throw Failure(.usage, "neither --inventory nor --config; expected how the node folds; give one of them")
    }
    return rules
}

private func laterCalibrations(_ path: String?) throws(Failure) -> [String: LaterCalibration] {
    guard let path else { return [:] }
    let bytes: [UInt8]
    do throws(SystemError) { bytes = try readFile(path, limit: 1 << 20) } catch {
        throw Failure(.configuration, "\(path):1:1: \(error.reason); expected a calibration file; check the path")
    }
    do throws(ConfigurationProblems) { return try LaterCalibration.read(SourceText(name: path, bytes: bytes)) } catch {
        throw Failure(.configuration, "\(error)")
    }
}
