// A Texas Instruments INA226 at register level. Datasheet: SBOS547A.
//
// It has what a driver can get wrong: conversion ready in the mask register, which falls when that is read, current and
// power that are 0 until calibrated, math overflow, and identity registers far from the others.

public import World

public final class SimulatedINA226: WordRegisters {
    /// The world around it: read at the end of each conversion. The first of its voltages and currents.
    public var surroundings: (Boottime) -> Surroundings
    public let shuntOhm: Double
    public var manufacturer: UInt16 = 0x5449
    public var die: UInt16 = 0x2260
    /// Never finishes a conversion.
    public var isHung = false

    private var configuration: UInt16 = 0x4127
    private var calibration: UInt16 = 0
    private var mask: UInt16 = 0
    private var limit: UInt16 = 0
    private var shunt: Int16 = 0
    private var bus: UInt16 = 0
    private var isReady = false
    private var conversions = Conversions()

    public init(shuntOhm: Double = 0.1, surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.shuntOhm = shuntOhm
        self.surroundings = surroundings
    }

    /// As when its supply comes back: converting without end, uncalibrated.
    public func powerCycle(at now: Boottime) {
        configuration = 0x4127
        (calibration, mask, limit) = (0, 0, 0)
        (shunt, bus, isReady) = (0, 0, false)
        resetPointer()
        conversions.start(at: now, isContinuous: true)
    }

    override func store(_ word: UInt16, in register: UInt8, at now: Boottime) {
        switch register {
        case 0x00 where word & 0x8000 != 0: powerCycle(at: now)
        case 0x00:
            configuration = word & 0x0FFF | 0x4000
            if word & 0b011 == 0 {
                conversions.stop()
            } else {
                isReady = false
                conversions.start(at: now, isContinuous: word & 0b100 != 0)
            }
        case 0x05: calibration = word & 0x7FFF
        case 0x06: mask = word & 0xFC03
        case 0x07: limit = word
        default: break
        }
    }

    override func word(of register: UInt8, at now: Boottime) -> UInt16 {
        switch register {
        case 0x00: return configuration
        case 0x01: return UInt16(bitPattern: shunt)
        case 0x02: return bus
        case 0x03: return UInt16(min(abs(current) * Int(bus) / 20_000, 65_535))
        case 0x04: return UInt16(bitPattern: Int16(truncatingIfNeeded: current))
        case 0x05: return calibration
        case 0x06:
            defer { isReady = false }
            return mask | (isReady ? 0b1000 : 0) | (hasOverflowed ? 0b0100 : 0)
        case 0x07: return limit
        case 0xFE: return manufacturer
        case 0xFF: return die
        default: return 0
        }
    }

    private var current: Int { Int(shunt) * Int(calibration) / 2_048 }
    private var hasOverflowed: Bool {
        !(-32_768...32_767).contains(current) || abs(current) * Int(bus) / 20_000 > 65_535
    }

    /// Configuration register: averages and conversion times.
    private static let samples: [Int64] = [1, 4, 16, 64, 128, 256, 512, 1_024]
    private static let microseconds: [Int64] = [140, 204, 332, 588, 1_100, 2_116, 4_156, 8_244]

    override func settle(_ now: Boottime) {
        let both =
            Self.microseconds[Int(configuration >> 6 & 0b111)] + Self.microseconds[Int(configuration >> 3 & 0b111)]
        let each = Self.samples[Int(configuration >> 9 & 0b111)] * both * 1_000
        guard !isHung, let end = conversions.ended(at: now, nanosecondsEach: each) else { return }
        let world = surroundings(end)
        if configuration & 0b001 != 0 {
            shunt = Int16(min(max((world.amperes.x * shuntOhm / 2.5e-6).rounded(), -32_768), 32_767))
        }
        if configuration & 0b010 != 0 { bus = UInt16(min(max((world.volts.x / 1.25e-3).rounded(), 0), 32_767)) }
        isReady = true
    }
}
