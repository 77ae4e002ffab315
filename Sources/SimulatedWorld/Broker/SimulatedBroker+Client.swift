// What a process holds of the simulated broker: the client library's end of the session.

public import World

extension SimulatedBroker {
    public struct Client: ~Copyable, Broker {
        private let broker: SimulatedBroker
        private let life: Int

        init(broker: SimulatedBroker, life: Int) {
            self.broker = broker
            self.life = life
        }

        private var alive: SimulatedBroker {
            // A local: Swift 6.0 cannot read a stored property of a class through a borrowed field.
            let broker = broker
            invariant(life == broker.life, "a process that is gone still uses its session")
            return broker
        }

        public mutating func connect(_ session: SessionParameters) { alive.connect(session) }

        public mutating func publish(
            topic: String, payload: UnsafeRawBufferPointer, qualityOfService: UInt8, retained: Bool
        ) throws(BrokerFault) -> MessageID {
            try alive.publish(
                BrokerMessage(
                    topic: topic, payload: Array(payload), isRetained: retained, qualityOfService: qualityOfService))
        }

        public mutating func subscribe(_ topic: String) throws(BrokerFault) { try alive.subscribe(topic) }
        public mutating func disconnect() { alive.disconnect() }
        public mutating func nextEvent() -> BrokerEvent? { alive.nextEvent() }
        public func deadline() -> Boottime { alive.clientDeadline }
    }

    private func connect(_ parameters: SessionParameters) {
        settle()
        // Closing the socket without DISCONNECT: the broker publishes the will.
        endSession(.lost("given up by the client"), at: clock.elapsed)
        let delay = absence == .silent ? .seconds(30) : random.duration(in: profile.connect)
        session = Session(parameters: parameters, answeredAt: clock.elapsed + delay)
    }

    private func publish(_ message: BrokerMessage) throws(BrokerFault) -> MessageID {
        settle()
        guard session != nil, session!.phase != .connecting else { throw .notNow }
        // Fixed header at its longest, topic length, packet identifier, an empty property list (MQTT 5 section 3.3).
        let packetBytes = 5 + 2 + message.topic.utf8.count + 2 + 1 + message.payload.count
        if let most = profile.maximumPacketBytes, packetBytes > Int(most) { throw .tooLarge }
        if message.qualityOfService > 0 && session!.unacknowledged.count >= Int(profile.receiveMaximum) {
            throw .notNow
        }
        let id = session!.nextID()
        if message.qualityOfService > 0 { session!.unacknowledged.insert(id) }
        // A connection that is gone, which the client has not been told yet, takes messages all the same.
        guard session!.phase == .connected else { return id }
        let arrives = clock.elapsed + random.duration(in: profile.network)
        session!.upstream.append(
            Session.Packet(id: id, message: message, arrives: max(arrives, session!.upstream.last?.arrives ?? arrives)))
        return id
    }

    private func subscribe(_ topic: String) throws(BrokerFault) {
        settle()
        guard session != nil, session!.phase != .connecting else { throw .notNow }
        guard session!.phase == .connected else { return }
        session!.subscriptions.append(topic)
        guard session!.diesAt == .distantFuture else { return }
        for name in retained.keys.sorted() where topicFilter(topic, matches: name) {
            let message = BrokerMessage(topic: name, payload: retained[name]!.payload, isRetained: true)
            session!.tell(.received(message), at: clock.elapsed + random.duration(in: profile.network))
        }
    }

    private func disconnect() {
        settle()
        if session?.phase == .connected {
            for packet in session!.upstream { receive(packet, at: clock.elapsed, isAnswered: false) }
            trace?.note("broker", "session \(session!.number) ends in order")
        }
        session = nil
    }

    private func nextEvent() -> BrokerEvent? {
        settle()
        guard let current = session else { return nil }
        // PINGREQ and its answer, when it is time for them.
        if current.phase == .connected && current.lastHeardFrom + current.keepAlive <= clock.elapsed {
            session!.lastHeardFrom = clock.elapsed
        }
        guard let (at, event) = current.events.first, at <= clock.elapsed else { return nil }
        session!.events.removeFirst()
        switch event {
        case .acknowledged(let id, _): session!.unacknowledged.remove(id)
        case .ended: session = nil
        case .connected, .received: break
        }
        return event
    }

    private var clientDeadline: Boottime {
        settle()
        guard let session else { return .distantFuture }
        switch session.phase {
        case .connecting: return clock.boottime(of: session.answeredAt)
        case .over: return clock.boottime(of: max(session.events.first?.at ?? clock.elapsed, clock.elapsed))
        case .connected: return clock.boottime(of: min(session.diesAt, session.lastHeardFrom + session.keepAlive))
        }
    }
}
