// Keys that people bring along from other agents (ESPHome, Home Assistant, Telegraf, thin-edge, mqtt-io, our own older
// drafts), and what they are called here. Looked up in lower case, with and without `_` and `-`.

import World

struct Hint {
    /// What belongs there, for the message.
    var expected: String
    /// A line to write, `$` standing for the value that was found; or a sentence.
    private var line: String?
    private var sentence: String?

    /// Our key with the user's value.
    static func key(_ key: String, _ value: String = "$") -> Hint {
        Hint(expected: "`\(key)`", line: "\(key): \(value)", sentence: nil)
    }

    static func say(_ expected: String, _ sentence: String) -> Hint {
        Hint(expected: expected, line: nil, sentence: sentence)
    }

    func remedy(for value: String?) -> String {
        guard let line else { return sentence ?? "remove it" }
        guard let value, !value.isEmpty else { return "write \(quoted(line.replacingDollar(by: "...")))" }
        // A bare pin number nearly always counts GPIO lines, not header positions.
        let isNumber = value.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return "write \(quoted(line.replacingDollar(by: line == "line: $" && isNumber ? "GPIO\(value)" : value)))"
    }

    /// Keys whose values are never shown.
    static func isSecret(_ key: String) -> Bool {
        let key = key.lowercased()
        return ["pass", "secret", "token", "psk", "pwd", "credential"].contains { key.contains($0) }
    }

    private static let noPassword = Hint.say(
        "`password_file`: secrets never stand in the configuration",
        "put it in a file of its own (mode 0600) and write `password_file: /etc/cityedge/password`")
    private static let fromURL = Hint.say(
        "`url`", "write it as one: `url: mqtt://host:1883`, or `url: mqtts://host:8883` with TLS")

    static let top: [String: Hint] = [
        "mqtt": .key("broker"), "server": .key("broker"), "output": .key("broker"), "outputs": .key("broker"),
        "device": .key("node"), "gateway": .key("node"), "esphome": .key("node"), "agent": .key("node"),
        "devices": .key("sensors"), "sensor": .key("sensors"), "inputs": .key("sensors"), "channels": .key("sensors"),
        "alarm": .key("alarms"), "alerts": .key("alarms"), "thresholds": .key("alarms"), "triggers": .key("alarms"),
        "kpi": .key("kpis"), "indicators": .key("kpis"), "buffer": .key("outbox"), "storage": .key("outbox"),
        "queue": .key("outbox"), "cache": .key("outbox"), "hardware": .key("board"), "timezone": nodeOwned("timezone"),
        "id": nodeOwned("id"), "city": nodeOwned("city"), "location": nodeOwned("location"), "site": nodeOwned("site"),
        "url": .say("`url` within `broker`", "indent it below `broker:`"),
        "loss_window": .say("`loss_window` within `outbox`", "indent it below `outbox:`"),
        "logger": .say("no log settings: the journal has its own", "remove it"),
        "logging": .say("no log settings: the journal has its own", "remove it"),
        "i2c": .say("buses by the board definition", "remove it, and name the bus in each sensor: `bus: i2c1`"),
    ]

    private static func nodeOwned(_ key: String) -> Hint {
        .say("`\(key)` within `node`", "indent it below `node:`")
    }

    static let node: [String: Hint] = [
        "name": .key("id"), "hostname": .key("id"), "device_id": .key("id"), "node_id": .key("id"),
        "gateway_id": .key("id"), "tz": .key("timezone"), "time_zone": .key("timezone"), "town": .key("city"),
        "address": .key("site"), "description": .key("site"), "power": .key("powered", "permanent"),
        "latitude": .say("`location`", "write `location: {latitude: ..., longitude: ...}`"),
        "longitude": .say("`location`", "write `location: {latitude: ..., longitude: ...}`"),
    ]

    static let location: [String: Hint] = [
        "lat": .key("latitude"), "lon": .key("longitude"), "lng": .key("longitude"), "long": .key("longitude"),
        "altitude": .say("latitude and longitude only", "remove it"),
        "elevation": .say("latitude and longitude only", "remove it"),
    ]

