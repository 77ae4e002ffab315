// The node's health, every minute while the broker is there.

import Uplink
import World

extension Courier where D: ~Copyable, R: ~Copyable {
    mutating func healthIfDue() {
        guard session.phase == .online, now >= healthAt else { return }
        healthAt = now + Limits.healthEvery
        var body = PayloadBuffer()
        body.append("{\"v\":1")
        func put(_ name: StaticString, _ value: UInt64) {
            body.append(",\"")
            body.append(name)
            body.append("\":")
            body.append(unsigned: value)
        }
        put("uptime_seconds", UInt64(max(0, (now - startedAt).nanoseconds / 1_000_000_000)))
        put("clock_synced", knownAnchor == nil ? 0 : 1)
        put("readings_total", figures.readings)
        put("ring_refused_total", figures.refused)
        put("dropped_total", figures.tombstoned)
        put("messages_total", figures.messages)
        put("payload_bytes_total", figures.payloadBytes)
        put("mqtt_sessions_total", figures.reconnects)
        put("buffer_batches", outbox.backlog(.readings))
        put("buffer_memory_bytes", UInt64(outbox.memoryBytes))
        put("buffer_flash_bytes", UInt64(outbox.flashBytes))
        put("flash_bytes_written_total", outbox.flashBytesWritten)
        put("flash_syncs_total", outbox.flashSyncs)
        put("flash_ok", outbox.diskState == .fine ? 1 : 0)
        body.append("}")
        let topic = topics.health
        body.withUnsafeBytes { bytes in
            _ = try? broker.publish(topic: topic, payload: bytes, qualityOfService: 0, retained: false)
        }
    }
}
