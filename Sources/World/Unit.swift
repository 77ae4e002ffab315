// The unit registry: SenML's symbols, what people type for them, and exact conversion between units of one dimension.
//
// Channels, topics and batches speak SenML symbols only (RFC 8428 section 12.1, RFC 8798 sections 3 and 4). Technicians
// type what stands on the meter or in the datasheet; `Unit.named` understands that. Conversion is rational, never
// floating point, so that ten litres are exactly 0.01 m3 each time.

public struct Unit: Hashable, Sendable {
    public enum Dimension: String, Sendable {
        case length, mass, time, current, temperature, luminousIntensity, amount, frequency, angle, planeAngle,
            solidAngle
        case force, pressure, energy, power, charge, voltage, capacitance, resistance, conductance, magneticFlux
        case magneticFluxDensity, inductance, luminousFlux, illuminance, luminance, radioactivity, absorbedDose,
            doseEquivalent
        case catalyticActivity, area, volume, speed, acceleration, volumeFlow, irradiance, data, dataRate
        case latitude, longitude, acidity, level, powerLevel, soundLevel, count, ratio, relativeHumidity, batteryLevel
        case batteryTime, eventRate, heartRate, beats, conductivity, apparentPower, apparentEnergy, reactivePower
        case reactiveEnergy, energyPerLength, density, turbidity, electricField
    }

    /// SenML's symbol; for units that SenML lacks (`isSenML` false), ours.
    public let symbol: String
    public let dimension: Dimension
    /// How many of the dimension's base unit one of this unit is.
    public let factor: Factor
    /// What is added before the factor is applied: base = (number + shift) × factor. Zero but for degrees and dBm.
    public let shift: DecimalNumber
    public let isSenML: Bool
    /// Fit for channels: SenML's, or of a dimension that SenML has no unit for; that goes out under UCUM's symbol.
    public var isPublished: Bool {
        isSenML || !Unit.all.contains { $0.isSenML && $0.dimension == dimension }
    }
    /// How people write it: `°C` for `Cel`.
    public let display: String
    private let aliases: [String]

    public static func == (a: Unit, b: Unit) -> Bool { a.symbol == b.symbol }
    public func hash(into hasher: inout Hasher) { hasher.combine(symbol) }

    private init(
        _ symbol: String, _ dimension: Dimension, shift: (Int64, Int) = (0, 0), senML: Bool = true,
        as display: String? = nil, _ aliases: String...
    ) {
        self.init(symbol, dimension, .one, shift: shift, senML: senML, as: display, aliases)
    }

    private init(
        _ symbol: String, _ dimension: Dimension, _ factor: Factor, shift: (Int64, Int) = (0, 0), senML: Bool = true,
        as display: String? = nil, _ aliases: String...
    ) {
        self.init(symbol, dimension, factor, shift: shift, senML: senML, as: display, aliases)
    }

    private init(
        _ symbol: String, _ dimension: Dimension, _ factor: Factor, shift: (Int64, Int), senML: Bool,
        as display: String?, _ aliases: [String]
    ) {
        guard let shift = DecimalNumber(mantissa: shift.0, exponent: shift.1) else {
            invariantFailed("shift of \(symbol)")
        }
        self.symbol = symbol
        self.dimension = dimension
        self.factor = factor
        self.shift = shift
        self.isSenML = senML
        self.display = display ?? symbol
        self.aliases = aliases
    }

    /// Finds a unit by its symbol or by what people type for it. Case counts: mW is not MW. `wanted` decides where one
    /// writing serves several units: `%` is %RH where humidity is asked for.
    public static func named(_ text: some StringProtocol, wanted: Unit? = nil) -> Unit? {
        let name = normalised(text)
        if name == "%", let wanted, wanted.dimension == .relativeHumidity || wanted.dimension == .batteryLevel {
            return wanted
        }
        return byName[name]
    }

