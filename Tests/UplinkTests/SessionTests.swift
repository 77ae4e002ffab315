import Testing
import World

@testable import Uplink

private func at(_ seconds: Double) -> Boottime { Boottime(nanoseconds: Int64(seconds * 1e9)) }

private func delivery(_ topic: TopicKind = .readings, _ seq: UInt64 = 1, bytes: UInt32 = 100) -> Delivery {
    Delivery(topic: topic, lane: .readings, stream: 1, firstSeq: seq, count: 1, bytes: bytes)
}

private func id(_ value: UInt16) -> MessageID { MessageID(rawValue: value) }

/// A session that is online since `now`.
private func online(
    _ limits: SessionLimits = SessionLimits(), receiveMaximum: UInt16 = 65_535, at now: Boottime = at(0)
) throws -> (Session, Random) {
    var random = Random(seed: 1)
    var session = Session(limits: limits, allowsCommands: false)
    session.start(at: now)
    #expect(session.step(at: now, &random) == .connect)
    let greeting = session.connected(receiveMaximum: receiveMaximum, maximumPacketBytes: nil, at: now)
    _ = try #require(greeting)
    return (session, random)
}

struct SessionTests {
    @Test("Nothing happens before the start; then the first attempt is at once")
    func start() {
        var random = Random(seed: 1)
        var session = Session(limits: SessionLimits(), allowsCommands: false)
        #expect(session.step(at: at(100), &random) == .none && session.deadline == .distantFuture)
        session.start(at: at(100))
        #expect(session.deadline == at(100))
        #expect(session.step(at: at(100), &random) == .connect)
        #expect(session.step(at: at(100), &random) == .none, "one attempt at a time")
    }

    @Test("The greeting asks for the inventory until one is acknowledged, and for commands only where allowed")
    func greeting() throws {
        var (session, random) = try online()
        session.sent(id(1), .retained(.inventory, bytes: 10))
        _ = session.acknowledged(id(1), reason: 0x87, at: at(1), &random)
        var now = at(100)
        for isRefused in [true, false, false] {
            _ = session.ended(.lost("test"), at: now, &random)
            now = session.deadline
            #expect(session.step(at: now, &random) == .connect)
            let begun = session.connected(receiveMaximum: 1, maximumPacketBytes: 9, at: now)
            let greeting = try #require(begun)
            #expect(greeting.publishesInventory == isRefused && !greeting.subscribesCommands && !greeting.isFirst)
            #expect(session.maximumPacketBytes == 9)
            session.sent(id(1), .retained(.inventory, bytes: 10))
            _ = session.acknowledged(id(1), reason: 0, at: now, &random)
        }
        session.inventoryChanged()
        _ = session.ended(.lost("test"), at: now, &random)
        now = session.deadline
        #expect(session.step(at: now, &random) == .connect)
        #expect(session.connected(receiveMaximum: 1, maximumPacketBytes: nil, at: now)?.publishesInventory == true)

        var allowed = Session(limits: SessionLimits(), allowsCommands: true)
        allowed.start(at: at(0))
        _ = allowed.step(at: at(0), &random)
        let begun = allowed.connected(receiveMaximum: 1, maximumPacketBytes: nil, at: at(0))
        let first = try #require(begun)
        #expect(first.isFirst && first.publishesInventory && first.subscribesCommands)
    }

    @Test("An attempt without an answer is given up in time, and what comes of it later is not taken for a session")
    func noAnswer() {
        var random = Random(seed: 1)
        var session = Session(limits: SessionLimits(), allowsCommands: false)
        session.start(at: at(0))
        #expect(session.step(at: at(0), &random) == .connect)
        #expect(session.step(at: at(59.9), &random) == .none)
        #expect(session.deadline == at(60))
        #expect(session.step(at: at(60), &random) == .abandon(change: .tell))
        #expect(session.connected(receiveMaximum: 1, maximumPacketBytes: nil, at: at(60)) == nil)
        #expect(session.ended(.unreachable("late"), at: at(60), &random) == nil)
        #expect(session.phase == .waiting)
    }

