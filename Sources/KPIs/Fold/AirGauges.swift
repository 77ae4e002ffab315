// Gauges of the air for people nearby and for alarms: the index of the US EPA, NowCast, and the European index, from
// this node's own hourly means. Information, no contributions: they do not add up.
//
// - An hour's mean is that of the pollutant's window of an hour, or of its four quarters, when 75 % of it is valid. The
//   last twelve hours are kept, so that a restart makes no difference.
// - US index: particles by NowCast (as the EPA's AirNow has it), O3 and CO by the mean of eight hours (at least six of
//   them), NO2 and SO2 by the hour. Gases measured as mass are made ppb of at 25 °C (`25c-101325pa`).
// - European index: the hour's means in µg/m³; gases measured in ppb by the factors at 293 K (`eu-293k`).
//
// One item of the `contributions` lane each, after the hour's end:
//
//     {"kind":"gauge","gauge":"aqi-us","value":57,"of":"pm2_5/24h","table":"us-epa-aqi-2024","conv":"25c-101325pa",
//      "hour":1795255200}
//     {"kind":"gauge","gauge":"nowcast-pm_2.5","value":14.25,"unit":"ug/m3","table":"us-epa-nowcast-pm",
//      "hour":1795255200}
//     {"kind":"gauge","gauge":"eaqi","value":2,"of":"no2","table":"eaqi-v2","conv":"eu-293k","hour":1795255200}
//
// `hour`: UTC seconds at which the newest hour began. `of`: the pollutant that decides. `beyond`, and true: the value
// is beyond the table's last row. `conv` only where something was converted. A later revision of an hour changes the
// gauges of the hours after it, not those that were given.

public import World

public struct AirGauges: Equatable, Sendable {
    public static let hoursKept = 12

    /// One gauge at one hour's end.
    public struct Value: Equatable, Sendable {
        public var name: String
        /// In the gauge's scale.
        public var value: Int64
        public var unit: String
        public var scale: Int8
        public var table: String
        public var of: String?
        public var conversion: String?
        public var isBeyond = false
    }

    /// What alarms may watch. All exist as long as a pollutant is bound.
    public static let declared: [Gauge] = [
        Gauge(name: "aqi-us", unit: "/", scale: 0, plausible: 0...500, every: .seconds(3_600)),
        Gauge(name: "nowcast-pm_2.5", unit: "ug/m3", scale: -3, plausible: 0...100_000, every: .seconds(3_600)),
        Gauge(name: "nowcast-pm_10", unit: "ug/m3", scale: -3, plausible: 0...100_000, every: .seconds(3_600)),
        Gauge(name: "eaqi", unit: "/", scale: 0, plausible: 1...6, every: .seconds(3_600)),
    ]

    /// A window's part of an hour.
    private struct Part: Equatable {
        var start: Int64
        var revision: UInt64
        var integral: Int64
        var seconds: Int64
    }

    /// One pollutant: its hours, newest last, and the windows of the hours that may still change.
    private struct Track: Equatable {
        let pollutant: Pollutant
        /// Thousandths of ppb rather than ng/m³.
        var isShare: Bool
        var scale: Int8
        /// An hour without a mean is not there.
        var hours: [(start: Int64, mean: Int64)] = []
        var parts: [Part] = []
        static let partsMax = 32

        static func == (a: Track, b: Track) -> Bool {
            a.pollutant == b.pollutant && a.isShare == b.isShare && a.scale == b.scale && a.parts == b.parts
                && a.hours.elementsEqual(b.hours) { $0 == $1 }
        }

        /// Thousandths of µg/m³ or ppb at the hour that begins then.
        func mean(_ start: Int64) -> Int64? { hours.first { $0.start == start }?.mean }

        func newestFirst(_ start: Int64, _ count: Int) -> [Int64?] {
            (0..<Int64(count)).map { mean(start - $0 * 3_600) }
        }

