// `cityedge outbox send`: drains a dead node's card to the platform from a laptop, under the dead node's identity: its
// topics, its streams, its numbers. For the platform it is late history, no more and no less.
//
// The gateway's own Courier does it, over the card's files and without sensors. It does not speak for the node, whose
// place may have a live replacement by now: no will, no status, no inventory, no health; and another client id, because
// a broker lets the same one in only once. A loss that it finds is told as the agent tells it, in the events of a
// stream of its own.
//
// Without `--remove` a copy is sent and the card only read. With it the card itself is drained: what is acknowledged is
// removed from it, and its checkpoint remembers the rest.

import Gateway
import Glibc
import LinuxWorld
import Outbox
import SiteConfig
import Uplink
import World

public struct SendOptions: Sendable {
    public var from: String
    public var configuration: String
    public var broker: String?
    public var clientID: String?
    public var removes: Bool
    /// The node has another id in the configuration than on the card.
    public var isRenamed: Bool

    public init(
        from: String, configuration: String, broker: String?, clientID: String?, removes: Bool, isRenamed: Bool
    ) {
        self.from = from
        self.configuration = configuration
        self.broker = broker
        self.clientID = clientID
        self.removes = removes
        self.isRenamed = isRenamed
    }
}

public func outboxSend(_ options: SendOptions) throws(Failure) {
    var site = try loadSite(options.configuration, anyBoard: true).site
    if let url = options.broker { try address(site: &site, url) }
    let stored = try StoredOutbox(OutboxPlace(state: options.from, runtime: nil))
    if stored.isNothing { throw Failure(.usage, stored.nothingText) }
    if let user = stored.user {
        throw Failure(
            .usage, "\(options.from): in use by process \(user), which delivers it by itself; stop it first, or let it")
    }
    if options.removes, access(options.from, W_OK | X_OK) != 0 {
        throw Failure(
            .disk, "\(options.from): \(systemReason(errno)); --remove expected a folder that this user may write; "
                + "try again with sudo, or without --remove")
    }
    // Before any thread: they inherit the mask.
    var signals: Signals
    do throws(SystemError) { signals = try Signals() } catch { throw Failure(.software, "\(error)") }
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let runtime = folder.path + "/run", copy = folder.path + "/state"
    do throws(SystemError) {
        try makeDirectory(runtime)
        try makeDirectory(copy)
    } catch { throw Failure(.disk, "\(error); set TMPDIR to a folder that you may write") }
    if !options.removes { try copyCard(stored, to: copy, &signals) }

    let survey = try OutboxSurvey(
        StoredOutbox(OutboxPlace(state: options.removes ? options.from : copy, runtime: nil)))
    try checkOwner(survey, site, options)
    for line in survey.damageReport + survey.notes { printError(line) }
    guard survey.unacknowledgedBatches > 0 || survey.hasLosses else {
        printLine("\(options.from): nothing to send: everything in it has been acknowledged")
        if options.removes { try removeAcknowledged(survey) }
        return
    }
    let clientID = options.clientID ?? site.node.id + "-send"
    printError(
        "sending \(counted(survey.unacknowledgedBatches, "batch")) with "
            + "\(counted(survey.unacknowledgedRecords, "record")) as \(site.node.city)/\(site.node.id) to "
            + "\(site.broker.address.host):\(site.broker.address.port), client id \(clientID)")
    let run = SendRun(
        site: site, folders: Folders(runtime: runtime, state: survey.stored.place.state), clientID: clientID,
        expected: survey.unacknowledgedBatches, flashBytes: survey.flashBytes)
    let outcome = try run.run(&signals)
    try report(outcome, options, survey)
}

/// Takes another broker than the configuration's, with the credentials of the configuration.
private func address(site: inout Site, _ url: String) throws(Failure) {
    let told = try brokerSettings(url)
    site.broker.address = told.address
    site.broker.tls = told.tls == nil ? nil : site.broker.tls ?? told.tls
}

/// What a `--broker` on the command line says, read as the configuration's `url` is.
func brokerSettings(_ url: String) throws(Failure) -> BrokerSettings {
    let text = """
        node: {id: a, city: a}
        board: simulated
        sensors: [{id: a, driver: simulated, quantity: temperature}]
        broker:
          url: \(url)

        """
    let boards = try shippedBoards()
    do throws(ConfigurationProblems) {
        return try Configuration.load(
            main: SourceText(name: "--broker", bytes: Array(text.utf8)), boards: boards, fileExists: { _ in true }
        ).site.broker
    } catch {
        let problem = error.problems[0]
        throw Failure(.usage, "--broker: found \(problem.found); expected \(problem.expected); \(problem.remedy)")
    }
}

/// Whose outbox is it? Sent under another node's name, its readings would be lies.
private func checkOwner(_ survey: OutboxSurvey, _ site: Site, _ options: SendOptions) throws(Failure) {
    let own = "\(site.node.city)/\(site.node.id)/"
    let others = survey.prefixes.filter { $0 != own && !$0.isEmpty }
    guard let other = others.first, !options.isRenamed else { return }
    throw Failure(
        .usage, "\(options.from): found the outbox of node \(other.dropLast()); expected that of \(own.dropLast()), "
            + "the node of \(options.configuration); give the configuration of \(other.dropLast()), or --renamed if "
            + "it is the same node under a new name")
}

/// Of an outbox that has nothing left to say only files remain, and those that are whole need not.
private func removeAcknowledged(_ survey: OutboxSurvey) throws(Failure) {
    for file in survey.files where file.totals.damages.isEmpty && file.totals.unknownBlocks == 0 {
        guard unlink(file.segment.path) == 0 || errno == ENOENT else {
            throw Failure(.disk, "\(file.segment.path): cannot remove: \(systemReason(errno)); remove it by hand")
        }
    }
    do throws(SystemError) { try syncDirectory(survey.stored.place.state) } catch { throw Failure(.disk, "\(error)") }
}

private func report(_ outcome: SendOutcome, _ options: SendOptions, _ survey: OutboxSurvey) throws(Failure) {
    let sent = "\(counted(outcome.acknowledged, "batch")) in \(counted(outcome.messages, "message")), "
        + "\(sizeText(Int(clamping: outcome.payloadBytes))), \(durationText(outcome.took))"
    let foreign = survey.files.filter { $0.totals.unknownBlocks > 0 }.map(\.segment.file)
    if !outcome.unheard.isEmpty {
        printError(
            "the broker took it and knows nobody who subscribes: ask the platform whether it came, before the card is "
                + "thrown away")
    }
    guard let problem = outcome.problem else {
        printLine("everything was acknowledged: \(sent)" + (survey.hasLosses ? "; losses told by tombstones" : ""))
        if options.removes {
            let left = try StoredOutbox(survey.stored.place).segments.map(\.file).filter { !foreign.contains($0) }
            guard left.isEmpty else {
                throw Failure(
                    .disk, "\(options.from): delivered, but these files could not be removed: "
                        + "\(left.joined(separator: ", ")); remove them by hand")
            }
        }
        if !foreign.isEmpty {
            printLine("not for this version, and left where it is: \(foreign.joined(separator: ", "))")
        }
        if !options.removes { printLine("\(options.from) is as it was; drain it with --remove when it may be emptied") }
        return
    }
    let again = outcome.acknowledged > 0 ? "; what was sent now comes again, under the same numbers" : ""
    let kept = options.removes
        ? "what was acknowledged is off the card or marked in its checkpoint: send again for the rest"
        : "the card is as it was: send again\(again)"
    throw Failure(.unavailable, "\(problem); acknowledged: \(sent); left: \(outcome.left); \(kept)")
}
