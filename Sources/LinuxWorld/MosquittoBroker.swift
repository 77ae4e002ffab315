// The broker seam over libmosquitto, whose loop the owner drives itself: callbacks arrive on the owner's thread, inside
// `nextEvent`, and nothing here ever waits. One handle per session (see MosquittoSession): the library never
// reconnects, for it would send again by itself what only the outbox may send again.
//
// The owner's event loop watches `descriptor` (a dial has answered) for good, and follows `watch` (the session's
// socket) anew before each wait; `deadline` is when keep-alive wants to be looked after. SIGPIPE must be ignored: see
// Signals.

import CMosquitto
import Glibc
import World

public struct MosquittoBroker: Broker, ~Copyable {
    private enum Phase {
        case idle
        case dialing(Dial)
        /// TCP stands; TLS and CONNACK are awaited.
        case opening
        case open
        /// DISCONNECT waits to be written out. Nothing is told of it any more.
        case closing
    }

    private let clock = LinuxClock()
    private let dialer: Dialer
    /// Readable when a dial has answered. Stays the same.
    public let descriptor: Int32
    private let incomingPacketLimit: UInt32
    private var phase = Phase.idle
    private var session: MosquittoSession?
    private var generation: UInt32 = 0
    private var receiveMaximum: UInt16 = 0
    private var maximumPacketBytes: UInt32?
    private var keepAliveSeconds: UInt16 = 0
    private var nextCare = Boottime.distantFuture
    /// Not yet taken by `nextEvent`: from `taken` on.
    private var events: [BrokerEvent] = []
    private var taken = 0

    /// `incomingPacketLimit`: the largest packet that a broker of MQTT 5 may send us.
    public init(incomingPacketLimit: UInt32) throws(SystemError) {
        invariant(incomingPacketLimit > 0, "a limit of 0 is a protocol error (MQTT 5 section 3.1.2.11.4)")
        self.init(dialer: try Dialer(), incomingPacketLimit: incomingPacketLimit)
    }

    // Apart, because Swift 6.0 fails at an initialiser that both throws and fills in a type that cannot be copied.
    private init(dialer: Dialer, incomingPacketLimit: UInt32) {
        self.dialer = dialer
        descriptor = dialer.bell.descriptor
        self.incomingPacketLimit = incomingPacketLimit
    }

    /// The session's socket, when there is one.
    public var watch: Watch? {
        switch phase {
        case .idle, .dialing: return nil
        case .opening, .open, .closing:
            guard let handle = session?.handle else { return nil }
            let socket = mosquitto_socket(handle)
            guard socket >= 0 else { return nil }
            return Watch(descriptor: socket, wantsWrite: mosquitto_want_write(handle), generation: generation)
        }
    }

    // MARK: Broker

    public mutating func connect(_ parameters: SessionParameters) {
        // What an earlier session told is void: its message ids would be taken for the new one's.
        events.removeAll(keepingCapacity: true)
        taken = 0
        drop()
        do throws(BrokerFault) {
            let made = try MosquittoSession(parameters, incomingPacketLimit: incomingPacketLimit)
            phase = .dialing(try dialer.begin(made))
            session = made
        } catch { events.append(.ended(error)) }
    }