        mutating func take(_ part: Part) {
            if let known = parts.firstIndex(where: { $0.start == part.start }) {
                guard part.revision >= parts[known].revision else { return }
                parts[known] = part
            } else {
                parts.append(part)
            }
            let hour = gridStart(of: part.start, length: 3_600)
            parts.removeAll { $0.start < hour - 3 * 3_600 }
            if parts.count > Self.partsMax { parts.removeFirst() }
            let own = parts.filter { gridStart(of: $0.start, length: 3_600) == hour }
            let seconds = own.reduce(0) { $0 + $1.seconds }
            hours.removeAll { $0.start == hour || $0.start <= hour - Int64(AirGauges.hoursKept) * 3_600 }
            guard AirValidity.hourIsValid(validSeconds: seconds) else { return }
            let integral = own.reduce(Int128(0)) { $0 + Int128($1.integral) }
            var divisor = Int128(seconds)
            for _ in 0..<max(0, -Int(scale)) { divisor *= 10 }
            guard let mean = Int64(exactly: (integral + divisor / 2) / divisor) else { return }
            let place = hours.firstIndex { $0.start > hour } ?? hours.count
            hours.insert((hour, mean), at: place)
            if hours.count > AirGauges.hoursKept { hours.removeFirst() }
        }
    }

    private var tracks: [Track] = []
    /// The hour that was last given began then.
    public private(set) var given: Int64 = .min
    public let europe: EuropeanAirQualityIndex

    public init(_ version: EuropeanAirQualityIndex.Version = .v2) { europe = EuropeanAirQualityIndex(version) }

    /// Takes over what a window says, if it is one of a pollutant. The first binding of a pollutant counts.
    public mutating func take(_ contribution: Contribution) {
        guard contribution.indicator.measure == .pollutant, contribution.windowSeconds <= 3_600,
            case .level(let level) = contribution.state,
            let pollutant = Pollutant.named(contribution.series) ?? Pollutant(rawValue: contribution.series)
        else { return }
        let isShare = contribution.unit == "ppt_s"
        guard isShare || contribution.unit == "ng_s/m3", !isShare || pollutant.gas != nil else { return }
        let place =
            tracks.firstIndex { $0.pollutant == pollutant }
            ?? {
                tracks.append(Track(pollutant: pollutant, isShare: isShare, scale: contribution.scale))
                return tracks.count - 1
            }()
        guard tracks[place].isShare == isShare, tracks[place].scale == contribution.scale else { return }
        tracks[place].take(
            Part(
                start: contribution.windowStart, revision: contribution.revision, integral: level.integral,
                seconds: level.seconds))
    }

    /// The gauges of the newest hour that is over, once; nil: they were given. A gauge that has no value is left out.
    public mutating func atHourEnd(_ now: UTC) -> (hour: Int64, values: [Value])? {
        let hour = gridStart(of: now.seconds - KPIFolder.grace, length: 3_600) - 3_600
        guard hour > given, !tracks.isEmpty else { return nil }
        given = hour
        return (hour, values(hour))
    }

    func values(_ hour: Int64) -> [Value] {
        var values: [Value] = []
        if let index = unitedStates(hour) { values.append(index) }
        for track in tracks where track.pollutant == .pm2_5 || track.pollutant == .pm10 {
            guard let value = NowCast.value(track.newestFirst(hour, Self.hoursKept)) else { continue }
            values.append(
                Value(
                    name: "nowcast-\(track.pollutant.series)", value: value, unit: "ug/m3", scale: -3,
                    table: NowCast.id))
        }
        if let index = european(hour) { values.append(index) }
        return values
    }

    private func unitedStates(_ hour: Int64) -> Value? {
        var indices: [USAirQualityIndex.Index] = []
        var isConverted = false
        for track in tracks {
            let series: USAirQualityIndex.Series
            var amount: Int64?
            switch track.pollutant {
            case .pm2_5, .pm10:
                series = track.pollutant == .pm2_5 ? .pm2_5Day : .pm10Day
                amount = NowCast.value(track.newestFirst(hour, Self.hoursKept))
            case .o3, .co:
                series = track.pollutant == .o3 ? .o3EightHours : .coEightHours
                let known = track.newestFirst(hour, 8).compactMap { $0 }
                if known.count >= 6 { amount = known.reduce(0, +) / Int64(known.count) }
            case .no2, .so2:
                series = track.pollutant == .no2 ? .no2Hour : .so2Hour
                amount = track.mean(hour)
            }
            guard var amount, amount >= 0 else { continue }
            if let gas = track.pollutant.gas, !track.isShare {
                let mass = Double(amount) / 1_000
                guard let share = GasConversion.celsius25.ppb(microgramsPerCubicMetre: mass, of: gas) else { continue }
                amount = Int64((share * 1_000).rounded())
                isConverted = true
            }
            // Of CO the table has thousandths of a ppm.
            if track.pollutant == .co { amount /= 1_000 }
            if let index = USAirQualityIndex.index(series, thousandths: amount) { indices.append(index) }
        }
        return USAirQualityIndex.overall(indices).map {
            Value(
                name: "aqi-us", value: Int64($0.value), unit: "/", scale: 0, table: USAirQualityIndex.table,
                of: $0.series.rawValue, conversion: isConverted ? GasConversion.celsius25.id : nil,
                isBeyond: $0.isBeyond)
        }
    }

