// A subscriber of our own: what arrives at the platform, seen from the platform's side. Its session is kept by the
// broker, so that nothing is missed while the broker or the line is away.

import LinuxWorld
import Synchronization
import World

/// Runs on a thread of its own and hands each message to `receive` there.
final class Subscriber: Sendable {
    private let stopRequested = Atomic<Bool>(false)
    private let hasStopped = Atomic<Bool>(false)
    private let isSubscribed = Atomic<Bool>(false)
    private let received = Atomic<UInt64>(0)
    private let waker: Waker

    private struct State: ~Copyable {
        var broker: MosquittoBroker
        var loop: EventLoop
    }

    init(
        to address: BrokerAddress, clientID: String, filter: String,
        _ receive: @escaping @Sendable (BrokerMessage) -> Void
    ) throws(SystemError) {
        let broker = try MosquittoBroker(incomingPacketLimit: 16 << 20)
        var loop = try EventLoop()
        try loop.watch(broker.descriptor)
        waker = loop.waker
        let parameters = SessionParameters(
            address: address, tls: nil, version: .v5, clientID: clientID, username: nil, password: nil,
            keepAliveSeconds: 10, will: nil, isKept: true)
        let state = State(broker: broker, loop: loop)
        _ = try Thread.start(named: "Subscriber", with: state) { [self] (state: consuming State) in
            var state = state
            run(&state, parameters, filter, receive)
            hasStopped.store(true, ordering: .releasing)
        }
    }

    var messages: UInt64 { received.load(ordering: .acquiring) }
    /// The broker has been asked for the topics; it keeps what comes from now on.
    var isReady: Bool { isSubscribed.load(ordering: .acquiring) }
    var isStopped: Bool { hasStopped.load(ordering: .acquiring) }

    func stop() {
        stopRequested.store(true, ordering: .releasing)
        waker.ring()
    }

    private func run(
        _ state: inout State, _ parameters: SessionParameters, _ filter: String,
        _ receive: @Sendable (BrokerMessage) -> Void
    ) {
        let clock = LinuxClock()
        var connectAt: Boottime? = clock.now()
        while !stopRequested.load(ordering: .acquiring) {
            if let at = connectAt, clock.now() >= at {
                connectAt = nil
                state.broker.connect(parameters)
            }
            while let happening = state.broker.nextEvent() {
                switch happening {
                case .connected:
                    if (try? state.broker.subscribe(filter)) != nil { isSubscribed.store(true, ordering: .releasing) }
                case .ended: connectAt = clock.now() + .milliseconds(200)
                case .acknowledged: break
                case .received(let message):
                    receive(message)
                    received.wrappingAdd(1, ordering: .releasing)
                }
            }
            state.loop.follow(state.broker.watch)
            state.loop.wait(until: min(connectAt ?? .distantFuture, state.broker.deadline()))
        }
        state.broker.disconnect()
        let end = clock.now() + .milliseconds(200)
        while clock.now() < end, state.broker.watch != nil {
            _ = state.broker.nextEvent()
            state.loop.follow(state.broker.watch)
            state.loop.wait(until: end)
        }
    }
}
