// What a BME680's or BME688's registers mean. Datasheet: BST-BME680-DS001, revision 1.8; sections are its. The formulas
// are those in floating point, which no register content can make overflow. The BME688's for its gas converter is that
// of BST-BME688-DS000, revision 1.2, section 3.4.

internal import World

extension BME680 {
    /// Trimming parameters, sections 3.3 and 3.4; as Doubles, for the formulas work on them.
    struct Calibration: Equatable {
        var t1, t2, t3: Double
        var p1, p2, p3, p4, p5, p6, p7, p8, p9, p10: Double
        var h1, h2, h3, h4, h5, h6, h7: Double
        var g1, g2, g3: Double
        var heaterRange, heaterValue, rangeError: Double

        /// From registers 0x8A to 0xA0, 0xE1 to 0xEE and 0x00 to 0x04. Nil when no chip can have left the factory so.
        init?(low: Reply, high: Reply, heater: Reply) {
            func unsigned(_ r: Reply, _ index: Int) -> Double { Double(r.littleEndian16(index)) }
            func signed(_ r: Reply, _ index: Int) -> Double { Double(r.signedLittleEndian16(index)) }
            func byte(_ r: Reply, _ index: Int) -> Double { Double(Int8(bitPattern: r[index])) }
            (t1, t2, t3) = (unsigned(high, 8), signed(low, 0), byte(low, 2))
            (p1, p2, p3) = (unsigned(low, 4), signed(low, 6), byte(low, 8))
            (p4, p5) = (signed(low, 10), signed(low, 12))
            // The one is before the other.
            (p6, p7) = (byte(low, 15), byte(low, 14))
            (p8, p9, p10) = (signed(low, 18), signed(low, 20), Double(low[22]))
            // H1 and H2 are 12-bit numbers without a sign; 0xE2 has the lower half of H1 low and of H2 high.
            h1 = Double(UInt16(high[2]) << 4 | UInt16(high[1] & 0x0F))
            h2 = Double(UInt16(high[0]) << 4 | UInt16(high[1] >> 4))
            (h3, h4, h5) = (byte(high, 3), byte(high, 4), byte(high, 5))
            (h6, h7) = (Double(high[6]), byte(high, 7))
            (g1, g2, g3) = (byte(high, 12), signed(high, 10), byte(high, 13))
            heaterRange = Double(heater[2] >> 4 & 0b11)
            heaterValue = byte(heater, 0)
            rangeError = Double(Int8(bitPattern: heater[4]) >> 4)
            guard t1 != 0, t1 != 65_535, p1 != 0, p1 != 65_535 else { return nil }
        }

        /// The code of the resistance that the heater has at that temperature (section 3.3.5).
        func heaterResistance(celsius: Double, surroundings: Double) -> UInt8 {
            let slope = g2 / 32_768 * 0.0005 + 0.00235
            let heat = (g1 / 16 + 49) * (1 + slope * celsius) + g3 / 1_024 * surroundings
            let code = 3.4 * (heat * (4 / (4 + heaterRange)) / (1 + heaterValue * 0.002) - 25)
            return UInt8(min(max(code, 0), 255))
        }
    }

    /// Pressure, temperature and humidity in a reply that begins with register 0x1D.
    struct Raw: Equatable {
        var pressure: UInt32
        var temperature: UInt32
        var humidity: UInt32

        init(pressure: UInt32, temperature: UInt32, humidity: UInt32) {
            self.pressure = pressure
            self.temperature = temperature
            self.humidity = humidity
        }

        init(_ reply: Reply) {
            pressure = reply.bigEndian24(2) >> 4
            temperature = reply.bigEndian24(5) >> 4
            humidity = UInt32(reply.bigEndian16(8))
        }

