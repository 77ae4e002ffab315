// What goes wrong in a simulation, and when: all of it decided beforehand by one seed.
//
// Every kind of fault draws from a generator of its own, so that adding a kind leaves the others where they were; and
// every seed turns each kind off, or makes it rare, usual or frequent, so that some seeds are all power cuts and others
// all lost acknowledgements (swarm testing: Groce et al. 2012). After `quietFrom` nothing is wrong any more, so that a
// checker can demand that everything drains. Virtual time; the same seed gives the same plan, line by line.

import World

public enum Fault: Hashable, Sendable {
    // For the simulated hardware. `pick` is any number: take it modulo what there is to choose from.
    case noAcknowledge(pick: UInt64, for: Duration)
    case flippedBit(pick: UInt64)

    case clockStep(Duration)
    case clockSlew(Duration)

    case brokerGoesAway(SimulatedBroker.Absence)
    case brokerComesBack
    case connectionLost
    case sessionTakenOver
    case acknowledgementLost
    case acknowledgementLate(Duration)
    case quotaExceeded
    case quotaRestored
    case subscribersGone
    case subscribersBack

    case diskFull
    case diskFreed
    case diskReadOnly
    case diskWritable
    case syncFails
    case syncHangs(Duration)
    case readsFail
    case readsWork
    /// For good, in one file. `pick` is any number.
    case sectorLost(pick: UInt64)
    case runtimeFull
    case runtimeFreed
    case topicRefused(String)
    case topicAllowed(String)

    // For the loop, which ends the process and starts it anew.
    case processCrash
    case orderlyStop
    case powerCut(off: Duration)

    /// Everything that is still wrong ends, as far as it can.
    case quiet
}

public struct ScheduledFault: Hashable, Sendable, CustomStringConvertible {
    public var at: VirtualTime
    public var fault: Fault
    public init(at: VirtualTime, fault: Fault) {
        self.at = at
        self.fault = fault
    }

    public var description: String { "\(at) \(fault)" }
}

public struct FaultPlan: Sendable {
    /// In order of time. The last one is `quiet`.
    public let faults: [ScheduledFault]
    public let quietFrom: VirtualTime
    private var next = 0

    /// Faults from the start until `quietFrom`.
    public init(seed: UInt64, quietFrom: VirtualTime) {
        self.quietFrom = quietFrom
        var drawn: [ScheduledFault] = []
        for kind in Self.kinds {
            var random = Random(seed: seed, purpose: "fault \(kind.name)")
            // Off, rare, usual (twice), frequent.
            let frequency: Int64 = [0, 1, 4, 4, 12][Int(random.below(5))]
            guard frequency > 0 else { continue }
            let meanGap = kind.usualGapSeconds * 1_000_000_000 * 4 / frequency
            var moment = VirtualTime.zero
            while true {
                // Uniform around the mean: the gaps need no tail, for the seeds vary them enough.
                moment = moment + random.duration(in: .nanoseconds(meanGap / 10)...(.nanoseconds(meanGap * 19 / 10)))
                guard moment < quietFrom else { break }
                let (begin, end, lasting) = kind.draw(&random)
                drawn.append(ScheduledFault(at: moment, fault: begin))
                moment = min(moment + lasting, quietFrom)
                if let end, moment < quietFrom { drawn.append(ScheduledFault(at: moment, fault: end)) }
            }
        }
        // The kinds' order settles ties: a sort by time alone need not keep it.
        let ordered = drawn.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
        faults = ordered.map(\.element) + [ScheduledFault(at: quietFrom, fault: .quiet)]
    }

    /// A plan of just these, for a test that wants one thing to happen.
    public init(_ faults: [ScheduledFault], quietFrom: VirtualTime) {
        self.quietFrom = quietFrom
        self.faults =
            faults.filter { $0.at < quietFrom }.sorted { $0.at < $1.at }
            + [ScheduledFault(at: quietFrom, fault: .quiet)]
    }

    /// When the next fault strikes; nil when none is left.
    public var nextDeadline: VirtualTime? { next < faults.count ? faults[next].at : nil }

    /// The next fault that is due by now.
    public mutating func takeDue(by now: VirtualTime) -> ScheduledFault? {
        guard next < faults.count, faults[next].at <= now else { return nil }
        next += 1
        return faults[next - 1]
    }

    // MARK: Kinds

    private struct Kind: Sendable {
        var name: String
        var usualGapSeconds: Int64
        /// A fault, what ends it, and how long it lasts.
        var draw: @Sendable (inout Random) -> (begin: Fault, end: Fault?, lasting: Duration)
    }