    /// All names of units of one dimension (of all, when nil): for nearest-name suggestions.
    public static func names(of dimension: Dimension? = nil) -> [String] {
        all.filter { dimension == nil || $0.dimension == dimension }.flatMap { [$0.symbol, $0.display] + $0.aliases }
    }

    private static let byName: [String: Unit] = {
        var names: [String: Unit] = [:]
        for unit in all {
            for name in [unit.symbol, unit.display] + unit.aliases {
                let other = names.updateValue(unit, forKey: normalised(name))
                invariant(other == nil || other == unit, "\(name) names two units")
            }
        }
        return names
    }()

    /// One spelling for what looks alike: µ and μ, ² and ³, º and °, blanks.
    private static func normalised(_ text: some StringProtocol) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\u{B5}", "\u{3BC}": result.unicodeScalars.append("u")
            case "\u{B2}": result.unicodeScalars.append("2")
            case "\u{B3}": result.unicodeScalars.append("3")
            case "\u{BA}": result.unicodeScalars.append("\u{B0}")
            case "\u{2126}": result.unicodeScalars.append("\u{3A9}")
            case " ", "\u{A0}", "\u{202F}": break
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension Unit {
    public static let all: [Unit] = primary + derived + secondary + typed

    /// RFC 8428 section 12.1: base units and what is named after people.
    private static let primary: [Unit] = [
        Unit("m", .length, "metre", "meter"), Unit("kg", .mass), Unit("g", .mass, .power(-3)),
        Unit("s", .time, "sec", "secs", "second", "seconds"), Unit("A", .current),
        Unit("K", .temperature, "kelvin"), Unit("cd", .luminousIntensity), Unit("mol", .amount),
        Unit("Hz", .frequency), Unit("rad", .angle), Unit("sr", .solidAngle), Unit("N", .force),
        Unit("Pa", .pressure), Unit("J", .energy), Unit("W", .power), Unit("C", .charge), Unit("V", .voltage),
        Unit("F", .capacitance), Unit("Ohm", .resistance, as: "\u{3A9}", "ohm"), Unit("S", .conductance),
        Unit("Wb", .magneticFlux), Unit("T", .magneticFluxDensity), Unit("H", .inductance),
        Unit("Cel", .temperature, shift: (27315, -2), as: "\u{B0}C", "degC", "\u{2103}", "celsius", "Celsius"),
        Unit("lm", .luminousFlux), Unit("lx", .illuminance, "lux"), Unit("Bq", .radioactivity),
        Unit("Gy", .absorbedDose), Unit("Sv", .doseEquivalent), Unit("kat", .catalyticActivity),
    ]

    /// RFC 8428 section 12.1, the rest, and what RFC 8798 section 3 adds.
    private static let derived: [Unit] = [
        Unit("m2", .area, as: "m\u{B2}"), Unit("m3", .volume, as: "m\u{B3}", "cbm"),
        Unit("l", .volume, .power(-3), as: "L", "litre", "litres", "liter", "liters", "ltr", "dm3"),
        Unit("m/s", .speed), Unit("m/s2", .acceleration), Unit("m3/s", .volumeFlow),
        Unit("l/s", .volumeFlow, .power(-3), as: "L/s"), Unit("W/m2", .irradiance), Unit("cd/m2", .luminance),
        Unit("bit", .data, "bits"), Unit("bit/s", .dataRate), Unit("lat", .latitude), Unit("lon", .longitude),
        Unit("pH", .acidity), Unit("dB", .level), Unit("dBW", .powerLevel), Unit("Bspl", .soundLevel),
        Unit("count", .count, "counts", "pulses"), Unit("/", .ratio), Unit("%", .ratio, .power(-2), "percent"),
        Unit("%RH", .relativeHumidity, "%rH", "%rh", "rh", "RH"), Unit("%EL", .batteryLevel), Unit("EL", .batteryTime),
        Unit("1/s", .eventRate), Unit("1/min", .eventRate, Factor(1, over: 60)), Unit("beat/min", .heartRate, "bpm"),
        Unit("beats", .beats), Unit("S/m", .conductivity), Unit("B", .data, Factor(8), "byte", "bytes"),
        Unit("VA", .apparentPower), Unit("VAs", .apparentEnergy), Unit("var", .reactivePower),
        Unit("vars", .reactiveEnergy), Unit("J/m", .energyPerLength), Unit("kg/m3", .density, as: "kg/m\u{B3}"),
        Unit("deg", .planeAngle, as: "\u{B0}"), Unit("NTU", .turbidity),
    ]

    /// RFC 8798 section 4.
    private static let secondary: [Unit] = [
        Unit("ms", .time, .power(-3), "msec", "millisecond", "milliseconds"),
        Unit("min", .time, Factor(60), "mins", "minute", "minutes"),
        Unit("h", .time, Factor(3600), "hr", "hrs", "hour", "hours"), Unit("MHz", .frequency, .power(6)),
        Unit("kW", .power, .power(3), "KW"), Unit("kVA", .apparentPower, .power(3)),
        Unit("kvar", .reactivePower, .power(3)),
        Unit("Ah", .charge, Factor(3600)), Unit("Wh", .energy, Factor(3600), "wh"),
        Unit("kWh", .energy, Factor(36, exponent: 5), "kwh", "KWh", "Kwh", "KWH"),
        Unit("varh", .reactiveEnergy, Factor(3600)), Unit("kvarh", .reactiveEnergy, Factor(36, exponent: 5)),
        Unit("kVAh", .apparentEnergy, Factor(36, exponent: 5)),
        Unit("Wh/km", .energyPerLength, Factor(36, exponent: -1)),
        Unit("KiB", .data, Factor(8192)), Unit("GB", .data, Factor(8, exponent: 9)),
        Unit("Mbit/s", .dataRate, .power(6)),
        Unit("B/s", .dataRate, Factor(8)), Unit("MB/s", .dataRate, Factor(8, exponent: 6)),
        Unit("mV", .voltage, .power(-3)), Unit("mA", .current, .power(-3)),
        Unit("dBm", .powerLevel, shift: (-30, 0)),
        Unit("ug/m3", .density, .power(-9), as: "\u{B5}g/m\u{B3}", "mcg/m3"),
        Unit("mm/h", .speed, Factor(1, over: 36, exponent: -5)), Unit("m/h", .speed, Factor(1, over: 3600)),
        Unit("ppm", .ratio, .power(-6)), Unit("ppb", .ratio, .power(-9)), Unit("/100", .ratio, .power(-2)),
        Unit("/1000", .ratio, .power(-3), "permille"), Unit("hPa", .pressure, .power(2), "mbar", "hpa"),
        Unit("mm", .length, .power(-3)), Unit("cm", .length, .power(-2)), Unit("km", .length, .power(3)),
        Unit("km/h", .speed, Factor(1, over: 36, exponent: 1), "kmh", "kph"),
    ]

    /// What people type and SenML has no symbol for: understood, and published only as `isPublished` says.
    private static let typed: [Unit] = [
        Unit("us", .time, .power(-6), senML: false), Unit("d", .time, Factor(86_400), senML: false, "day", "days"),
        Unit("degF", .temperature, Factor(5, over: 9), shift: (45967, -2), senML: false, as: "\u{B0}F"),
        Unit("kPa", .pressure, .power(3), senML: false), Unit("bar", .pressure, .power(5), senML: false),
        Unit("kJ", .energy, .power(3), senML: false), Unit("MJ", .energy, .power(6), senML: false),
        Unit("GJ", .energy, .power(9), senML: false), Unit("MWh", .energy, Factor(36, exponent: 8), senML: false),
        Unit("mW", .power, .power(-3), senML: false), Unit("MW", .power, .power(6), senML: false),
        Unit("uA", .current, .power(-6), senML: false), Unit("kV", .voltage, .power(3), senML: false),
        Unit("kHz", .frequency, .power(3), senML: false),
        Unit("GHz", .frequency, .power(9), senML: false), Unit("ml", .volume, .power(-6), senML: false, as: "mL"),
        Unit("m3/h", .volumeFlow, Factor(1, over: 3600), senML: false, as: "m\u{B3}/h"),
        Unit("l/min", .volumeFlow, Factor(1, over: 6, exponent: -4), senML: false, as: "L/min"),
        Unit("l/h", .volumeFlow, Factor(1, over: 36, exponent: -5), senML: false, as: "L/h"),
        Unit("mg/m3", .density, .power(-6), senML: false, as: "mg/m\u{B3}"),
        Unit("mg/l", .density, .power(-3), senML: false, as: "mg/L", "mg/litre"),
        Unit("uS/cm", .conductivity, .power(-4), senML: false, as: "\u{B5}S/cm"),
        Unit("mS/cm", .conductivity, .power(-1), senML: false),
        Unit("V/m", .electricField, senML: false),
        Unit("kB", .data, Factor(8, exponent: 3), senML: false),
        Unit("MB", .data, Factor(8, exponent: 6), senML: false),
        Unit("MiB", .data, Factor(8 << 20), senML: false), Unit("GiB", .data, Factor(8 << 30), senML: false),
        Unit("mOhm", .resistance, .power(-3), senML: false, as: "m\u{3A9}", "mohm"),
    ]
}

/// A positive rational: `numerator / denominator × 10^exponent`.
public struct Factor: Hashable, Sendable {
    public let numerator: Int64
    public let denominator: Int64
    public let exponent: Int