    public mutating func publish(
        topic: String, payload: UnsafeRawBufferPointer, qualityOfService: UInt8, retained: Bool
    ) throws(BrokerFault) -> MessageID {
        invariant(qualityOfService <= 1, "QoS 2 is not used: the identity of a batch makes QoS 1 exact")
        guard case .open = phase, let session else { throw .notNow }
        if let limit = maximumPacketBytes {
            let bytes = Self.packetBytes(topic, payload.count, qualityOfService, session.parameters.version)
            if bytes > UInt64(limit) { throw .tooLarge }
        }
        // QoS 0 has no window: what the socket has not taken yet is its bound.
        let isFull =
            qualityOfService == 0
            ? mosquitto_want_write(session.handle) : session.inFlight.count >= Int(receiveMaximum)
        if isFull { throw .notNow }
        var id: Int32 = 0
        var cause: Int32 = 0
        let result = cmosquitto_publish(
            session.handle, &id, topic, Int32(clamping: payload.count), payload.baseAddress, Int32(qualityOfService),
            retained, &cause)
        switch mosq_err_t(result) {
        case MOSQ_ERR_SUCCESS:
            let message = MessageID(rawValue: UInt16(truncatingIfNeeded: id))
            if qualityOfService == 1 { session.inFlight.insert(message.rawValue) }
            return message
        case MOSQ_ERR_OVERSIZE_PACKET, MOSQ_ERR_PAYLOAD_SIZE: throw .tooLarge
        case MOSQ_ERR_NOMEM: throw .notNow
        // MQTT 5 section 3.2.2.3.4: the broker takes no QoS 1 at all.
        case MOSQ_ERR_QOS_NOT_SUPPORTED: throw .refused(reason: 0x9B)
        case MOSQ_ERR_INVAL, MOSQ_ERR_MALFORMED_UTF8: invariantFailed("\"\(topic)\" is no topic to publish on")
        default:
            end(.ending(result, cause: cause))
            throw .notNow
        }
    }

    public mutating func subscribe(_ topic: String) throws(BrokerFault) {
        guard case .open = phase, let session else { throw .notNow }
        var cause: Int32 = 0
        let result = cmosquitto_subscribe(session.handle, topic, 1, &cause)
        switch mosq_err_t(result) {
        case MOSQ_ERR_SUCCESS: return
        case MOSQ_ERR_INVAL, MOSQ_ERR_MALFORMED_UTF8: invariantFailed("\"\(topic)\" is no topic to subscribe to")
        case MOSQ_ERR_NOMEM: throw .notNow
        default:
            end(.ending(result, cause: cause))
            throw .notNow
        }
    }

    public mutating func disconnect() {
        switch phase {
        case .idle, .closing: return
        case .dialing: drop()
        case .opening, .open:
            guard let handle = session?.handle else { return }
            // Written out at once when the socket takes it; then the library has closed the socket already.
            if mosquitto_disconnect_v5(handle, 0, nil) == MOSQ_ERR_SUCCESS.rawValue, mosquitto_socket(handle) >= 0,
                case .open = phase
            {
                phase = .closing
            } else {
                drop()
            }
        }
    }

    public mutating func nextEvent() -> BrokerEvent? {
        if taken == events.count {
            events.removeAll(keepingCapacity: true)
            taken = 0
            advance()
        }
        guard taken < events.count else { return nil }
        defer { taken += 1 }
        return events[taken]
    }

    public func deadline() -> Boottime {
        // What `publish` found out is told by `nextEvent`, whether or not a descriptor stirs.
        taken < events.count ? clock.now() : nextCare
    }

    // MARK: moving on

    private mutating func advance() {
        switch phase {
        case .idle: return
        case .dialing(let dial):
            dialer.bell.hear()
            guard let answer = dial.taken(), let session else { return }
            guard answer.result == MOSQ_ERR_SUCCESS.rawValue else {
                return end(.dialing(answer.result, cause: answer.cause, session: session))
            }
            phase = .opening
            generation &+= 1
            keepAliveSeconds = session.parameters.keepAliveSeconds
            scheduleCare()
            // The library opens its sockets without it.
            _ = fcntl(mosquitto_socket(session.handle), F_SETFD, FD_CLOEXEC)
            drive(session)
        case .opening, .open, .closing:
            if let session { drive(session) }
        }
    }

