// What calibrates a simulated BME680 and BME688: the trimming parameters, where they stand, and the way back from
// physical values to raw numbers. Datasheet: BST-BME680-DS001, revision 1.8; sections are its.

extension SimulatedBME680 {
    /// Trimming parameters, sections 3.3 and 3.4.
    public struct Trimming: Hashable, Sendable {
        public var t1: UInt16, t2: Int16, t3: Int8
        public var p1: UInt16, p2: Int16, p3: Int8, p4: Int16, p5: Int16, p6: Int8, p7: Int8, p8: Int16, p9: Int16
        public var p10: UInt8
        public var h1: UInt16, h2: UInt16, h3: Int8, h4: Int8, h5: Int8, h6: UInt8, h7: Int8
        public var g1: Int8, g2: Int16, g3: Int8
        public var heaterRange: UInt8, heaterValue: Int8, rangeError: Int8

        /// As a BME680 on the market has them.
        public static let usual = Trimming(
            t1: 26_203, t2: 26_519, t3: 3, p1: 35_008, p2: -10_284, p3: 88, p4: 9_692, p5: -202, p6: 30, p7: 24,
            p8: -516, p9: -3_469, p10: 30, h1: 794, h2: 1_007, h3: 0, h4: 45, h5: 20, h6: 120, h7: -100, g1: -30,
            g2: -5_969, g3: 18, heaterRange: 1, heaterValue: 50, rangeError: -2)

        /// The same with the other signs where a driver can get them wrong.
        public static let negative = Trimming(
            t1: 26_203, t2: 26_519, t3: -3, p1: 35_008, p2: -10_284, p3: -88, p4: 9_692, p5: 202, p6: -30, p7: -24,
            p8: 516, p9: 3_469, p10: 20, h1: 794, h2: 1_007, h3: -2, h4: -45, h5: -20, h6: 200, h7: 100, g1: 30,
            g2: 5_969, g3: -18, heaterRange: 2, heaterValue: -50, rangeError: 5)

        public func store(in registers: inout [UInt8]) {
            func put(_ value: UInt16, _ register: Int) {
                registers[register] = UInt8(value & 0xFF)
                registers[register + 1] = UInt8(value >> 8)
            }
            func put(_ value: Int16, _ register: Int) { put(UInt16(bitPattern: value), register) }
            func put(_ value: Int8, _ register: Int) { registers[register] = UInt8(bitPattern: value) }
            put(t1, 0xE9)
            put(t2, 0x8A)
            put(t3, 0x8C)
            put(p1, 0x8E)
            for (value, register) in [(p2, 0x90), (p4, 0x94), (p5, 0x96), (p8, 0x9C), (p9, 0x9E), (g2, 0xEB)] {
                put(value, register)
            }
            for (value, register) in [
                (p3, 0x92), (p7, 0x98), (p6, 0x99), (h3, 0xE4), (h4, 0xE5), (h5, 0xE6), (h7, 0xE8), (g1, 0xED),
                (g3, 0xEE), (heaterValue, 0x00),
            ] { put(value, register) }
            registers[0xA0] = p10
            registers[0xE1] = UInt8(h2 >> 4)
            registers[0xE2] = UInt8(h2 & 0xF) << 4 | UInt8(h1 & 0xF)
            registers[0xE3] = UInt8(h1 >> 4)
            registers[0xE7] = h6
            registers[0x02] = heaterRange << 4
            registers[0x04] = UInt8(bitPattern: rangeError << 4)
        }

        /// The raw numbers whose values come nearest. Temperature and humidity grow with their raw number, pressure
        /// falls.
        public func raw(of air: Surroundings) -> (temperature: UInt32, pressure: UInt32, humidity: UInt32) {
            let temperature = Self.bisect(bits: 20) { fine($0) / 5_120 < air.celsius }
            let warmth = fine(temperature)
            let pressure = Self.bisect(bits: 20) { pascal($0, warmth) > air.pascal }
            let humidity = Self.bisect(bits: 16) { percent($0, warmth / 5_120) < air.percent }
            return (temperature, pressure, humidity)
        }