    @Test("The window is our limit, or what the broker takes less a place for status, and at least one", arguments: [
        (0, 1), (1, 1), (5, 4), (32, 31), (33, 32), (65_535, 32),
    ] as [(UInt16, Int)])
    func window(receiveMaximum: UInt16, expected: Int) throws {
        var (session, _) = try online(receiveMaximum: receiveMaximum)
        var sent = 0
        while session.mayPublish(.events, bytes: 100, at: at(1)) {
            sent += 1
            session.sent(id(UInt16(sent)), delivery())
        }
        #expect(sent == expected)
    }

    @Test("A place of a window of eight or more is left to events and security, and no payload holds them up")
    func urgent() throws {
        for (receiveMaximum, others) in [(5, 4), (8, 7), (9, 7), (65_535, 31)] as [(UInt16, Int)] {
            var limits = SessionLimits()
            limits.windowBytes = 100 * others
            var (session, _) = try online(limits, receiveMaximum: receiveMaximum)
            var sent = 0
            while session.mayPublish(.history, bytes: 100, at: at(1)) {
                sent += 1
                session.sent(id(UInt16(sent)), delivery(bytes: 100))
            }
            #expect(sent == others, "of \(receiveMaximum)")
            for topic in [TopicKind.events, .security] {
                #expect(session.mayPublish(topic, bytes: 5_000, at: at(1)) == (receiveMaximum >= 9))
            }
        }
    }

    @Test("Payload in flight is bounded, but one message always goes")
    func bytes() throws {
        var limits = SessionLimits()
        limits.windowBytes = 1_000
        var (session, random) = try online(limits)
        #expect(session.mayPublish(.history, bytes: 5_000, at: at(1)))
        session.sent(id(1), delivery(bytes: 900))
        #expect(session.mayPublish(.history, bytes: 100, at: at(1)))
        #expect(!session.mayPublish(.history, bytes: 101, at: at(1)))
        _ = session.acknowledged(id(1), reason: 0, at: at(1), &random)
        #expect(session.mayPublish(.history, bytes: 5_000, at: at(1)))
    }

    @Test("Reason codes below 0x80 acknowledge; 0x10 is told once where it begins and once where it ends, per topic")
    func audience() throws {
        var (session, random) = try online()
        var next: UInt16 = 0
        func publish(_ topic: TopicKind, _ reason: UInt8, _ session: inout Session) -> Session.Audience? {
            next += 1
            session.sent(id(next), delivery(topic))
            guard case .acknowledged(let taken, let audience) = session.acknowledged(
                id(next), reason: reason, at: at(1), &random)
            else {
                Issue.record("reason \(reason) does not acknowledge")
                return nil
            }
            #expect(taken == delivery(topic))
            return audience
        }
        #expect(publish(.readings, 0x00, &session) == nil)
        #expect(publish(.readings, 0x10, &session) == .nobody)
        #expect(publish(.readings, 0x10, &session) == nil)
        #expect(publish(.events, 0x00, &session) == nil)
        #expect(publish(.readings, 0x10, &session) == nil)
        #expect(publish(.readings, 0x00, &session) == .back(messages: 3))
        #expect(publish(.readings, 0x00, &session) == nil)
        #expect(publish(.status, 0x10, &session) == nil, "retained messages wait for readers")
        #expect(publish(.history, 0x7F, &session) == nil)
    }

    @Test("Subscribers that come and go for a day, or a quota that does, are a few dozen lines and lose no message")
    func topicFlapping() throws {
        for seed in 1...20 as ClosedRange<UInt64> {
            var (session, random) = try online()
            var lines = 0
            var number: UInt16 = 0
            var now = at(0)
            while now < at(86_400) {
                _ = session.step(at: now, &random)
                if session.mayPublish(.readings, bytes: 1, at: now) {
                    number &+= 1
                    session.sent(id(number), delivery())
                    let reason: UInt8 = random.chance(1, in: 3) ? 0x97 : random.chance(1, in: 2) ? 0x10 : 0
                    switch session.acknowledged(id(number), reason: reason, at: now, &random) {
                    case .acknowledged(_, let audience): lines += audience == nil ? 0 : 1
                    case .refused(_, let isNews): lines += isNews ? 1 : 0
                    case .unknown: Issue.record("seed \(seed): message \(number) is unknown")
                    }
                }
                while session.topicReport(at: now) != nil { lines += 1 }
                now = now + .seconds(1 + Int64(random.below(seed * 30)))
            }
            #expect(lines > 5 && lines <= 60, "seed \(seed): \(lines) lines")
        }
    }

