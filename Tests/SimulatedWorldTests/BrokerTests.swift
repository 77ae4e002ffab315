// What the simulated broker promises, whatever goes wrong between it and the client.

import SimulatedWorld
import Testing
import World

struct SimulatedBrokerTests {
    private let clock = SimulatedClock(seed: 1)

    private func parameters(version: MQTTVersion = .v5, keepAlive: UInt16 = 60) -> SessionParameters {
        SessionParameters(
            address: BrokerAddress(host: "broker", port: 1883), tls: nil, version: version, clientID: "node",
            username: nil, password: nil, keepAliveSeconds: keepAlive,
            will: BrokerMessage(topic: "status", payload: [0], isRetained: true))
    }

    /// Everything that the client is told until `limit` of virtual time has gone by.
    private func events(
        _ broker: SimulatedBroker, _ client: inout SimulatedBroker.Client, within limit: Duration
    ) -> [BrokerEvent] {
        var events: [BrokerEvent] = []
        let end = clock.elapsed + limit
        while true {
            while let event = client.nextEvent() { events.append(event) }
            guard let due = broker.nextDeadline, due <= end else { break }
            clock.advance(to: due)
        }
        clock.advance(to: end)
        while let event = client.nextEvent() { events.append(event) }
        return events
    }

    private func publish(
        _ bytes: [UInt8], to topic: String = "readings", retained: Bool = false, _ client: inout SimulatedBroker.Client
    ) throws(BrokerFault) -> MessageID {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { memory.deallocate() }
        memory.copyBytes(from: bytes)
        return try client.publish(
            topic: topic, payload: UnsafeRawBufferPointer(memory), qualityOfService: 1, retained: retained)
    }

    private func connected(
        _ broker: SimulatedBroker, version: MQTTVersion = .v5, keepAlive: UInt16 = 60
    ) -> SimulatedBroker.Client {
        var client = broker.client()
        client.connect(parameters(version: version, keepAlive: keepAlive))
        let told = events(broker, &client, within: .seconds(1))
        guard told.count == 1, case .connected = told[0] else {
            Issue.record("not connected: \(told)")
            return client
        }
        return client
    }

    private func acknowledgements(_ events: [BrokerEvent]) -> [UInt8] {
        events.compactMap { if case .acknowledged(_, let reason) = $0 { reason } else { nil } }
    }

    private func endings(_ events: [BrokerEvent]) -> [BrokerFault] {
        events.compactMap { if case .ended(let fault) = $0 { fault } else { nil } }
    }

    /// The two-byte numbers that the broker has received, wills aside.
    private func numbers(_ broker: SimulatedBroker) -> Set<UInt16> {
        Set(broker.received.filter { !$0.isWill }.map { UInt16($0.payload[0]) << 8 | UInt16($0.payload[1]) })
    }

    @Test("Messages arrive in the order of publishing and are acknowledged in that order")
    func inOrder() throws {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        var client = connected(broker)
        var ids: [MessageID] = []
        for number in 0..<20 as Range<UInt8> { ids.append(try publish([number], &client)) }
        let told = events(broker, &client, within: .seconds(2))
        #expect(broker.received.map(\.payload) == (0..<20).map { [$0] })
        let acknowledged = told.compactMap { if case .acknowledged(let id, 0) = $0 { id } else { nil } }
        #expect(acknowledged == ids && told.count == 20)
        #expect(broker.received.allSatisfy { $0.session == 1 && $0.reachedSubscriber && !$0.isWill })
    }

    @Test("Before the connection, and beyond the broker's receive maximum, nothing is taken")
    func window() throws {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        var client = broker.client()
        var faults: [BrokerFault] = []
        do throws(BrokerFault) { _ = try publish([1], &client) } catch { faults.append(error) }
        client.connect(parameters())
        do throws(BrokerFault) { _ = try publish([1], &client) } catch { faults.append(error) }
        _ = events(broker, &client, within: .seconds(1))
        for _ in 0..<20 { _ = try publish([1], &client) }
        do throws(BrokerFault) { _ = try publish([1], &client) } catch { faults.append(error) }
        #expect(faults == [.notNow, .notNow, .notNow])
        _ = events(broker, &client, within: .seconds(1))
        _ = try publish([1], &client)
    }