    private func european(_ hour: Int64) -> Value? {
        var worst: (level: Int, pollutant: Pollutant)?
        var isConverted = false
        for track in tracks {
            guard var amount = track.mean(hour) else { continue }
            if track.isShare, let gas = track.pollutant.gas {
                guard let mass = GasConversion.european.nanogramsPerCubicMetre(thousandthsOfPPB: amount, of: gas)
                else { continue }
                amount = mass
                isConverted = true
            }
            guard let level = europe.level(track.pollutant, nanogramsPerCubicMetre: amount) else { continue }
            if worst == nil || level > worst!.level { worst = (level, track.pollutant) }
        }
        return worst.map {
            Value(
                name: "eaqi", value: Int64($0.level), unit: "/", scale: 0, table: europe.table,
                of: $0.pollutant.rawValue, conversion: isConverted ? GasConversion.european.id : nil)
        }
    }

    // MARK: Kept

    /// The hours, for a restart of the process; windows that are still open are folded again.
    public var encoded: [UInt8] {
        var words: [Int64] = [given, Int64(tracks.count)]
        for track in tracks {
            let pollutant = Pollutant.allCases.firstIndex(of: track.pollutant) ?? 0
            words += [Int64(pollutant), track.isShare ? 1 : 0, Int64(track.scale), Int64(track.hours.count)]
            for hour in track.hours { words += [hour.start, hour.mean] }
            words.append(Int64(track.parts.count))
            for part in track.parts {
                words += [part.start, Int64(bitPattern: part.revision), part.integral, part.seconds]
            }
        }
        let content = words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
        return withUnsafeBytes(of: fnv1a(content).littleEndian) { Array($0) }
            + withUnsafeBytes(of: UInt64(content.count).littleEndian) { Array($0) } + content
    }

    /// At most so long.
    public static let longest = 16 << 10

    /// Nil when it is not what `encoded` gave, whole.
    public init?(encoded: [UInt8], _ version: EuropeanAirQualityIndex.Version = .v2) {
        func word(_ offset: Int) -> Int64 {
            encoded.withUnsafeBytes { Int64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Int64.self)) }
        }
        guard encoded.count >= 16, word(8) >= 16, word(8) <= Int64(encoded.count - 16) else { return nil }
        let end = 16 + Int(word(8))
        guard fnv1a(Array(encoded[16..<end])) == UInt64(bitPattern: word(0)) else { return nil }
        var offset = 16
        // What has the right sum was written by us; a short count all the same is no reason to trap.
        func next() -> Int64 {
            guard offset + 8 <= end else { return 0 }
            defer { offset += 8 }
            return word(offset)
        }
        self.init(version)
        given = next()
        for _ in 0..<min(max(next(), 0), Int64(Pollutant.allCases.count)) {
            let place = Int(clamping: next())
            guard Pollutant.allCases.indices.contains(place) else { return nil }
            var track = Track(
                pollutant: Pollutant.allCases[place], isShare: next() == 1, scale: Int8(clamping: next()))
            for _ in 0..<min(max(next(), 0), Int64(Self.hoursKept)) { track.hours.append((next(), next())) }
            for _ in 0..<min(max(next(), 0), 64) {
                track.parts.append(
                    Part(
                        start: next(), revision: UInt64(bitPattern: next()), integral: next(), seconds: next()))
            }
            tracks.append(track)
        }
    }
}
