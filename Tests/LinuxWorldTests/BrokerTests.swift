// The broker seam against a real mosquitto on loopback.

import Testing
import World

@testable import LinuxWorld

@Suite("A broker session", .serialized)
struct BrokerTests {
    @Test("publishes, is acknowledged, and receives what it subscribed to", arguments: [MQTTVersion.v5, .v3_1_1])
    func roundTrip(_ version: MQTTVersion) throws {
        let server = try TestBroker(["allow_anonymous true"])
        var client = try Client()
        try client.open(server.parameters("node", version: version))
        try client.broker.subscribe("city/#")
        let id = try client.publish("city/readings", "hello")
        var received: BrokerMessage?
        var reason: UInt8?
        while received == nil || reason == nil {
            switch client.next() {
            case .received(let message): received = message
            case .acknowledged(id, let code): reason = code
            case let event: throw Unexpected("unexpected \(String(describing: event))")
            }
        }
        #expect(reason == 0)
        #expect(received == BrokerMessage(topic: "city/readings", payload: Array("hello".utf8), isRetained: false))
    }

    @Test("tells with MQTT 5 that nobody subscribes")
    func nobodySubscribes() throws {
        let server = try TestBroker(["allow_anonymous true"])
        var client = try Client()
        try client.open(server.parameters("node"))
        let id = try client.publish("city/readings", "hello")
        guard case .acknowledged(id, reason: 0x10) = client.next() else {
            throw Unexpected("no acknowledgement with reason 0x10")
        }
    }

    @Test("marks a retained message as retained, also an empty QoS 0 one in between")
    func retained() throws {
        let server = try TestBroker(["allow_anonymous true"])
        var writer = try Client()
        try writer.open(server.parameters("writer"))
        _ = try writer.publish("city/other", "", quality: 0)
        let id = try writer.publish("city/status", "online", retained: true)
        guard case .acknowledged(id, _) = writer.next() else { throw Unexpected("not acknowledged") }
        var reader = try Client()
        try reader.open(server.parameters("reader"))
        try reader.broker.subscribe("city/status")
        guard case .received(let message) = reader.next() else { throw Unexpected("nothing received") }
        #expect(message == BrokerMessage(topic: "city/status", payload: Array("online".utf8), isRetained: true))
    }

    @Test("leaves its will when it is cut off, and none after an orderly end")
    func will() throws {
        let server = try TestBroker(["allow_anonymous true"])
        var reader = try Client()
        try reader.open(server.parameters("reader"))
        try reader.broker.subscribe("city/#")
        func cutOff() throws {
            var node = try Client()
            let will = BrokerMessage(topic: "city/status", payload: Array("cut off".utf8), isRetained: false)
            try node.open(server.parameters("node", will: will))
        }
        try cutOff()
        guard case .received(let message) = reader.next() else { throw Unexpected("no will") }
        #expect(message.payload == Array("cut off".utf8))

        var node = try Client()
        let will = BrokerMessage(topic: "city/status", payload: Array("not to be seen".utf8), isRetained: false)
        try node.open(server.parameters("node", will: will))
        node.broker.disconnect()
        #expect(node.broker.watch == nil)
        try node.open(server.parameters("node"))
        _ = try node.publish("city/after", "next")
        guard case .received(let after) = reader.next() else { throw Unexpected("nothing received") }
        #expect(after.topic == "city/after")
    }

    @Test("keeps to the broker's receive maximum and maximum packet size")
    func limits() throws {
        let server = try TestBroker(["allow_anonymous true", "max_inflight_messages 3", "max_packet_size 2000"])
        var client = try Client()
        client.broker.connect(server.parameters("node"))
        guard case .connected(receiveMaximum: 3, maximumPacketBytes: 2000) = client.next() else {
            throw Unexpected("not connected with the limits")
        }
        // 1 + 2 for type and length, 2 + 1 for the topic, 2 for the id, 1 for no properties, and the payload.
        let payload = [UInt8](repeating: 7, count: 2_000 - 9)
        let first = try client.publish("t", payload)
        #expect(throws: BrokerFault.tooLarge) { _ = try client.publish("t", payload + [7]) }
        _ = try client.publish("t", "2")
        _ = try client.publish("t", "3")
        #expect(throws: BrokerFault.notNow) { _ = try client.publish("t", "4") }
        guard case .acknowledged(first, _) = client.next() else { throw Unexpected("the largest was not taken") }
        _ = try client.publish("t", "4")
    }

    @Test("takes nothing before it stands: offer again later")
    func notBeforeConnected() throws {
        let server = try TestBroker(["allow_anonymous true"])
        var client = try Client()
        #expect(throws: BrokerFault.notNow) { _ = try client.publish("t", "x") }
        #expect(throws: BrokerFault.notNow) { try client.broker.subscribe("t") }
        client.broker.connect(server.parameters("node"))
        #expect(throws: BrokerFault.notNow) { _ = try client.publish("t", "x") }
        guard case .connected = client.next() else { throw Unexpected("not connected") }
        _ = try client.publish("t", "x")
    }

    @Test("ends as lost when the broker is killed, and the next one begins anew")
    func killed() throws {
        var server = try TestBroker(["allow_anonymous true"])
        var client = try Client()
        try client.open(server.parameters("node"))
        server.kill()
        guard case .lost = client.end() else { throw Unexpected("not told as lost") }
        let after = client.broker.nextEvent()
        #expect(after.isNone && client.broker.watch == nil)
        let another = try TestBroker(["allow_anonymous true"])
        try client.open(another.parameters("node"))
    }

    @Test("is told why the broker disconnected it")
    func disconnected() throws {
        // CONNACK without properties, then DISCONNECT with reason 0x8B.
        let server = try CannedServer([0x20, 0x03, 0x00, 0x00, 0x00, 0xE0, 0x01, 0x8B])
        var client = try Client()
        try client.open(parameters("127.0.0.1", server.port))
        #expect(client.end() == .lost("the broker disconnected: Server shutting down"))
    }

    @Test("ends when the broker goes away in the middle of a packet")
    func torn() throws {
        let server = try CannedServer([0x20, 0x03, 0x00, 0x00, 0x00, 0x30, 0x7F, 0x00])
        var client = try Client()
        try client.open(parameters("127.0.0.1", server.port))
        #expect(client.end() == .lost("the broker closed the connection"))
    }

    @Test("lives on while idle, by its own deadline alone")
    func keepAlive() throws {
        let server = try TestBroker(["allow_anonymous true"])
        var client = try Client()
        try client.open(server.parameters("node", keepAlive: 5))
        let clock = LinuxClock()
        // Looked after well within the 1.5 periods after which a broker ends a silent session.
        #expect(client.broker.deadline() <= clock.now() + .seconds(2))
        client.broker.disconnect()
        #expect(client.broker.deadline() == .distantFuture)
    }

    @Test("moves to another thread whole")
    func moves() throws {
        let server = try TestBroker(["allow_anonymous true"])
        let parameters = server.parameters("node")
        let broker = try MosquittoBroker(incomingPacketLimit: 65_536)
        let thread = try Thread.start(named: "Courier", with: broker) { (broker: consuming MosquittoBroker) in
            var broker = broker
            broker.connect(parameters)
            broker.disconnect()
        }
        thread.join()
    }
}