    @Test("Under any faults no acknowledgement without receipt; what is in flight at a loss is received or not")
    func noAcknowledgementWithoutReceipt() throws {
        var (receivedUnacknowledged, neverReceived) = (0, 0)
        for seed in 0..<300 as Range<UInt64> {
            let broker = SimulatedBroker(clock: clock, seed: seed)
            var random = Random(seed: seed, purpose: "test")
            var client = broker.client()
            var isConnected = false
            var inFlight: [MessageID: UInt16] = [:]
            var acknowledged: Set<UInt16> = []
            var number: UInt16 = 0
            client.connect(parameters(keepAlive: 5))
            for _ in 0..<200 {
                switch random.below(40) {
                case 0: broker.loseConnection()
                case 1: broker.goAway(.unreachable)
                case 2: broker.comeBack()
                case 3: broker.loseNextAcknowledgement()
                case 4: broker.isQuotaExceeded.toggle()
                case 5: broker.takeOver()
                case 6: broker.delayNextAcknowledgement(by: .seconds(2))
                case 7: broker.hasSubscribers.toggle()
                default: break
                }
                if isConnected && random.chance(1, in: 2) {
                    do throws(BrokerFault) {
                        let bytes = [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)]
                        inFlight[try publish(bytes, &client)] = number
                        number += 1
                    } catch { #expect(error == .notNow, "seed \(seed)") }
                }
                let received = numbers(broker)
                clock.advance(by: .milliseconds(Int64(random.below(200))))
                while let event = client.nextEvent() {
                    switch event {
                    case .connected: isConnected = true
                    case .acknowledged(let id, let reason):
                        #expect(isConnected, "seed \(seed): an acknowledgement without a session")
                        guard let message = inFlight.removeValue(forKey: id) else {
                            Issue.record("seed \(seed): acknowledged twice, or never published")
                            continue
                        }
                        if reason < 0x80 { acknowledged.insert(message) } else { #expect(reason == 0x97) }
                    case .ended:
                        isConnected = false
                        let now = numbers(broker)
                        receivedUnacknowledged += inFlight.values.filter(now.contains).count
                        neverReceived += inFlight.values.filter { !now.contains($0) }.count
                        inFlight = [:]
                        client.connect(parameters(keepAlive: 5))
                    case .received: Issue.record("seed \(seed): nothing is subscribed")
                    }
                }
                let afterwards = numbers(broker)
                #expect(received.isSubset(of: afterwards) && acknowledged.isSubset(of: afterwards), "seed \(seed)")
            }
            let times = broker.received.map(\.at)
            #expect(times == times.sorted(), "seed \(seed)")
        }
        #expect(receivedUnacknowledged > 50 && neverReceived > 50)
    }

    @Test("A lost acknowledgement: received, never acknowledged, and the session ends with the keep-alive")
    func lostAcknowledgement() throws {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        var client = connected(broker, keepAlive: 60)
        broker.loseNextAcknowledgement()
        _ = try publish([1], &client)
        var told = events(broker, &client, within: .seconds(59))
        _ = try publish([2], &client)
        #expect(told.isEmpty && broker.received.count == 1)
        told = events(broker, &client, within: .seconds(2))
        #expect(endings(told) == [.lost("nothing heard for a whole keep-alive")] && told.count == 1)
        #expect(broker.received.map(\.payload) == [[1], [2], [0]], "still heard, then the will")
        told = events(broker, &client, within: .seconds(100))
        #expect(told.isEmpty)
    }

    @Test("A swallowed acknowledgement leaves the session healthy")
    func swallowed() throws {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        var client = connected(broker)
        broker.swallowAcknowledgements(1)
        _ = try publish([1], &client)
        let second = try publish([2], &client)
        let told = events(broker, &client, within: .seconds(300))
        #expect(told.count == 1 && broker.received.count == 2)
        if case .acknowledged(let id, 0) = told[0] { #expect(id == second) }
    }

    @Test("A late acknowledgement comes late, and so do those behind it")
    func late() throws {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        var client = connected(broker)
        broker.delayNextAcknowledgement(by: .seconds(10))
        _ = try publish([1], &client)
        _ = try publish([2], &client)
        var told = events(broker, &client, within: .seconds(10))
        #expect(told.isEmpty && broker.received.count == 2)
        told = events(broker, &client, within: .seconds(1))
        #expect(acknowledgements(told) == [0, 0])
    }

    @Test("Quota exceeded is 0x97 and not kept, 3.1.1 closes; nobody subscribed is 0x10, untold in 3.1.1")
    func reasons() throws {
        for version in [MQTTVersion.v5, .v3_1_1] {
            let broker = SimulatedBroker(clock: clock, seed: 1)
            var client = connected(broker, version: version)
            broker.hasSubscribers = false
            _ = try publish([1], &client)
            var told = events(broker, &client, within: .seconds(1))
            #expect(acknowledgements(told) == (version == .v5 ? [0x10] : [0]))
            #expect(broker.received.map(\.reachedSubscriber) == [false])
            broker.isQuotaExceeded = true
            _ = try publish([2], &client)
            told = events(broker, &client, within: .seconds(1))
            #expect(acknowledgements(told) == (version == .v5 ? [0x97] : []))
            #expect(endings(told).count == (version == .v5 ? 0 : 1))
            #expect(!broker.received.contains { $0.payload == [2] })
        }
    }

    @Test("A topic that the node may not publish to is refused with 0x87, and no other topic is")
    func refusedTopic() throws {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        var client = connected(broker)
        broker.refusedTopics = ["history"]
        _ = try publish([1], to: "a/history", &client)
        _ = try publish([2], to: "a/readings", &client)
        #expect(acknowledgements(events(broker, &client, within: .seconds(1))) == [0x87, 0])
        #expect(broker.received.map(\.payload) == [[2]])
        broker.calm()
        _ = try publish([3], to: "a/history", &client)
        #expect(acknowledgements(events(broker, &client, within: .seconds(1))) == [0])
    }

    @Test("Away: the session ends, the will is published, every way of being away is told as itself, and it comes back")
    func away() {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        var client = connected(broker)
        let expected: [(SimulatedBroker.Absence, BrokerFault)] = [
            (.unreachable, .unreachable("connection refused")), (.silent, .unreachable("connection timed out")),
            (.nameNotResolved, .nameNotResolved("broker")), (.refusing(reason: 0x87), .refused(reason: 0x87)),
        ]
        broker.goAway(.unreachable)
        let lost = events(broker, &client, within: .seconds(1))
        #expect(endings(lost) == [.lost("connection reset by peer")])
        #expect(broker.received.map(\.isWill) == [true] && broker.retained["status"]?.payload == [0])
        for (absence, fault) in expected {
            broker.goAway(absence)
            client.connect(parameters())
            let told = events(broker, &client, within: .seconds(40))
            #expect(endings(told) == [fault] && told.count == 1)
        }
        broker.comeBack()
        client.connect(parameters())
        let told = events(broker, &client, within: .seconds(1))
        #expect(endings(told).isEmpty && told.count == 1 && broker.sessions == 2)
    }

    @Test("An orderly end delivers what was handed over, drops the will, and is not told")
    func orderly() throws {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        var client = connected(broker)
        _ = try publish([9], to: "status", retained: true, &client)
        client.disconnect()
        let told = events(broker, &client, within: .seconds(200))
        #expect(told.isEmpty && broker.received.map(\.payload) == [[9]])
        #expect(broker.retained["status"]?.payload == [9])
    }

    @Test("After a crash the will is published at once; after a power cut late, or when the node is back")
    func wills() {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        _ = connected(broker)
        broker.crashProcess()
        #expect(broker.received.map(\.isWill) == [true])
        _ = connected(broker)
        broker.powerCut()
        clock.powerCut(off: .seconds(10))
        #expect(broker.nextDeadline == clock.elapsed + .seconds(80))
        clock.advance(by: .seconds(79))
        #expect(broker.nextDeadline != nil && broker.received.count == 1)
        clock.advance(by: .seconds(1))
        #expect(broker.nextDeadline == nil && broker.received.count == 2)
        _ = connected(broker)
        broker.powerCut()
        clock.powerCut(off: .seconds(10))
        _ = connected(broker)
        #expect(broker.received.count == 3 && broker.received.allSatisfy { $0.isWill })
    }

    @Test("The end of a session ends everything of it: an acknowledgement on its way is never told")
    func endEndsEverything() throws {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        var client = connected(broker)
        broker.delayNextAcknowledgement(by: .seconds(10))
        _ = try publish([1], &client)
        var told = events(broker, &client, within: .seconds(1))
        #expect(told.isEmpty && broker.received.count == 1)
        broker.loseConnection()
        told = events(broker, &client, within: .seconds(1))
        #expect(endings(told).count == 1 && told.count == 1)
        told = events(broker, &client, within: .seconds(20))
        #expect(told.isEmpty)
    }

    @Test("A new connection ends the one before: none of its acknowledgements arrives in the new one")
    func newConnection() throws {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        var client = connected(broker)
        _ = try publish([1], &client)
        client.connect(parameters())
        let told = events(broker, &client, within: .seconds(100))
        #expect(acknowledgements(told).isEmpty && told.count == 1 && broker.sessions == 2)
    }

    @Test("What the platform sends reaches a subscribed node; a retained message is marked as such")
    func commands() throws {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        var client = connected(broker)
        broker.send(topic: "cmd/stale", payload: [1], retained: true)
        try client.subscribe("cmd/+")
        broker.send(topic: "cmd/committed", payload: [2])
        broker.send(topic: "other/committed", payload: [3])
        let told = events(broker, &client, within: .seconds(1))
        let messages = told.compactMap { if case .received(let message) = $0 { message } else { nil } }
        #expect(messages.map(\.payload) == [[1], [2]] && messages.map(\.isRetained) == [true, false])
    }

    @Test("A message larger than the broker allows is refused before it is sent")
    func tooLarge() {
        var profile = SimulatedBroker.Profile()
        profile.maximumPacketBytes = 100
        let broker = SimulatedBroker(clock: clock, seed: 1, profile: profile)
        var client = connected(broker)
        var seen: BrokerFault?
        do throws(BrokerFault) { _ = try publish(Array(repeating: 0, count: 100), &client) } catch { seen = error }
        #expect(seen == .tooLarge)
    }

    @Test("The keep-alive deadline moves on each time it is served, and is never without a session")
    func deadline() {
        let broker = SimulatedBroker(clock: clock, seed: 1)
        var client = connected(broker)
        for _ in 0..<3 {
            let deadline = client.deadline()
            #expect(deadline > clock.now() && deadline - clock.now() <= .seconds(60))
            clock.advance(to: clock.virtualTime(of: deadline))
            let event = client.nextEvent()
            #expect(event == nil)
        }
        client.disconnect()
        #expect(client.deadline() == .distantFuture)
    }
}