    static let broker: [String: Hint] = [
        "host": fromURL, "hostname": fromURL, "server": fromURL, "address": fromURL, "broker": fromURL, "port": fromURL,
        "tls": fromURL, "ssl": fromURL, "use_tls": fromURL, "uri": .key("url"), "user": .key("username"),
        "password": noPassword, "pass": noPassword, "passwd": noPassword, "token": noPassword,
        "client_id": .say(
            "no client id: it is the node id", "remove it, and give the node its name: `node: {id: ...}`"),
        "cafile": .key("ca"), "ca_file": .key("ca"), "ca_cert": .key("ca"), "tls_ca": .key("ca"), "cacert": .key("ca"),
        "certificate_authority": .key("ca"), "cert": .key("certificate"), "certfile": .key("certificate"),
        "cert_file": .key("certificate"), "client_cert": .key("certificate"), "tls_cert": .key("certificate"),
        "keyfile": .key("key"), "key_file": .key("key"), "private_key": .key("key"), "client_key": .key("key"),
        "tls_key": .key("key"), "keepalive": .key("keep_alive"), "topic": .key("root"), "topic_prefix": .key("root"),
        "base_topic": .key("root"), "prefix": .key("root"), "protocol": .key("version"),
        "protocol_version": .key("version"), "mqtt_version": .key("version"),
        "qos": .say("no `qos`: everything but health is sent with QoS 1", "remove it"),
        "retain": .say("no `retain`: status and inventory are retained, nothing else", "remove it"),
        "clean_session": .say("no `clean_session`: the outbox remembers, not the broker", "remove it"),
        "insecure": .say(
            "a broker whose certificate can be checked", "remove it, and name the CA: `ca: /etc/cityedge/ca.pem`"),
    ]

    static let outbox: [String: Hint] = [
        "size": .key("max_size"), "max_bytes": .key("max_size"), "limit": .key("max_size"),
        "disk_limit": .key("max_size"), "flush_interval": .key("batch_age"), "batch_timeout": .key("batch_age"),
        "batch_interval": .key("batch_age"), "memory_limit": .key("memory"), "max_memory": .key("memory"),
        "path": .say("no path: the state folder is the service's", "remove it"),
        "directory": .say("no path: the state folder is the service's", "remove it"),
        "retention": .say("a size, not a time: `max_size`", "write `max_size: 256MiB`"),
    ]

    static let sensor: [String: Hint] = [
        "update_interval": .key("every"), "interval": .key("every"), "scan_interval": .key("every"),
        "poll_interval": .key("every"), "sampling_period": .key("every"), "period": .key("every"),
        "rate": .key("every"),
        "pin": .key("line"), "gpio": .key("line"), "gpio_pin": .key("line"), "gpio_line": .key("line"),
        "platform": .key("driver"), "type": .key("driver"), "model": .key("driver"), "chip": .key("driver"),
        "module": .key("driver"), "inverted": .key("active", "low"), "invert": .key("active", "low"),
        "active_low": .key("active", "low"), "active_high": .key("active", "high"), "polarity": .key("active", "low"),
        "i2c_address": .key("address"), "i2c_addr": .key("address"), "addr": .key("address"), "reg": .key("address"),
        "i2c_bus": .key("bus", "i2c1"), "i2c_id": .key("bus", "i2c1"), "bus_id": .key("bus", "i2c1"),
        "i2c": .key("bus", "i2c1"), "name": .key("id"), "unique_id": .key("id"), "sensor": .key("id"),
        "pull": .key("bias", "pull-up"), "pull_up": .key("bias", "pull-up"), "pullup": .key("bias", "pull-up"),
        "internal_pull_up": .key("bias", "pull-up"), "pull_down": .key("bias", "pull-down"),
        "debounce_ms": .key("debounce", "$ms"), "bouncetime": .key("debounce"), "debounce_time": .key("debounce"),
        "debounce_interval": .key("debounce"), "internal_filter": .key("debounce"),
        "pulse_value": .key("per_pulse"), "multiplier": .key("per_pulse"), "litres_per_pulse": .key("per_pulse", "$ L"),
        "liters_per_pulse": .key("per_pulse", "$ L"), "offset": inChannels, "gain": inChannels,
        "calibration": inChannels,
        "calibrate": inChannels, "filters": inChannels, "scale": inChannels,
        "unit_of_measurement": .say("no unit: the driver knows it", "remove it"),
        "accuracy_decimals": .say("no decimals: the driver knows them", "remove it"),
        "publish": .say(
            "no `publish`: every reading is published in this version",
            "remove it, and set `every` to what the city needs"),
        "topic": .say("no topic: it follows from `broker.root`", "remove it"),
    ]