    @Test("A refused message is not acknowledged, and pauses its topic only")
    func refused() throws {
        var (session, random) = try online()
        for number in 1...10 { session.sent(id(UInt16(number)), delivery(.contributions, UInt64(number))) }
        for number in 1...10 {
            let answer = session.acknowledged(id(UInt16(number)), reason: 0x97, at: at(10), &random)
            #expect(answer == .refused(delivery(.contributions, UInt64(number)), isNews: number == 1))
        }
        #expect(session.inFlight.isEmpty)
        let until = session.deadline
        #expect(until >= at(10) && until <= at(11), "a window refused at once is one refusal, not ten")
        #expect(session.mayPublish(.readings, bytes: 1, at: at(10)))
        let before = until - .nanoseconds(1)
        #expect(!session.mayPublish(.contributions, bytes: 1, at: before))
        #expect(session.mayPublish(.contributions, bytes: 1, at: until))
        #expect(session.step(at: until, &random) == .none)
        #expect(session.deadline == .distantFuture)

        // Refused again and again: the pauses may grow, up to the longest, and it is told only once.
        var now = until
        var longest = Duration.zero
        for number in 11...80 {
            session.sent(id(UInt16(number)), delivery(.contributions))
            let answer = session.acknowledged(id(UInt16(number)), reason: 0x97, at: now, &random)
            #expect(answer == .refused(delivery(.contributions), isNews: false))
            longest = max(longest, session.deadline - now)
            now = session.deadline
            _ = session.step(at: now, &random)
        }
        #expect(longest > .seconds(100) && longest <= .seconds(300))

        session.sent(id(81), delivery(.contributions))
        #expect(session.acknowledged(id(81), reason: 0, at: now, &random)
            == .acknowledged(delivery(.contributions), audience: nil))
        session.sent(id(82), delivery(.contributions))
        #expect(session.acknowledged(id(82), reason: 0x80, at: now, &random)
            == .refused(delivery(.contributions), isNews: true))
        #expect(session.deadline - now <= .seconds(1), "an acknowledgement starts the back-off over")
    }

    @Test("When a session ends nothing is in flight, and its late acknowledgements mean nothing")
    func ended() throws {
        var (session, random) = try online()
        session.sent(id(1), delivery())
        #expect(session.ended(.lost("keep-alive"), at: at(5), &random) == .tell)
        #expect(session.inFlight.isEmpty && session.inFlight.bytes == 0)
        #expect(session.acknowledged(id(1), reason: 0, at: at(5), &random) == .unknown)
        #expect(!session.mayPublish(.readings, bytes: 1, at: at(5)))
        session.stop()
        #expect(session.phase == .idle && session.deadline == .distantFuture)
    }

    @Test("Only news is told: the same failure again is none, another kind of failure is")
    func news() throws {
        var (session, random) = try online()
        let faults: [(BrokerFault, FlapFilter.Verdict?)] = [
            (.lost("a"), .tell), (.unreachable("b"), .tell), (.unreachable("c"), nil), (.unreachable("d"), nil),
            (.refused(reason: 0x87), .tell), (.refused(reason: 0x87), nil),
        ]
        for (index, (fault, expected)) in faults.enumerated() {
            if index > 0 {
                #expect(session.step(at: session.deadline, &random) == .connect)
            }
            // Far apart, so that nothing counts as flapping.
            let now = at(Double(index + 1) * 1_000)
            #expect(session.ended(fault, at: now, &random) == expected, "\(index)")
        }
    }

    @Test("Delays are within full jitter's bounds, use them, and start over after a session that lasted")
    func delays() throws {
        for (lasted, seed) in [(true, 1), (false, 2)] as [(Bool, UInt64)] {
            var random = Random(seed: seed)
            var session = Session(limits: SessionLimits(), allowsCommands: false)
            var now = at(0)
            session.start(at: now)
            var longest: [Duration] = []
            for attempt in 0..<40 {
                now = max(now, session.deadline)
                #expect(session.step(at: now, &random) == .connect)
                now = now + .milliseconds(20)
                _ = session.ended(.unreachable("test"), at: now, &random)
                let delay = session.deadline - now
                #expect(delay >= .zero && delay <= .seconds(min(300, 1 << min(attempt, 20))), "seed \(seed)")
                longest.append(delay)
            }
            #expect(longest.max()! > .seconds(200), "seed \(seed): the cap is reached")
            now = session.deadline
            #expect(session.step(at: now, &random) == .connect)
            _ = session.connected(receiveMaximum: 1, maximumPacketBytes: nil, at: now)
            now = now + (lasted ? .seconds(60) : .seconds(59))
            var next: [Duration] = []
            for _ in 0..<200 {
                var copy = session
                var draw = random
                _ = copy.ended(.lost("test"), at: now, &draw)
                _ = random.next()
                next.append(copy.deadline - now)
            }
            #expect(next.max()! <= .seconds(lasted ? 1 : 300))
            #expect(next.max()! > .seconds(lasted ? 0.5 : 100))
        }
    }

    @Test("No order of events connects twice at once, waits too long, or exceeds a bound", arguments: 1...60)
    func random(seed: UInt64) {
        var random = Random(seed: seed)
        var jitter = Random(seed: seed &* 77)
        var limits = SessionLimits()
        limits.window = 1 + Int(random.below(8))
        var session = Session(limits: limits, allowsCommands: random.chance(1, in: 2))
        var now = at(0)
        session.start(at: now)
        var attempts = 0  // open: connects without an end
        var outstanding: [MessageID: Delivery] = [:]
        var nextID: UInt16 = 0
        var delivered: Set<UInt64> = []
        var seq: UInt64 = 0
        for _ in 0..<2_000 {
            switch random.below(8) {
            case 0: now = now + .nanoseconds(Int64(random.below(400_000_000_000)))
            case 1, 2:
                switch session.step(at: now, &jitter) {
                case .none: break
                case .connect:
                    attempts += 1
                    #expect(attempts == 1, "seed \(seed): a second connect without an end")
                case .abandon:
                    attempts -= 1
                    outstanding = [:]
                }
            case 3:
                let wasConnecting = session.phase == .connecting
                let maximum = UInt16(random.below(20))
                let greeting = session.connected(receiveMaximum: maximum, maximumPacketBytes: nil, at: now)
                #expect((greeting != nil) == wasConnecting, "seed \(seed)")
            case 4 where random.chance(1, in: 3):
                let faults: [BrokerFault] = [.lost("x"), .unreachable("y"), .refused(reason: 0x88)]
                let wasAlive = session.phase == .connecting || session.phase == .online
                _ = session.ended(faults[Int(random.below(3))], at: now, &jitter)
                if wasAlive {
                    attempts -= 1
                    outstanding = [:]
                    #expect(session.phase == .waiting && session.deadline - now <= .seconds(300), "seed \(seed)")
                }
            case 5, 6:
                while session.mayPublish(.readings, bytes: 50, at: now) {
                    nextID &+= 1
                    seq += 1
                    session.sent(id(nextID), delivery(.readings, seq, bytes: 50))
                    outstanding[id(nextID)] = delivery(.readings, seq, bytes: 50)
                }
            default:
                let known = outstanding.keys.min { $0.rawValue < $1.rawValue } ?? id(60_000)
                let target = random.chance(1, in: 5) ? id(UInt16(50_000 + random.below(1_000))) : known
                let reason: UInt8 = random.chance(1, in: 4) ? 0x87 : random.chance(1, in: 4) ? 0x10 : 0
                switch session.acknowledged(target, reason: reason, at: now, &jitter) {
                case .unknown: #expect(outstanding[target] == nil, "seed \(seed)")
                case .refused(let delivery, _):
                    #expect(reason >= 0x80 && outstanding.removeValue(forKey: target) == delivery, "seed \(seed)")
                case .acknowledged(let delivery, _):
                    #expect(reason < 0x80 && outstanding.removeValue(forKey: target) == delivery, "seed \(seed)")
                    #expect(delivered.insert(delivery.firstSeq).inserted, "seed \(seed): acknowledged twice")
                }
            }
            #expect((session.phase == .connecting || session.phase == .online) == (attempts == 1), "seed \(seed)")
            #expect(session.inFlight.count == outstanding.count && outstanding.count <= limits.window, "seed \(seed)")
            #expect(session.phase == .online || session.deadline != .distantFuture, "seed \(seed): stuck")
        }
    }
}
