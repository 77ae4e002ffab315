// The catalogue: driver name → what it needs, what it measures, how to make it. The one list that the configuration's
// checks, `cityedge drivers` and the gateway share. A driver's own entry lives in the driver's file.

public import World

/// One key that a driver takes in the configuration, beside `id`, `driver`, `every` and `channels`, which all have.
public struct Parameter: Sendable {
    public enum Kind: Sendable {
        /// A whole number.
        case integer(ClosedRange<Int64>)
        case number(ClosedRange<Double>)
        /// Free text; empty is refused.
        case text
        case choice([String])
        case flag
        /// With a unit: `30ms`, `10s`, `5min`.
        case duration(ClosedRange<Duration>)
        /// A quantity with a unit of one of these SenML units or of the same dimension (`10 L` where `m3` is asked
        /// for). The value arrives as the pair of the number and the unit's SenML symbol that it was converted to: see
        /// `Setting`.
        case quantity(units: [String])
        /// A file that must exist and be readable when the agent starts; relative to the main config file's folder.
        case file
        /// A unit's name, as people type it; arrives as its SenML symbol in `.text`.
        case unit
        /// A further line of the board, with the bias, debounce and active level of `line`; arrives in
        /// `DriverSettings.lines`.
        case line
        /// A chip's description, a map of its own: see `RegisterMap`.
        case registers
    }
    public var name: String
    public var kind: Kind
    public var isRequired: Bool
    public var fallback: Setting?
    /// One line for `cityedge drivers` and for messages: what it is, in words.
    public var about: String

    public init(_ name: String, _ kind: Kind, isRequired: Bool = false, fallback: Setting? = nil, about: String) {
        self.name = name
        self.kind = kind
        self.isRequired = isRequired
        self.fallback = fallback
        self.about = about
    }
}

/// A checked value of a `Parameter`.
public enum Setting: Sendable, Equatable {
    case integer(Int64)
    case number(Double)
    case text(String)
    case flag(Bool)
    case duration(Duration)
    /// `mantissa × 10^exponent` in `unit`: decimal text stays exact (`10 L` asked for in m3 is 1 × 10^-2 m3).
    case quantity(mantissa: Int64, exponent: Int8, unit: String)
    indirect case registers(RegisterMap)
}

/// All that a driver is made from. The configuration has checked every value against the driver's parameters.
public struct DriverSettings: Sendable {
    public var sensorID: String
    public var every: Duration
    /// Bus drivers only.
    public var device: BusDevice?
    /// Line drivers only.
    public var line: LineRequest?
    /// Of `.line` parameters, by parameter name.
    public var lines: [String: LineRequest]
    /// By parameter name. A parameter that was not given has its fallback here, or is absent: drivers take both.
    public var values: [String: Setting]
    /// Contents of the files that `.file` parameters name, by parameter name; read by whoever makes the driver. Telling
    /// the channels needs none.
    public var files: [String: [UInt8]]
    /// `external` only: where the program's lines arrive.
    public var mailbox: Mailbox?

    public init(
        sensorID: String, every: Duration, device: BusDevice? = nil, line: LineRequest? = nil,
        lines: [String: LineRequest] = [:], values: [String: Setting] = [:], files: [String: [UInt8]] = [:]
    ) {
        self.sensorID = sensorID
        self.every = every
        self.device = device
        self.line = line
        self.lines = lines
        self.values = values
        self.files = files
    }
}

/// One channel that a driver offers.
public struct DriverChannel: Sendable, Equatable {
    /// `temperature`; the channel's full name is `sensor.quantity`.
    public var quantity: String
    public var unit: String
    public var scale: Int8
    public var plausible: ClosedRange<Double>
    /// False for exact counts and states: calibration is refused for them.
    public var isCalibratable: Bool

    public init(
        _ quantity: String, unit: String, scale: Int8, plausible: ClosedRange<Double>, isCalibratable: Bool = true
    ) {
        self.quantity = quantity
        self.unit = unit
        self.scale = scale
        self.plausible = plausible
        self.isCalibratable = isCalibratable
    }
}

/// A setting that passes its own check and still cannot be, in words for the technician.
public struct SettingFault: Error, Sendable, Equatable {
    public var parameter: String
    /// What was found, what is expected, what to do: `found; expected; what to do`.
    public var text: String
    public init(parameter: String, text: String) {
        self.parameter = parameter
        self.text = text
    }
}

/// What a technician may want to know of a chip before buying or probing it.
public struct ChipFacts: Sendable, Equatable {
    /// Whose facts the driver rests on: document and revision.
    public var datasheet: String
    /// The longest that one measurement takes.
    public var measuringTime: Duration
    /// How the driver tells the chip from another at the same address; nil: the chip has nothing to tell it by.
    public var identity: String?

    public init(datasheet: String, measuringTime: Duration, identity: String? = nil) {
        self.datasheet = datasheet
        self.measuringTime = measuringTime
        self.identity = identity
    }
}

