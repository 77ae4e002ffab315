// libmosquitto's result codes and the brokers' reason codes, in our words.

import CMosquitto
import Glibc
import World

extension BrokerFault {
    /// Why `mosquitto_connect` gave up. `cause`: errno, or the getaddrinfo code.
    static func dialing(_ result: Int32, cause: Int32, session: MosquittoSession) -> BrokerFault {
        let complaints = session.complaints
        switch mosq_err_t(result) {
        case MOSQ_ERR_EAI, MOSQ_ERR_LOOKUP:
            return .nameNotResolved("\(session.parameters.address.host): \(String(cString: gai_strerror(cause)))")
        case MOSQ_ERR_ERRNO: return .unreachable(systemReason(cause))
        case MOSQ_ERR_TLS, MOSQ_ERR_INVAL:
            // The library tells of unusable PEM files and of failed handshakes by one code; its words differ
            // (lib/net_mosq.c: net__tls_load_ca, net__init_ssl_ctx).
            let isFile = complaints.contains("Unable to load") || complaints.contains("are inconsistent")
            return isFile ? .badFile(complaints) : .tls(complaints.isEmpty ? words(result) : complaints)
        default: return .unreachable(words(result))
        }
    }

    /// Why the session ended while it was being opened, after the TCP connection stood.
    static func opening(_ result: Int32, cause: Int32, session: MosquittoSession) -> BrokerFault {
        if let connack = session.connack, connack.reason != 0 {
            return .refusal(connack.reason, session.parameters.version)
        }
        if session.parameters.tls != nil, mosq_err_t(result) == MOSQ_ERR_TLS || !session.complaints.isEmpty {
            return .tls(session.complaints.isEmpty ? "the handshake failed" : session.complaints)
        }
        switch mosq_err_t(result) {
        // What came was no CONNACK of this version: a 3.1.1 broker's, or no MQTT at all.
        case MOSQ_ERR_PROTOCOL, MOSQ_ERR_MALFORMED_PACKET: return .protocolVersion
        case MOSQ_ERR_CONN_LOST,
            MOSQ_ERR_ERRNO where cause == 0:
            return .lost("the peer closed the connection before it answered CONNECT (another protocol, or TLS wanted?)")
        case MOSQ_ERR_KEEPALIVE: return .lost("no answer to CONNECT within the keep-alive time")
        default: return .ending(result, cause: cause)
        }
    }

    /// Why an open session ended.
    static func ending(_ result: Int32, cause: Int32) -> BrokerFault {
        switch mosq_err_t(result) {
        // An end of file inside a packet is told as an error without a number.
        case MOSQ_ERR_CONN_LOST, MOSQ_ERR_NO_CONN,
            MOSQ_ERR_ERRNO where cause == 0:
            .lost("the broker closed the connection")
        case MOSQ_ERR_KEEPALIVE: .lost("no answer within the keep-alive time")
        case MOSQ_ERR_ERRNO: .lost(systemReason(cause))
        default: .lost(words(result))
        }
    }

    /// DISCONNECT by the broker (MQTT 5 section 3.14.2.1).
    static func disconnected(reason: Int32) -> BrokerFault {
        .lost("the broker disconnected: \(String(cString: mosquitto_reason_string(reason)))")
    }

    /// CONNACK's return codes of 3.1.1 (section 3.2.2.3) told as the reason codes of MQTT 5 (section 3.2.2.2) that mean
    /// the same.
    static func refusal(_ code: UInt8, _ version: MQTTVersion) -> BrokerFault {
        let reason: UInt8 =
            switch (version, code) {
            case (.v3_1_1, 1): 0x84
            case (.v3_1_1, 2): 0x85
            case (.v3_1_1, 3): 0x88
            case (.v3_1_1, 4): 0x86
            case (.v3_1_1, 5): 0x87
            default: code
            }
        return reason == 0x84 ? .protocolVersion : .refused(reason: reason)
    }

    private static func words(_ result: Int32) -> String { String(cString: mosquitto_strerror(result)) }
}