        /// The converter's number and range: the first range that reaches, for each is half of the one before.
        public func gas(_ ohm: Double, isBME688: Bool) -> (number: UInt16, range: UInt16) {
            func exact(_ range: Int) -> Double { isBME688 ? numberBME688(ohm, range) : number(ohm, range) }
            let range = (0..<15).first { exact($0) <= 900 } ?? 15
            return (UInt16(quantised(exact(range), bits: 10)), UInt16(range))
        }

        /// Section 3.4.1, with its two tables of constants, solved for the number.
        private func number(_ ohm: Double, _ range: Int) -> Double {
            let first: [Double] = [1, 1, 1, 1, 1, 0.99, 1, 0.992, 1, 1, 0.998, 0.995, 1, 0.99, 1, 1]
            let second: [Double] = [
                8_000_000, 4_000_000, 2_000_000, 1_000_000, 499_500.4995, 248_262.1648, 125_000, 63_004.03226,
                31_281.28128, 15_625, 7_812.5, 3_906.25, 1_953.125, 976.5625, 488.28125, 244.140625,
            ]
            let scale = (1_340 + 5 * Double(rangeError)) * first[range]
            return scale * second[range] / ohm + 512 - scale
        }

        /// BST-BME688-DS000, section 3.4, solved for the number.
        private func numberBME688(_ ohm: Double, _ range: Int) -> Double {
            (1_000_000 * Double(262_144 >> range) / ohm - 4_096) / 3 + 512
        }

        /// Section 3.3.5, solved for the temperature.
        public func celsius(ofHeater code: UInt8, surroundings: Double) -> Double {
            let whole = (Double(code) / 3.4 + 25) * (1 + Double(heaterValue) * 0.002) * (4 + Double(heaterRange)) / 4
            let base = Double(g1) / 16 + 49
            let slope = Double(g2) / 32_768 * 0.0005 + 0.00235
            return ((whole - Double(g3) / 1_024 * surroundings) / base - 1) / slope
        }

        /// The smallest number that is not `tooSmall`, but never the middle of the scale, which means "skipped".
        private static func bisect(bits: UInt32, _ tooSmall: (UInt32) -> Bool) -> UInt32 {
            var low: UInt32 = 0
            var high: UInt32 = 1 << bits - 1
            while low < high {
                let middle = low + (high - low) / 2
                if tooSmall(middle) { low = middle + 1 } else { high = middle }
            }
            return low == 1 << (bits - 1) ? low + 1 : low
        }

        /// `t_fine` of section 3.3.1.
        private func fine(_ raw: UInt32) -> Double {
            var result = (Double(raw) / 16_384 - Double(t1) / 1_024) * Double(t2)
            let second = Double(raw) / 131_072 - Double(t1) / 8_192
            result += second * second * (Double(t3) * 16)
            return result
        }

        /// Section 3.3.2.
        private func pascal(_ raw: UInt32, _ fine: Double) -> Double {
            var var1 = fine / 2 - 64_000
            var var2 = var1 * var1 * (Double(p6) / 131_072)
            var2 += var1 * Double(p5) * 2
            var2 = var2 / 4 + Double(p4) * 65_536
            var1 = (Double(p3) * var1 * var1 / 16_384 + Double(p2) * var1) / 524_288
            var1 = (1 + var1 / 32_768) * Double(p1)
            var pressure = 1_048_576 - Double(raw)
            pressure = (pressure - var2 / 4_096) * 6_250 / var1
            var1 = Double(p9) * pressure * pressure / 2_147_483_648
            var2 = pressure * (Double(p8) / 32_768)
            let part = pressure / 256
            let var3 = part * part * part * (Double(p10) / 131_072)
            return pressure + (var1 + var2 + var3 + Double(p7) * 128) / 16
        }

        /// Section 3.3.3.
        private func percent(_ raw: UInt32, _ t: Double) -> Double {
            let var1 = Double(raw) - (Double(h1) * 16 + Double(h3) / 2 * t)
            let gain = 1 + Double(h4) / 16_384 * t + Double(h5) / 1_048_576 * t * t
            let var2 = var1 * (Double(h2) / 262_144 * gain)
            let var3 = Double(h6) / 16_384
            let var4 = Double(h7) / 2_097_152
            return var2 + (var3 + var4 * t) * var2 * var2
        }
    }
}