    public init(_ numerator: Int64, over denominator: Int64 = 1, exponent: Int = 0) {
        self.numerator = numerator
        self.denominator = denominator
        self.exponent = exponent
    }

    static func power(_ exponent: Int) -> Factor { Factor(1, exponent: exponent) }
    static let one = Factor(1)

    /// Nil when the quotient does not fit.
    func dividing(by other: Factor) -> Factor? {
        let (top, topOverflow) = numerator.multipliedReportingOverflow(by: other.denominator)
        let (bottom, bottomOverflow) = denominator.multipliedReportingOverflow(by: other.numerator)
        guard !topOverflow, !bottomOverflow else { return nil }
        return Factor(top, over: bottom, exponent: exponent - other.exponent)
    }

    /// Nil when no decimal number of 63 bits says the product exactly.
    func applied(to number: DecimalNumber) -> DecimalNumber? {
        var common = Self.greatestCommonDivisor(numerator, denominator)
        var top = numerator / common
        var bottom = denominator / common
        common = Self.greatestCommonDivisor(Int64(clamping: number.mantissa.magnitude), bottom)
        let mantissa = number.mantissa / common
        bottom /= common
        var power = Int(number.exponent) + exponent
        // What is left below must be made of twos and fives: a half is five tenths.
        for (prime, partner) in [(Int64(2), Int64(5)), (5, 2)] {
            while bottom % prime == 0 {
                let (product, overflow) = top.multipliedReportingOverflow(by: partner)
                if overflow { return nil }
                top = product
                bottom /= prime
                power -= 1
            }
        }
        guard bottom == 1 else { return nil }
        let (product, overflow) = mantissa.multipliedReportingOverflow(by: top)
        return overflow ? nil : DecimalNumber(mantissa: product, exponent: power)
    }

    /// The nearest `Double`, for calibration.
    public var value: Double {
        guard let power = Double("1e\(exponent)") else { invariantFailed("1e\(exponent) is no number") }
        return Double(numerator) / Double(denominator) * power
    }

    private static func greatestCommonDivisor(_ a: Int64, _ b: Int64) -> Int64 {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return max(a, 1)
    }
}