/// How a line is wired, unless the sensor's own keys say otherwise.
public struct LineWiring: Sendable, Equatable {
    /// As the driver's parameter `preset` has it; empty: where none is chosen.
    public var preset: String
    public var bias: Bias
    public var isActiveLow: Bool
    public var debounce: Duration

    /// Debounce: shorter than any meter's pulse, longer than most contacts bounce.
    public init(
        _ preset: String = "", bias: Bias = .asIs, isActiveLow: Bool = false, debounce: Duration = .milliseconds(5)
    ) {
        self.preset = preset
        self.bias = bias
        self.isActiveLow = isActiveLow
        self.debounce = debounce
    }
}

public struct DriverEntry: Sendable {
    /// All that a chip on I2C can have; the others are reserved. Such an address is never a default.
    public static let anyAddress: [UInt8] = Array(0x08...0x77)

    public enum Attachment: Sendable, Equatable {
        /// `bus:` and `address:`; the first address is the default.
        case bus(addresses: [UInt8])
        /// `line:`, `active:`, `bias:`, `debounce:`.
        case line
        case attribute
        case source
    }
    public var name: String
    /// What it is, in a line.
    public var about: String
    /// Bus drivers: the chip.
    public var chip: ChipFacts?
    public var attachment: Attachment
    /// Line drivers: the first where no preset is chosen, then one for each of the parameter `preset`'s.
    public var wirings: [LineWiring]
    public var parameters: [Parameter]
    public var defaultEvery: Duration
    /// Values are `warming up` for so long after the sensor came, or came back; `warm_up:` of a sensor overrides it.
    public var warmUp: Duration
    /// Bus drivers: several sensors may be at one address, each with its own inputs of one converter.
    public var sharesChip: Bool
    /// The channels that a sensor with these settings has.
    public var channels: @Sendable (DriverSettings) throws(SettingFault) -> [DriverChannel]
    public var make: @Sendable (DriverSettings) throws(SettingFault) -> Driver

    public init(
        name: String, about: String, chip: ChipFacts? = nil, attachment: Attachment,
        wirings: [LineWiring] = [LineWiring()], parameters: [Parameter] = [], defaultEvery: Duration,
        warmUp: Duration = .zero, sharesChip: Bool = false,
        channels: @escaping @Sendable (DriverSettings) throws(SettingFault) -> [DriverChannel],
        make: @escaping @Sendable (DriverSettings) throws(SettingFault) -> Driver
    ) {
        self.name = name
        self.about = about
        self.chip = chip
        self.attachment = attachment
        self.wirings = wirings
        self.parameters = parameters
        self.defaultEvery = defaultEvery
        self.warmUp = warmUp
        self.sharesChip = sharesChip
        self.channels = channels
        self.make = make
    }
}

public enum Catalogue {
    /// Sorted by name.
    public static let entries: [DriverEntry] =
        (weather + airQuality + lightAndPower + waterAndGround + lines + kernel + computed).sorted { $0.name < $1.name }

    public static func entry(named name: String) -> DriverEntry? { entries.first { $0.name == name } }

    private static let weather: [DriverEntry] = [
        BME280.entry,
        BMP280.entry,
        BMP388.entry,
        BME680.entry,
        SHT3x.entry,
        SHT4x.entry,
        AHT20.entry,
        Si7021.entry,
        TMP117.entry,
        MCP9808.entry,
        LM75.entry,
        MLX90614.entry,
    ]
    private static let lightAndPower: [DriverEntry] = [
        BH1750.entry,
        INA219.entry,
        INA226.entry,
        INA3221.entry,
        LTR390.entry,
        TSL2591.entry,
        VEML7700.entry,
    ]
    private static let airQuality: [DriverEntry] = [
        ADS1115.entry,
        Electrochemical.entry,
        MCP3421.entry,
        PMSA003I.entry,
        SCD30.entry,
        SCD4x.entry,
        SEN5x.entry,
        SGP40.entry,
        SPS30.entry,
    ]
    /// Water, soil, distance, vibration, noise, inputs on expanders, and chips described in the configuration.
    private static let waterAndGround: [DriverEntry] = [
        EZO.entry,
        SeesawSoil.entry,
        DecibelMeter.entry,
        DescribedChip.entry,
        LIS3DH.entry,
        MCP23017.entry,
        MaxSonar.entry,
        PCF8574.entry,
    ]
    private static let lines: [DriverEntry] = [
        Anemometer.entry,
        DHT22.entry,
        DigitalInput.entry,
        DigitalOutput.entry,
        Duty.entry,
        Frequency.entry,
        PulseCounter.entry,
        RainGauge.entry,
        Ultrasonic.entry,
    ]
    private static let kernel: [DriverEntry] = [
        CPU.entry,
        HWMon.entry,
        IIO.entry,
        W1.entry,
    ]
    private static let computed: [DriverEntry] = [
        External.entry,
        Replay.entry,
        Simulated.entry,
    ]
}