        /// Sections 3.3.1 to 3.3.3. Nil when a value was skipped (0x80000, 0x8000: the reset state, so nothing was
        /// measured) or the formulas give no number.
        func compensated(by c: Calibration) -> (celsius: Double, pascal: Double, percent: Double)? {
            guard pressure != 0x80000, temperature != 0x80000, humidity != 0x8000 else { return nil }
            let distance = Double(temperature) / 131_072 - c.t1 / 8_192
            let fine = (Double(temperature) / 16_384 - c.t1 / 1_024) * c.t2 + distance * distance * c.t3 * 16
            let celsius = fine / 5_120

            let t = fine / 2 - 64_000
            let offset = (t * t * c.p6 / 131_072 + t * c.p5 * 2) / 4 + c.p4 * 65_536
            let slope = (1 + (c.p3 * t * t / 16_384 + c.p2 * t) / 524_288 / 32_768) * c.p1
            guard slope != 0 else { return nil }
            var pascal = (1_048_576 - Double(pressure) - offset / 4_096) * 6_250 / slope
            let cube = pascal / 256 * (pascal / 256) * (pascal / 256)
            let bend = c.p9 * pascal * pascal / 2_147_483_648 + pascal * c.p8 / 32_768 + cube * c.p10 / 131_072
            pascal += (bend + c.p7 * 128) / 16

            let linear =
                (Double(humidity) - (c.h1 * 16 + c.h3 / 2 * celsius)) * c.h2 / 262_144
                * (1 + c.h4 / 16_384 * celsius + c.h5 / 1_048_576 * celsius * celsius)
            let percent = linear + (c.h6 / 16_384 + c.h7 / 2_097_152 * celsius) * linear * linear
            guard celsius.isFinite, pascal.isFinite, percent.isFinite else { return nil }
            return (celsius, pascal, min(max(percent, 0), 100))
        }
    }

    /// The gas converter in a reply that begins with register 0x1D: 0x2A and 0x2B, or 0x2C and 0x2D of a BME688.
    struct Gas: Equatable {
        var number: UInt16
        var range: UInt8
        /// A real conversion, not a dummy.
        var isValid: Bool
        /// The plate reached its temperature in its time.
        var isHot: Bool
        var isBME688: Bool

        init(number: UInt16, range: UInt8, isValid: Bool = true, isHot: Bool = true, isBME688: Bool) {
            self.number = number
            self.range = range
            self.isValid = isValid
            self.isHot = isHot
            self.isBME688 = isBME688
        }

        init(_ reply: Reply, isBME688: Bool) {
            let word = reply.bigEndian16(isBME688 ? 15 : 13)
            self.init(
                number: word >> 6, range: UInt8(word & 0x0F), isValid: word & 0x20 != 0, isHot: word & 0x10 != 0,
                isBME688: isBME688)
        }

        /// A value without a hot plate says nothing; one at the converter's end lies beyond it.
        var quality: Quality {
            if !isValid { return .notAvailable }
            if !isHot { return .deviceFault }
            return number == 0 || number == 1_023 ? .saturated : .good
        }

        /// Each range's own errors, in percent: what the constants of section 3.4.1 depart from 1 and from powers of
        /// two.
        private static let gain: [Double] = [0, 0, 0, 0, 0, -1, 0, -0.8, 0, 0, -0.2, -0.5, 0, -1, 0, 0]
        private static let offset: [Double] = [0, 0, 0, 0, 0.1, 0.7, 0, -0.8, -0.1, 0, 0, 0, 0, 0, 0, 0]

        /// Section 3.4.1. 0 when it is not a number above zero.
        func ohm(_ c: Calibration) -> Double {
            let steps = Double(number) - 512
            let result: Double
            if isBME688 {
                result = 1_000_000 * Double(262_144 >> UInt32(range)) / (4_096 + 3 * steps)
            } else {
                let index = Int(range)
                let slope = (1_340 + 5 * c.rangeError) * (1 + Self.gain[index] / 100)
                let unit = (1 + Self.offset[index] / 100) * 0.000_000_125 * Double(1 << index)
                result = 1 / (unit * (steps / slope + 1))
            }
            return result.isFinite && result > 0 ? result : 0
        }
    }
}
