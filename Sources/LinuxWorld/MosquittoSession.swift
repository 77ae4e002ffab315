// One libmosquitto handle: one MQTT connection, from its making to its end, and never used for another. Callbacks only
// note down what happened; the owner reads the notes between two calls into the library.
//
// A handle belongs to one thread at a time: to the Dialer while it connects, to the broker's owner afterwards. Whoever
// lets go of it last destroys it, so that an abandoned dial needs nobody to wait for it.

import CMosquitto
import Glibc
import World

// @unchecked: the Dialer stops touching it before it posts its answer, under a lock, and the owner begins after it took
// the answer, under the same lock; destruction is by the last reference.
final class MosquittoSession: @unchecked Sendable {
    struct Connack {
        var reason: UInt8
        var receiveMaximum: UInt16 = .max
        var maximumPacketBytes: UInt32?
        var keepAliveSeconds: UInt16?
    }

    let handle: OpaquePointer
    let parameters: SessionParameters
    private let incomingPacketLimit: UInt32

    /// Noted by callbacks.
    fileprivate(set) var connack: Connack?
    fileprivate(set) var happened: [BrokerEvent] = []
    /// The reason of the peer's DISCONNECT, or the library's result code.
    fileprivate(set) var disconnectReason: Int32?
    /// What the library said of errors, until the session stands: OpenSSL's reasons are told in no other way.
    fileprivate(set) var complaints = ""
    /// Handed over at QoS 1 and not acknowledged. `on_publish` also tells of QoS 0 messages written out: they are not
    /// in here.
    var inFlight: Set<UInt16> = []

    private static let library: Void = {
        let result = mosquitto_lib_init()
        invariant(result == MOSQ_ERR_SUCCESS.rawValue, "libmosquitto can be initialised")
    }()

    init(_ parameters: SessionParameters, incomingPacketLimit: UInt32) throws(BrokerFault) {
        _ = Self.library
        // libmosquitto refuses 1 to 4 s (lib/connect.c: mosquitto__connect_init).
        invariant(
            parameters.keepAliveSeconds == 0 || parameters.keepAliveSeconds >= 5, "keep-alive is 0 or at least 5 s")
        invariant(!parameters.clientID.isEmpty, "a session has a client id")
        guard let handle = mosquitto_new(parameters.clientID, !parameters.isKept, nil) else {
            throw .unreachable(systemReason(errno))
        }
        self.handle = handle
        self.parameters = parameters
        self.incomingPacketLimit = incomingPacketLimit
        mosquitto_user_data_set(handle, Unmanaged.passUnretained(self).toOpaque())
        setCallbacks()
        try configure()
    }

    deinit { mosquitto_destroy(handle) }

    /// The blocking part: looks the name up and connects to the first of its addresses that answers. TLS and CONNECT
    /// are only begun here. On the Dialer's thread.
    func dial() -> (result: Int32, cause: Int32) {
        var properties: OpaquePointer?
        defer { mosquitto_property_free_all(&properties) }
        if parameters.version == .v5 {
            // MQTT 5 section 3.1.2.11.4: what is larger the broker does not send, instead of filling our memory with
            // it.
            mosquitto_property_add_int32(
                &properties, Int32(MQTT_PROP_MAXIMUM_PACKET_SIZE.rawValue), incomingPacketLimit)
            // Section 3.1.2.11.2: all ones: the session does not expire.
            if parameters.isKept {
                mosquitto_property_add_int32(&properties, Int32(MQTT_PROP_SESSION_EXPIRY_INTERVAL.rawValue), .max)
            }
        }
        var cause: Int32 = 0
        let result = cmosquitto_connect(
            handle, parameters.address.host, Int32(parameters.address.port), Int32(parameters.keepAliveSeconds),
            properties, &cause)
        return (result, cause)
    }

    func takeHappened() -> [BrokerEvent] {
        defer { happened.removeAll(keepingCapacity: true) }
        return happened
    }

    /// From now on the library's messages, one for every packet, are not even formatted.
    func stopListeningToComplaints() {
        mosquitto_log_callback_set(handle, nil)
        complaints = ""
    }

    // MARK: configuration

    private func configure() throws(BrokerFault) {
        set(MOSQ_OPT_PROTOCOL_VERSION, Int32(parameters.version.rawValue))
        // Each of our messages is whole: holding the last segment back until the one before is acknowledged (RFC 896)
        // would only add the peer's delayed-acknowledgement time.
        set(MOSQ_OPT_TCP_NODELAY, 1)
        // 0 is "no limit of the library's own": how much is in flight is for the broker (receive maximum) and our user
        // to say.
        set(MOSQ_OPT_SEND_MAXIMUM, 0)
        if parameters.username != nil || parameters.password != nil {
            check(mosquitto_username_pw_set(handle, parameters.username, parameters.password))
        }
        if let will = parameters.will {
            check(
                mosquitto_will_set_v5(
                    handle, will.topic, Int32(will.payload.count), will.payload, Int32(will.qualityOfService),
                    will.isRetained, nil))
        }
        if let tls = parameters.tls { try configure(tls) }
    }

