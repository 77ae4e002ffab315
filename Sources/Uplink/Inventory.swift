// The node's retained `inventory`: what its names and numbers mean, and where it stands.
//
//     {"v":1,"node":"lamppost-0042","city":"malaga","site":"Plaza Mayor, column 42","timezone":"Europe/Madrid",
//      "powered":"permanent","location":{"latitude":36.7213,"longitude":-4.4214},"board":"raspberry-pi-5",
//      "config_hash":"9c1e04d2","sensor_count":1,"channel_count":2,"alarm_count":1,
//      "alarms":[{"id":"frost","when":"air.temperature","severity":"warning"}],
//      "sensors":[{"id":"air","driver":"bme280",
//      "channels":[{"name":"air.temperature","unit":"Cel","scale":-2,"calibration":"1f00a2c4"}, …]}],
//      "tz":"2025b","noise_h":[7,19,22],"peak_h":[7,9,17,20],
//      "kpis":[{"channel":"water.volume","indicator":"en-en-ws-2c", …}]}
//
// `kpis` is how readings become contributions, so that the platform can fold archived readings again (`KPIBinding`'s
// record); `tz` is the version of the tz database by which local days are told. Both are absent when there are none.
// `noise_h` (local hours at which day, evening and night begin) and `peak_h` (from and to, of the morning and of the
// evening) are absent when they are the usual ones: 7, 19, 23 and 6 to 9, 16 to 19.
// `scale` is the decimal exponent of the channel's integers; `calibration` is a hash, absent when there is none;
// `instrument` is {"class","standard","serial","certificate","lab","valid_until","sha256"}, as far as the configuration
// says, absent when it says nothing; `"withheld":true` is said of a channel whose readings are not published (counts of
// people and vehicles).
// `site`, `location`, `timezone`, `powered` are absent when the configuration does not say, `alarm_count` and `alarms`
// when there are none.
//
// At most 16 KiB, because brokers limit retained messages. A larger node is abbreviated in steps, with
// `"truncated":true`: first `alarms` goes and every sensor's `channels` become its `channel_count`; then only as many
// sensors are listed as fit, without `site`. The counts of the node are always whole, so that a reader sees what is not
// listed; the readings themselves carry names and units.

public struct Inventory: Sendable, Equatable {
    public struct Channel: Sendable, Equatable {
        public var name: String
        public var unit: String
        public var scale: Int8
        public var calibration: String?
        public var instrument: Instrument?
        /// Its readings do not leave the node: only what is made of them does.
        public var isWithheld = false

        public init(
            name: String, unit: String, scale: Int8, calibration: String?, instrument: Instrument? = nil
        ) {
            self.name = name
            self.unit = unit
            self.scale = scale
            self.calibration = calibration
            self.instrument = instrument
        }
    }

    /// What a channel is measured with, as far as the configuration says.
    public struct Instrument: Sendable, Equatable {
        public var grade: String
        public var standard: String?
        public var serial: String?
        public var certificate: String?
        public var laboratory: String?
        /// The certificate's last day, `2027-03-01`.
        public var validUntil: String?
        public var sha256: String?

        public init(
            grade: String, standard: String? = nil, serial: String? = nil, certificate: String? = nil,
            laboratory: String? = nil, validUntil: String? = nil, sha256: String? = nil
        ) {
            self.grade = grade
            self.standard = standard
            self.serial = serial
            self.certificate = certificate
            self.laboratory = laboratory
            self.validUntil = validUntil
            self.sha256 = sha256
        }
    }

    public struct Sensor: Sendable, Equatable {
        public var id: String
        public var driver: String
        public var channels: [Channel]

        public init(id: String, driver: String, channels: [Channel]) {
            self.id = id
            self.driver = driver
            self.channels = channels
        }
    }

    public struct Alarm: Sendable, Equatable {
        public var id: String
        /// A channel, or a gauge as `gauge.<name>`.
        public var watches: String
        public var severity: String

        public init(id: String, watches: String, severity: String) {
            self.id = id
            self.watches = watches
            self.severity = severity
        }
    }

    /// In millionths of a degree: 0.1 m, and exact as text.
    public struct Location: Sendable, Equatable {
        public var latitudeMicrodegrees: Int64
        public var longitudeMicrodegrees: Int64

        public init(latitudeMicrodegrees: Int64, longitudeMicrodegrees: Int64) {
            self.latitudeMicrodegrees = latitudeMicrodegrees
            self.longitudeMicrodegrees = longitudeMicrodegrees
        }

        /// Degrees within ±360, rounded.
        public init(latitude: Double, longitude: Double) {
            latitudeMicrodegrees = Int64((latitude * 1e6).rounded())
            longitudeMicrodegrees = Int64((longitude * 1e6).rounded())
        }
    }

    public static let maximumBytes = 16 * 1_024

