// Messages of the contributions topics into one set, from exports or a live broker. What is refused is counted by its
// reason and shown: it is never a silent hole in a figure.

import Glibc
import KPIs
import LinuxWorld
import Synchronization
import World

/// Where the platform's commands take contributions from.
public struct ContributionSources: Sendable {
    /// Exports; `-` is standard input.
    public var files: [String]
    /// `mqtt://host[:port]`: listen there instead.
    public var broker: String?
    public var listenSeconds: Int64
    public var topic: String
    public var clientID: String

    public init(
        files: [String], broker: String? = nil, listenSeconds: Int64 = 60,
        topic: String = "cityedge/v1/+/+/contributions", clientID: String = "cityedge-kpi"
    ) {
        self.files = files
        self.broker = broker
        self.listenSeconds = listenSeconds
        self.topic = topic
        self.clientID = clientID
    }
}

struct ContributionIntake {
    var set = ContributionSet()
    private(set) var messages = 0
    /// Of other topics and lanes.
    private(set) var otherMessages = 0
    /// How many by reason, and the place of the first.
    private(set) var refused: [String: (count: Int, first: String)] = [:]

    mutating func take(_ line: MessageLine) {
        if let kind = line.kind, kind != "contributions" {
            otherMessages += 1
            return
        }
        do throws(ContributionFault) {
            let batch = try ContributionBatch.parse(line.payload)
            messages += 1
            for fault in batch.refused { refuse(fault, line.place) }
            for fault in set.add(batch) { refuse(fault, line.place) }
        } catch {
            switch error {
            case .otherLane: otherMessages += 1
            // Without topics, readings and the node's own objects stand between the batches.
            case _ where line.kind == nil && !Self.isBatch(line.payload): otherMessages += 1
            default: refuse(error, line.place)
            }
        }
    }

    /// An object with a lane.
    private static func isBatch(_ payload: [UInt8]) -> Bool {
        guard payload.first == UInt8(ascii: "{") else { return payload.first != UInt8(ascii: "[") }
        var hasLane = false
        var reader = JSONReader(payload)
        do throws(ContributionFault) {
            try reader.object { reader, name throws(ContributionFault) in
                hasLane = hasLane || name == "lane"
                try reader.skip()
            }
        } catch { return true }
        return hasLane
    }

    private mutating func refuse(_ fault: ContributionFault, _ place: String) {
        refused[fault.inWords, default: (0, place)].count += 1
    }

    var refusals: Int { refused.values.reduce(0) { $0 + $1.count } }

    /// All that is in no figure although it is of this lane.
    var refusalLines: [String] {
        var lines = refused.sorted { $0.key < $1.key }.map { reason, found in
            "refused: \(found.count) x \(reason), first at \(found.first)"
        }
        if set.waiting > 0 {
            lines.append("waiting: \(counted(UInt64(set.waiting), "contribution")), for a binding that has not come")
        }
        return lines
    }

    /// What to say when not one contribution was accepted, so that an empty export is not taken for a quiet year.
    private func checkAccepted(_ sources: ContributionSources) throws(Failure) {
        guard set.entries.isEmpty else { return }
        let found = "not one contribution was accepted: found \(counted(UInt64(messages), "message")) of the lane, "
            + "\(otherMessages) others, \(refusals) refused, \(set.waiting) waiting for their binding; "
        if let broker = sources.broker {
            throw Failure(
                .unavailable, "\(broker): \(found)expected some on \(sources.topic) within "
                    + "\(sources.listenSeconds) s; check the topic, or listen longer with --for")
        }
        throw Failure(
            .usage, "\(sources.files.joined(separator: ", ")): \(found)expected messages of "
                + "cityedge/v1/CITY/NODE/contributions, one a line, as `mosquitto_sub -v` writes them")
    }

    // MARK: Where from

    static func gather(_ sources: ContributionSources) throws(Failure) -> ContributionIntake {
        var intake = ContributionIntake()
        if let broker = sources.broker {
            guard sources.files.isEmpty else {
                throw Failure(.usage, "FILES and --broker; expected one of them; remove the other")
            }
            intake = try listen(to: broker, sources)
        } else {
            guard !sources.files.isEmpty else {
                throw Failure(
                    .usage, "no input; expected files of MQTT messages, - for standard input, or --broker mqtt://HOST")
            }
            try MessageLines.read(sources.files) { (line) throws(Failure) in intake.take(line) }
        }
        for line in intake.refusalLines { printError(line) }
        try intake.checkAccepted(sources)
        return intake
    }

    private static func listen(to url: String, _ sources: ContributionSources) throws(Failure) -> ContributionIntake {
        let address = try brokerAddress(url)
        let shared = SharedIntake()
        var signals = try failing { () throws(SystemError) in try Signals() }
        let subscriber = try failing { () throws(SystemError) in
            try Subscriber(to: address, clientID: sources.clientID, filter: sources.topic) { message in
                let topic = message.topic
                let kind = topic.lastIndex(of: "/").map { String(topic[topic.index(after: $0)...]) }
                shared.value.withLock {
                    $0.take(MessageLine(place: topic, kind: kind, payload: message.payload))
                }
            }
        }
        let clock = LinuxClock()
        let begin = clock.now()
        let end = begin + .seconds(sources.listenSeconds)
        while clock.now() < end, signals.next() != .stop {
            if !subscriber.isReady, clock.now() - begin > .seconds(10) {
                subscriber.stop()
                throw Failure(
                    .unavailable, "\(url): no session within 10 s; expected a broker that lets \(sources.clientID) "
                        + "subscribe to \(sources.topic); check the address and the broker's log")
            }
            pause(milliseconds: 50)
        }
        subscriber.stop()
        while !subscriber.isStopped { pause(milliseconds: 5) }
        return shared.value.withLock { $0 }
    }

    private static func brokerAddress(_ url: String) throws(Failure) -> BrokerAddress {
        let broker = try brokerSettings(url)
        guard broker.tls == nil else {
            throw Failure(
                .usage, "--broker \(url); expected mqtt://HOST: pipe `mosquitto_sub -v` with your certificates into "
                    + "`cityedge kpi merge -` instead")
        }
        return broker.address
    }

    private static func failing<T: ~Copyable>(_ body: () throws(SystemError) -> T) throws(Failure) -> T {
        do throws(SystemError) { return try body() } catch { throw Failure(.software, "\(error)") }
    }
}

/// Filled on the subscriber's thread.
private final class SharedIntake: Sendable {
    let value = Mutex(ContributionIntake())
}

extension ContributionFault {
    /// The reason without its place, so that equal ones are counted together.
    var inWords: String {
        switch self {
        case .syntax(_, let expected): "not JSON (expected \(expected))"
        case .tooLong: "too long"
        case .tooDeep: "nested too deep"
        case .missing(let member): "no `\(member)`"
        case .unknown(let member): "unknown member `\(member)`"
        case .twice(let member): "`\(member)` twice"
        case .outOfRange(let member): "`\(member)` out of range"
        case .unknownVersion(let version): "unknown version \(version)"
        case .unknownIndicator(let code): "unknown indicator \(code)"
        case .unknownStateType(let type): "unknown state \(type)"
        case .unknownLabel(let label): "unknown label \(label)"
        case .unknownTable(let table): "unknown table \(table)"
        case .unknownBinding: "its binding has not come"
        case .wrongUnit(let unit): "unit \(unit) is not the indicator's"
        case .wrongState(let type): "state \(type) is not the indicator's"
        case .wrongHash: "content differs from its hash"
        case .otherKind(let kind): "kind \(kind)"
        case .otherLane(let lane): "lane \(lane)"
        }
    }
}