    private func configure(_ tls: TLSFiles) throws(BrokerFault) {
        for path in [tls.ca, tls.certificate, tls.key].compactMap({ $0 }) where access(path, R_OK) != 0 {
            throw .badFile("\(path): \(systemReason(errno))")
        }
        // The library verifies the peer's certificate and its host name unless told not to, which we never do.
        if tls.ca == nil { set(MOSQ_OPT_TLS_USE_OS_CERTS, 1) }
        if tls.ca != nil || tls.certificate != nil {
            // The library takes a client certificate only together with some place of CAs.
            let folder = tls.ca == nil ? "/etc/ssl/certs" : nil
            // Without a password callback OpenSSL would ask the terminal for an encrypted key's password, and wait.
            let result = mosquitto_tls_set(handle, tls.ca, folder, tls.certificate, tls.key) { _, _, _, _ in 0 }
            guard result == MOSQ_ERR_SUCCESS.rawValue else {
                throw .badFile("a certificate and a key are needed, both or neither")
            }
        }
    }

    private func set(_ option: mosq_opt_t, _ value: Int32) { check(mosquitto_int_option(handle, option, value)) }

    private func check(_ result: Int32) {
        invariant(
            result == MOSQ_ERR_SUCCESS.rawValue,
            "libmosquitto takes a checked configuration: \(String(cString: mosquitto_strerror(result)))")
    }

    // MARK: callbacks

    /// The closures capture nothing and stand in a nonisolated function: written in isolated code they would trap when
    /// called. Set once, before connecting: setting one inside another deadlocks in libmosquitto 2.0.
    private func setCallbacks() {
        mosquitto_connect_v5_callback_set(handle) { _, data, reason, _, properties in
            MosquittoSession.of(data).noteConnack(reason, properties)
        }
        mosquitto_disconnect_v5_callback_set(handle) { _, data, reason, _ in
            let session = MosquittoSession.of(data)
            if session.disconnectReason == nil { session.disconnectReason = reason }
        }
        mosquitto_publish_v5_callback_set(handle) { _, data, message, reason, _ in
            let session = MosquittoSession.of(data)
            let id = UInt16(truncatingIfNeeded: message)
            guard session.inFlight.remove(id) != nil else { return }
            session.happened.append(.acknowledged(MessageID(rawValue: id), reason: UInt8(truncatingIfNeeded: reason)))
        }
        mosquitto_message_v5_callback_set(handle) { _, data, message, _ in
            guard let message = message?.pointee, let topic = message.topic else { return }
            let payload = UnsafeRawBufferPointer(start: message.payload, count: Int(message.payloadlen))
            MosquittoSession.of(data).happened.append(
                .received(
                    BrokerMessage(
                        topic: String(cString: topic), payload: [UInt8](payload), isRetained: message.retain,
                        qualityOfService: UInt8(truncatingIfNeeded: message.qos))))
        }
        mosquitto_log_callback_set(handle) { _, data, level, text in
            guard level == MOSQ_LOG_ERR, let text else { return }
            MosquittoSession.of(data).noteComplaint(String(cString: text))
        }
    }

    private static func of(_ data: UnsafeMutableRawPointer?) -> MosquittoSession {
        Unmanaged<MosquittoSession>.fromOpaque(data!).takeUnretainedValue()
    }

    private func noteConnack(_ reason: Int32, _ properties: OpaquePointer?) {
        var noted = Connack(reason: UInt8(truncatingIfNeeded: reason))
        var word: UInt16 = 0
        var long: UInt32 = 0
        if mosquitto_property_read_int16(properties, Int32(MQTT_PROP_RECEIVE_MAXIMUM.rawValue), &word, false) != nil {
            noted.receiveMaximum = word
        }
        if mosquitto_property_read_int16(properties, Int32(MQTT_PROP_SERVER_KEEP_ALIVE.rawValue), &word, false) != nil {
            noted.keepAliveSeconds = word
        }
        if mosquitto_property_read_int32(properties, Int32(MQTT_PROP_MAXIMUM_PACKET_SIZE.rawValue), &long, false) != nil
        {
            noted.maximumPacketBytes = long
        }
        connack = noted
    }

    /// `OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed` → `certificate verify failed`; the
    /// library's own errors as they are. A few are kept: the first is the cause, the next say more.
    private func noteComplaint(_ text: String) {
        var reason = Substring(text)
        if text.hasPrefix("OpenSSL Error"), let colon = text.lastIndex(of: ":") {
            reason = text[text.index(after: colon)...]
        } else if text.hasPrefix("Error: ") {
            reason = text.dropFirst(7)
        }
        if reason.hasSuffix(".") { reason = reason.dropLast() }
        guard !reason.isEmpty, complaints.utf8.count + reason.utf8.count < 300 else { return }
        complaints += complaints.isEmpty ? String(reason) : "; " + reason
    }
}