    private mutating func drive(_ session: MosquittoSession) {
        let handle = session.handle
        var socket = pollfd(fd: mosquitto_socket(handle), events: Int16(POLLIN), revents: 0)
        guard socket.fd >= 0 else { return settle(session, MOSQ_ERR_CONN_LOST.rawValue, 0, hungUp: true) }
        if mosquitto_want_write(handle) { socket.events |= Int16(POLLOUT) }
        _ = uninterrupted { poll(&socket, 1, 0) }
        var isOpening = false
        if case .opening = phase { isOpening = true }

        var cause: Int32 = 0
        var result = MOSQ_ERR_SUCCESS.rawValue
        // A TLS handshake goes on inside loop_read, also when it is writing that it waits for (lib/loop.c).
        if socket.revents != 0 && (isOpening || socket.revents != Int16(POLLOUT)) {
            result = cmosquitto_loop_read(handle, &cause)
        }
        if result == MOSQ_ERR_SUCCESS.rawValue, mosquitto_socket(handle) >= 0, mosquitto_want_write(handle) {
            result = cmosquitto_loop_write(handle, &cause)
        }
        if result == MOSQ_ERR_SUCCESS.rawValue, clock.now() >= nextCare {
            result = mosquitto_loop_misc(handle)
            scheduleCare()
        }
        settle(session, result, cause, hungUp: socket.revents & Int16(POLLHUP | POLLERR) != 0)
    }

    /// Tells what the calls above have brought.
    private mutating func settle(_ session: MosquittoSession, _ result: Int32, _ cause: Int32, hungUp: Bool) {
        if case .closing = phase {
            if result != MOSQ_ERR_SUCCESS.rawValue || session.disconnectReason != nil { drop() }
            return
        }
        if case .opening = phase, let connack = session.connack, connack.reason == 0 {
            phase = .open
            receiveMaximum = connack.receiveMaximum
            maximumPacketBytes = connack.maximumPacketBytes
            if let told = connack.keepAliveSeconds { keepAliveSeconds = told }
            scheduleCare()
            session.stopListeningToComplaints()
            events.append(
                .connected(receiveMaximum: connack.receiveMaximum, maximumPacketBytes: connack.maximumPacketBytes))
        }
        events.append(contentsOf: session.takeHappened())
        if case .opening = phase {
            if result != MOSQ_ERR_SUCCESS.rawValue || session.disconnectReason != nil {
                end(.opening(result, cause: cause, session: session))
            } else if hungUp {
                // libmosquitto 2.0 takes a connection reset during the TLS handshake for "not yet"
                // (net__socket_connect_tls), and the socket would stay readable for ever.
                end(.opening(MOSQ_ERR_CONN_LOST.rawValue, cause: 0, session: session))
            }
        } else if let reason = session.disconnectReason, reason >= 0x80 || result == MOSQ_ERR_SUCCESS.rawValue {
            end(.disconnected(reason: reason))
        } else if result != MOSQ_ERR_SUCCESS.rawValue {
            end(.ending(result, cause: cause))
        }
    }

    /// Keep-alive is looked after four times in its period: the PINGREQ then goes out at 1.25 periods of silence at the
    /// latest, and brokers allow 1.5 (MQTT 5 section 3.1.2.10). The library has no way to ask when it is due.
    private mutating func scheduleCare() {
        let period = Duration.seconds(Int64(keepAliveSeconds)) / 4
        nextCare = keepAliveSeconds == 0 ? .distantFuture : clock.now() + max(period, .seconds(1))
    }

    private mutating func end(_ fault: BrokerFault) {
        drop()
        events.append(.ended(fault))
    }

    private mutating func drop() {
        phase = .idle
        session = nil
        nextCare = .distantFuture
    }

    /// The whole packet, as "maximum packet size" counts it (MQTT 5 section 3.1.2.11.4). The library's own check leaves
    /// out a few bytes, and a message between the two would stay in its queue for ever.
    private static func packetBytes(_ topic: String, _ payload: Int, _ quality: UInt8, _ version: MQTTVersion) -> UInt64
    {
        let properties = version == .v5 ? 1 : 0
        let remaining = UInt64(2 + topic.utf8.count + (quality > 0 ? 2 : 0) + properties + payload)
        let lengthBytes: UInt64 = remaining < 128 ? 1 : remaining < 16_384 ? 2 : remaining < 2_097_152 ? 3 : 4
        return 1 + lengthBytes + remaining
    }
}
