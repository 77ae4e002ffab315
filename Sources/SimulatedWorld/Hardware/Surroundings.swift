// What the world around simulated chips is like, as physical values: a test says "the air is 21.4 °C", a simulation
// says what the weather does, and every chip measures its own part of it.

public struct Surroundings: Hashable, Sendable {
    // Air.
    public var celsius = 21.4
    public var pascal = 101_325.0
    /// Relative humidity, %.
    public var percent = 48.0
    public var carbonDioxidePPM = 612.0
    /// Sensirion's indices, 1 to 500.
    public var vocIndex = 100.0
    public var noxIndex = 1.0
    /// Resistance of a metal-oxide gas sensor.
    public var gasOhm = 120_000.0
    /// Mass of particles up to so many micrometres, µg/m³.
    public var pm1 = 5.0
    public var pm2_5 = 8.0
    public var pm4 = 9.5
    public var pm10 = 11.0
    /// Gases that electrochemical cells tell, ppb.
    public var gasPPB = 40.0
    /// What an infrared thermometer looks at.
    public var objectCelsius = 37.2

    // Light and sound.
    public var lux = 540.0
    public var uvIndex = 3.2
    /// Sound level, dB(A).
    public var soundDecibel = 54.6

    // Electricity: the inputs of a converter, the channels of a power monitor.
    public var volts = SIMD4<Double>(1.2, -0.35, 2.048, 0.02)
    public var amperes = SIMD4<Double>(0.75, -0.12, 1.5, 0.004)
    /// Levels of an expander's inputs, bit by bit.
    public var inputs: UInt16 = 0b0101_1010_0000_1111

    // Water and soil.
    public var waterCelsius = 12.3
    public var acidityPH = 7.42
    public var microsiemensPerCentimetre = 1_413.0
    public var dissolvedOxygenMilligramsPerLitre = 8.31
    public var redoxMillivolts = -112.4
    /// Water in the soil, 0 dry to 1 in water.
    public var soilMoisture = 0.42
    public var soilCelsius = 9.8

    // Space.
    public var distanceMetres = 1.87
    /// m/s².
    public var acceleration = SIMD3<Double>(0.31, -0.62, 9.81)

    public init() {}

    /// Changed copies, for tests: `Surroundings { $0.celsius = -12.3 }`.
    public init(_ change: (inout Surroundings) -> Void) { change(&self) }
}

