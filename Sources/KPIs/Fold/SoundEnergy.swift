// The energy of a sound level, as a whole number: round(10^(L/10)), in units of p0² (p0 = 20 µPa), for every tenth of
// a decibel from 0 to 160. Made once, from whole numbers: every board has the same table, to the last digit.

enum SoundEnergy {
    /// Tenths of a decibel that have an energy.
    static let levels: ClosedRange<Int64> = 0...1_600

    /// By tenths of a decibel. 10^(n/100) is 10^whole × 10^tenth × 10^hundredth, the last two as numbers of 60 binary
    /// places.
    static let table: [Int64] = levels.map { level in
        let digits = Int(level)
        let (high, low) = tenths[digits / 10 % 10].multipliedFullWidth(by: hundredths[digits % 10])
        let fraction = high << 4 | low >> 60
        let power = (0..<digits / 100).reduce(UInt64(1)) { power, _ in power * 10 }
        // Rounded once, at the last of the 60 places.
        let (whole, rest) = fraction.multipliedFullWidth(by: power)
        return Int64((whole << 4 | rest >> 60) + (rest >> 59 & 1))
    }

    /// 10^(n/10) × 2^60.
    private static let tenths: [UInt64] = [
        0x1000_0000_0000_0000, 0x1424_8EF8_FC26_03AE, 0x195B_B8F6_D460_527E, 0x1FEC_982D_5BB8_AF65,
        0x2830_AFD3_A998_BDE9, 0x3298_B075_B4B6_A524, 0x3FB2_783E_A4DB_BF2A, 0x5030_A10C_004B_9BDA,
        0x64F4_0348_D226_57FE, 0x7F17_AF3B_04D5_048B,
    ]
    /// 10^(n/100) × 2^60.
    private static let hundredths: [UInt64] = [
        0x1000_0000_0000_0000, 0x105F_6879_0126_2C25, 0x10C1_09DD_4962_9FA8, 0x1124_F16D_5073_5906,
        0x118B_2CB8_9364_91A6, 0x11F3_C99F_6BC4_366C, 0x125E_D654_F1CF_26AA, 0x12CC_6160_E9D9_AC19,
        0x133C_79A1_BD36_24D0, 0x13AF_2E4E_7EDE_67A0,
    ]
}