    public var node: String
    public var city: String
    public var site: String?
    public var timezone: String?
    public var powered: String?
    public var location: Location?
    public var board: String
    public var configHash: String
    public var alarms: [Alarm]
    public var sensors: [Sensor]
    /// JSON objects, written.
    public var kpis: [[UInt8]]
    public var timezoneVersion: String?
    /// Hours of the local day, in order; empty: the usual ones.
    public var noiseHours: [Int64] = []
    public var peakHours: [Int64] = []

    public init(
        node: String, city: String, site: String?, timezone: String?, powered: String?, location: Location?,
        board: String, configHash: String, alarms: [Alarm] = [], sensors: [Sensor], kpis: [[UInt8]] = [],
        timezoneVersion: String? = nil
    ) {
        self.node = node
        self.city = city
        self.site = site
        self.timezone = timezone
        self.powered = powered
        self.location = location
        self.board = board
        self.configHash = configHash
        self.alarms = alarms
        self.sensors = sensors
        self.kpis = kpis
        self.timezoneVersion = timezoneVersion
    }

    private enum Detail { case whole, withoutKPIs, sensorsOnly, some }

    public func payload() -> [UInt8] {
        let whole = rendered(.whole)
        if whole.count <= Self.maximumBytes { return whole }
        let withoutKPIs = kpis.isEmpty ? whole : rendered(.withoutKPIs)
        if withoutKPIs.count <= Self.maximumBytes { return withoutKPIs }
        let sensorsOnly = rendered(.sensorsOnly)
        if sensorsOnly.count <= Self.maximumBytes { return sensorsOnly }
        return rendered(.some)
    }

    private func rendered(_ detail: Detail) -> [UInt8] {
        var body = ObjectBody()
        body.integer("v", 1)
        body.text("node", node)
        body.text("city", city)
        if detail != .some { body.text("site", ifPresent: site) }
        body.text("timezone", ifPresent: timezone)
        body.text("powered", ifPresent: powered)
        if let location {
            body.object("location") { object in
                object.decimal("latitude", location.latitudeMicrodegrees, scale: -6)
                object.decimal("longitude", location.longitudeMicrodegrees, scale: -6)
            }
        }
        body.text("board", board)
        body.text("config_hash", configHash)
        body.integer("sensor_count", Int64(sensors.count))
        body.integer("channel_count", Int64(sensors.reduce(0) { $0 + $1.channels.count }))
        if !alarms.isEmpty { body.integer("alarm_count", Int64(alarms.count)) }
        if detail != .whole { body.flag("truncated", true) }
        if detail == .whole || detail == .withoutKPIs, !alarms.isEmpty { render(alarms, into: &body) }
        body.text("tz", ifPresent: timezoneVersion)
        if !noiseHours.isEmpty { body.array("noise_h") { array in for hour in noiseHours { array.element(hour) } } }
        if !peakHours.isEmpty { body.array("peak_h") { array in for hour in peakHours { array.element(hour) } } }
        if !kpis.isEmpty {
            if detail == .whole {
                body.array("kpis") { array in for kpi in kpis { array.element(written: kpi) } }
            } else {
                body.integer("kpi_count", Int64(kpis.count))
            }
        }
        body.array("sensors") { array in
            for sensor in sensors {
                // What closes the array and the object, beside what this sensor can take at most: every byte of its
                // names as an escape of six.
                let most = 6 * (sensor.id.utf8.count + sensor.driver.utf8.count) + 80
                if detail == .some, array.count + most > Self.maximumBytes { break }
                let withChannels = detail == .whole || detail == .withoutKPIs
                array.element { Self.render(sensor, withChannels: withChannels, into: &$0) }
            }
        }
        return body.object
    }

    private func render(_ alarms: [Alarm], into body: inout ObjectBody) {
        body.array("alarms") { array in
            for alarm in alarms {
                array.element { entry in
                    entry.text("id", alarm.id)
                    entry.text("when", alarm.watches)
                    entry.text("severity", alarm.severity)
                }
            }
        }
    }

    private static func render(_ instrument: Instrument, into channel: inout ObjectBody) {
        channel.object("instrument") { object in
            object.text("class", instrument.grade)
            object.text("standard", ifPresent: instrument.standard)
            object.text("serial", ifPresent: instrument.serial)
            object.text("certificate", ifPresent: instrument.certificate)
            object.text("lab", ifPresent: instrument.laboratory)
            object.text("valid_until", ifPresent: instrument.validUntil)
            object.text("sha256", ifPresent: instrument.sha256)
        }
    }

    private static func render(_ sensor: Sensor, withChannels: Bool, into object: inout ObjectBody) {
        object.text("id", sensor.id)
        object.text("driver", sensor.driver)
        guard withChannels else {
            object.integer("channel_count", Int64(sensor.channels.count))
            return
        }
        object.array("channels") { array in
            for channel in sensor.channels {
                array.element { entry in
                    entry.text("name", channel.name)
                    entry.text("unit", channel.unit)
                    entry.integer("scale", Int64(channel.scale))
                    entry.text("calibration", ifPresent: channel.calibration)
                    if let instrument = channel.instrument { render(instrument, into: &entry) }
                    if channel.isWithheld { entry.flag("withheld", true) }
                }
            }
        }
    }
}