    private static let inChannels = Hint.say(
        "calibration by channel", "write `channels: {<channel>: {offset: -0.4 °C, gain: 1.02}}`")

    static let channel: [String: Hint] = [
        "factor": .key("gain"), "multiply": .key("gain"), "slope": .key("gain"), "scale": .key("gain"),
        "bias": .key("offset"), "add": .key("offset"), "correction": .key("offset"),
        "unit": .say("no unit: the driver knows it", "remove it"),
        "max_rate": .say("`rate`", "write `rate: {change: ..., within: 1min}`"),
        "spike": .say("`median`", "write `median: 5`"),
        "median_filter": .key("median"), "window_size": .key("median"), "delta": .key("deadband"),
        "hysteresis": .key("deadband"), "throttle": .key("heartbeat"), "stuck": .key("stuck_after"),
        "calibrate_linear": .key("table"), "calibrate_polynomial": .key("polynomial"), "range": .key("plausible"),
        "clamp": .key("plausible"), "valid_range": .key("plausible"), "compare": .key("agrees_with"),
    ]

    static let kpi: [String: Hint] = [
        "kpi": .key("indicator"), "code": .key("indicator"), "name": .key("indicator"), "id": .key("indicator"),
        "channel": .key("from"), "sensor": .key("from"), "interval": .key("window"),
        "period": .key("window"), "households": .key("customers"), "users": .key("customers"),
        "population": .key("inhabitants"), "residents": .key("inhabitants"), "people": .key("inhabitants"),
        "dma": .key("zone"), "district": .key("zone"), "metres": .key("length", "$ m"),
        "meters": .key("length", "$ m"), "square_metres": .key("floor_area", "$ m2"),
        "area": .say("`zone`, or `floor_area` of a building", "write `zone: dma-7` or `floor_area: 2400 m2`"),
        "threshold": .say("the key for what is measured", "write `warn`, `alarm`, `full`, `refill` or `limit`"),
        "k": .key("minimum_count"), "min_count": .key("minimum_count"), "max_hold": .key("hold"),
        "range": .key("allowed"), "instrument": .say("`instrument` of the sensor", "write it there"),
    ]

    static let range: [String: Hint] = [
        "min": .key("from"), "max": .key("to"), "lower": .key("from"), "upper": .key("to"), "low": .key("from"),
        "high": .key("to"),
    ]

    static let instrument: [String: Hint] = [
        "type": .key("class"), "grade": .key("class"), "serial_number": .key("serial"), "sn": .key("serial"),
        "norm": .key("standard"), "calibration": .key("certificate"), "cert": .key("certificate"),
        "valid_until": .say("`valid_until` within `certificate`", "write `certificate: {id: ..., valid_until: ...}`"),
    ]

    static let certificate: [String: Hint] = [
        "number": .key("id"), "name": .key("id"), "laboratory": .key("lab"), "issuer": .key("lab"),
        "expires": .key("valid_until"), "until": .key("valid_until"), "expiry": .key("valid_until"),
        "hash": .key("sha256"), "digest": .key("sha256"),
    ]

    static let alarm: [String: Hint] = [
        "name": .key("id"), "alarm": .key("id"), "channel": .key("when"), "from": .key("when"),
        "sensor": .key("when", "$.<channel>"), "entity_id": .key("when"), "source": .key("when"),
        "threshold": .key("above"), "high": .key("above"), "max": .key("above"), "over": .key("above"),
        "upper": .key("above"), "greater_than": .key("above"), "low": .key("below"), "min": .key("below"),
        "under": .key("below"), "lower": .key("below"), "less_than": .key("below"), "for": .key("hold"),
        "delay": .key("hold"), "delay_on": .key("hold"), "duration": .key("hold"), "hold_time": .key("hold"),
        "delay_off": .key("clear_after"), "cooldown": .key("clear_after"), "clear_hold": .key("clear_after"),
        "priority": .key("severity"), "level": .key("severity"), "topic": .key("lane"),
        "hysteresis": .say(
            "`clear`: where the alarm ends", "write the value itself, for example `clear: 180 ug/m3`"),
    ]
}

extension String {
    fileprivate func replacingDollar(by value: String) -> String {
        guard let dollar = firstIndex(of: "$") else { return self }
        return String(self[..<dollar]) + value + String(self[index(after: dollar)...])
    }
}