    private static let kinds = [
        Kind(name: "no acknowledge", usualGapSeconds: 60) { random in
            let lasting = random.duration(in: .milliseconds(10)...(.seconds(20)))
            return (.noAcknowledge(pick: random.next(), for: lasting), nil, lasting)
        },
        Kind(name: "flipped bit", usualGapSeconds: 60) { random in (.flippedBit(pick: random.next()), nil, .zero) },
        Kind(name: "clock step", usualGapSeconds: 600) { random in
            let size = random.duration(in: .milliseconds(200)...(.seconds(86_400)))
            return (.clockStep(random.chance(1, in: 2) ? size : .zero - size), nil, .zero)
        },
        Kind(name: "clock slew", usualGapSeconds: 300) { random in
            let size = random.duration(in: .milliseconds(1)...(.milliseconds(400)))
            return (.clockSlew(random.chance(1, in: 2) ? size : .zero - size), nil, .zero)
        },
        Kind(name: "broker away", usualGapSeconds: 180) { random in
            let lasting = random.duration(in: .seconds(2)...(.seconds(120)))
            let how: [SimulatedBroker.Absence] = [
                .unreachable, .unreachable, .silent, .nameNotResolved, .refusing(reason: 0x87), .refusing(reason: 0x88),
            ]
            return (.brokerGoesAway(how[Int(random.below(UInt64(how.count)))]), .brokerComesBack, lasting)
        },
        Kind(name: "connection lost", usualGapSeconds: 180) { _ in (.connectionLost, nil, .zero) },
        Kind(name: "taken over", usualGapSeconds: 600) { _ in (.sessionTakenOver, nil, .zero) },
        Kind(name: "acknowledgement lost", usualGapSeconds: 240) { _ in (.acknowledgementLost, nil, .zero) },
        Kind(name: "acknowledgement late", usualGapSeconds: 120) { random in
            (.acknowledgementLate(random.duration(in: .milliseconds(500)...(.seconds(20)))), nil, .zero)
        },
        Kind(name: "quota", usualGapSeconds: 480) { random in
            (.quotaExceeded, .quotaRestored, random.duration(in: .seconds(1)...(.seconds(30))))
        },
        Kind(name: "subscribers", usualGapSeconds: 480) { random in
            (.subscribersGone, .subscribersBack, random.duration(in: .seconds(1)...(.seconds(60))))
        },
        Kind(name: "disk full", usualGapSeconds: 480) { random in
            (.diskFull, .diskFreed, random.duration(in: .seconds(5)...(.seconds(90))))
        },
        Kind(name: "disk read-only", usualGapSeconds: 1_200) { random in
            (.diskReadOnly, .diskWritable, random.duration(in: .seconds(5)...(.seconds(60))))
        },
        Kind(name: "sync fails", usualGapSeconds: 480) { _ in (.syncFails, nil, .zero) },
        Kind(name: "sync hangs", usualGapSeconds: 480) { random in
            (.syncHangs(random.duration(in: .seconds(2)...(.seconds(90)))), nil, .zero)
        },
        Kind(name: "sync hangs for minutes", usualGapSeconds: 2_400) { random in
            (.syncHangs(random.duration(in: .seconds(90)...(.seconds(240)))), nil, .zero)
        },
        Kind(name: "reads fail", usualGapSeconds: 600) { random in
            (.readsFail, .readsWork, random.duration(in: .seconds(2)...(.seconds(60))))
        },
        Kind(name: "sector lost", usualGapSeconds: 900) { random in (.sectorLost(pick: random.next()), nil, .zero) },
        Kind(name: "runtime full", usualGapSeconds: 900) { random in
            (.runtimeFull, .runtimeFreed, random.duration(in: .seconds(1)...(.seconds(40))))
        },
        Kind(name: "topic refused", usualGapSeconds: 480) { random in
            let topics = ["readings", "readings", "history", "contributions", "events", "security", "status"]
            let topic = topics[Int(random.below(UInt64(topics.count)))]
            return (.topicRefused(topic), .topicAllowed(topic), random.duration(in: .seconds(5)...(.seconds(120))))
        },
        Kind(name: "orderly stop", usualGapSeconds: 360) { _ in (.orderlyStop, nil, .zero) },
        Kind(name: "crash", usualGapSeconds: 240) { _ in (.processCrash, nil, .zero) },
        Kind(name: "power cut", usualGapSeconds: 360) { random in
            let off = random.duration(in: .seconds(1)...(.seconds(120)))
            return (.powerCut(off: off), nil, off)
        },
    ]
}

extension Fault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noAcknowledge(let pick, let lasting):
            "no acknowledge from a device (\(pick % 1_000)) for \(lasting.inSeconds)"
        case .flippedBit(let pick): "a bit flips on the bus (\(pick % 1_000))"
        case .clockStep(let amount): "the wall clock steps by \(amount.inSeconds)"
        case .clockSlew(let amount): "the wall clock slews by \(amount.inSeconds)"
        case .brokerGoesAway(let how): "the broker goes away: \(how)"
        case .brokerComesBack: "the broker comes back"
        case .connectionLost: "the connection is lost"
        case .sessionTakenOver: "the session is taken over"
        case .acknowledgementLost: "the next acknowledgement is lost"
        case .acknowledgementLate(let delay): "the next acknowledgement is \(delay.inSeconds) late"
        case .quotaExceeded: "the broker's quota is exceeded"
        case .quotaRestored: "the broker's quota is restored"
        case .subscribersGone: "nobody subscribes any more"
        case .subscribersBack: "somebody subscribes again"
        case .diskFull: "the disk is full"
        case .diskFreed: "the disk has room again"
        case .diskReadOnly: "the disk is read-only"
        case .diskWritable: "the disk is writable again"
        case .syncFails: "the next sync fails"
        case .syncHangs(let extra): "the next sync hangs for \(extra.inSeconds)"
        case .readsFail: "the disk cannot be read"
        case .readsWork: "the disk can be read again"
        case .sectorLost(let pick): "a sector goes bad (\(pick % 1_000))"
        case .runtimeFull: "the runtime directory is full"
        case .runtimeFreed: "the runtime directory has room again"
        case .topicRefused(let topic): "the broker refuses \(topic)"
        case .topicAllowed(let topic): "the broker takes \(topic) again"
        case .processCrash: "the process crashes"
        case .orderlyStop: "the process is told to stop"
        case .powerCut(let off): "the power goes for \(off.inSeconds)"
        case .quiet: "everything that is wrong ends"
        }
    }
}
