import KPIs
import Testing
import World

@Suite("Noise")
struct NoiseTests {
    private static func level(_ samples: [(tenths: Int, seconds: Int64)]) -> Double? {
        var energy: Int128 = 0
        var seconds: Int64 = 0
        for sample in samples {
            energy += Int128(SoundEnergy.energy(tenthsOfDecibel: sample.tenths) ?? 0) * Int128(sample.seconds)
            seconds += sample.seconds
        }
        return SoundLevel.equivalent(energy: energy, seconds: seconds)
    }

    @Test("V-NO-1: levels of equal time have their energies averaged, never their decibels")
    func equivalent() {
        // The vector's own arithmetic is that of fractions; whole energies differ in the seventh digit.
        #expect(isClose(Self.level([(600, 1), (700, 1), (650, 1), (550, 1)]), 65.58663742, within: 5e-7))
        #expect(isClose(Self.level([(800, 10), (500, 3_590)]), 55.76916956, within: 5e-9))
        let two = Int128(2 * (SoundEnergy.energy(tenthsOfDecibel: 600) ?? 0))
        #expect(isClose(SoundLevel.equivalent(energy: two, seconds: 1), 63.01029996, within: 5e-9))
        #expect(SoundLevel.equivalent(energy: 1, seconds: 0) == nil)
    }

    @Test("V-NO-2: Lden of four days")
    func dayEveningNight() {
        let periods = NoiseHours.standard
        for (levels, expected) in [
            ((65.0, 60.0, 55.0), 65.0), ((60.0, 60.0, 60.0), 66.3952430), ((68.2, 65.1, 60.4), 69.3771257),
            ((55.0, 50.0, 45.0), 55.0),
        ] {
            let found = periods.dayEveningNightLevel(day: levels.0, evening: levels.1, night: levels.2)
            #expect(isClose(found, expected, within: 5e-8), "\(found)")
        }
    }

    @Test("V-NO-3: energies are whole numbers, and merge to the last of them")
    func energies() {
        let a = [523, 548, 612, 580].compactMap { SoundEnergy.energy(tenthsOfDecibel: $0) }
        let b = [499, 504, 726].compactMap { SoundEnergy.energy(tenthsOfDecibel: $0) }
        #expect(a == [169_824, 301_995, 1_318_257, 630_957])
        #expect(b == [97_724, 109_648, 18_197_009])
        let (energyA, energyB) = (a.reduce(0, +), b.reduce(0, +))
        #expect(energyA == 2_421_033 && energyB == 18_404_381)
        #expect(isClose(SoundLevel.equivalent(energy: Int128(energyA), seconds: 4), 57.81940718, within: 5e-9))
        #expect(isClose(SoundLevel.equivalent(energy: Int128(energyB), seconds: 3), 67.87799961, within: 5e-9))
        let merged = SoundLevel.equivalent(energy: Int128(energyA + energyB), seconds: 7)
        #expect(energyA + energyB == 20_825_414 && isClose(merged, 64.73495604, within: 5e-9))
    }

    @Test("V-NO-4: levels exceeded 10, 50 and 90 % of the time, from a histogram, and LAeq of the same samples")
    func percentiles() {
        let samples = [
            450, 462, 471, 480, 483, 499, 504, 510, 522, 537, 550, 551, 568, 580, 593, 600, 612, 634, 660, 715,
        ]
        let bins = samples.map { LevelBin(tenthsOfDecibel: $0, seconds: 1) }
        let longer = bins.map { LevelBin(tenthsOfDecibel: $0.tenthsOfDecibel, seconds: 3_600) }
        for order in [bins, bins.reversed(), longer] {
            #expect(LevelPercentile.level(exceededPercent: 10, in: order) == 660)
            #expect(LevelPercentile.level(exceededPercent: 50, in: order) == 550)
            #expect(LevelPercentile.level(exceededPercent: 90, in: order) == 471)
        }
        #expect(isClose(Self.level(samples.map { ($0, 1) }), 61.1730375, within: 5e-7))
        #expect(LevelPercentile.level(exceededPercent: 100, in: bins) == 450)
        #expect(LevelPercentile.level(exceededPercent: 50, in: []) == nil)
        #expect(LevelPercentile.level(exceededPercent: 0, in: bins) == nil)
    }

    @Test("V-NO-5: the share of inhabitants beyond each threshold, from four places")
    func exposure() {
        let sites = [
            NoiseSite(inhabitants: 1_200, dayEveningNightLevel: 57.4, nightLevel: 49.0),
            NoiseSite(inhabitants: 800, dayEveningNightLevel: 54.9, nightLevel: 51.2),
            NoiseSite(inhabitants: 2_500, dayEveningNightLevel: 61.0, nightLevel: 54.6),
            NoiseSite(inhabitants: 500, dayEveningNightLevel: 48.0, nightLevel: 41.0),
        ]
        #expect(NoiseThreshold.europeanDayEveningNight.exposed(at: sites) == (3_700, 5_000))
        #expect(NoiseThreshold.europeanDayEveningNight.exposedPercent(at: sites) == 74)
        #expect(NoiseThreshold.europeanNight.exposed(at: sites) == (3_300, 5_000))
        #expect(NoiseThreshold.europeanNight.exposedPercent(at: sites) == 66)
        #expect(NoiseThreshold.iso37120Night.exposedPercent(at: sites) == 0)
        #expect(NoiseThreshold.europeanNight.exposedPercent(at: []) == nil)
        let border = NoiseSite(inhabitants: 1, dayEveningNightLevel: 55, nightLevel: 55)
        #expect(NoiseThreshold.europeanDayEveningNight.isExceeded(at: border))
        #expect(!NoiseThreshold.iso37120Night.isExceeded(at: border))
        #expect(Set(NoiseThreshold.all.map(\.id)).count == NoiseThreshold.all.count)
    }

    @Test("V-NO-7: Lden of two days from the energies of their periods; the mean of their Lden is another number")
    func longTerm() {
        let day = Self.level([(650, 43_200), (550, 43_200)])
        let evening = Self.level([(600, 14_400), (500, 14_400)])
        let night = Self.level([(550, 28_800), (450, 28_800)])
        #expect(isClose(day, 62.403627, within: 1e-6))
        #expect(isClose(evening, 57.403627, within: 1e-6))
        // 10^4.5 is rounded to whole p0²: 0.00001 dB.
        #expect(isClose(night, 52.403627, within: 1e-5))
        guard let day, let evening, let night else { return }
        let found = NoiseHours.standard.dayEveningNightLevel(day: day, evening: evening, night: night)
        #expect(isClose(found, 62.403627, within: 5e-6))
        #expect(found - 60 > 2)
    }

    @Test("A state may shorten the evening by two hours and give them away, and nothing else")
    func periods() {
        let spanish = NoiseHours(dayHours: 14, eveningHours: 2, nightHours: 8)
        #expect(spanish != nil)
        let same = spanish?.dayEveningNightLevel(day: 60, evening: 55, night: 50)
        #expect(isClose(same, 60, within: 1e-12))
        #expect(NoiseHours(dayHours: 12, eveningHours: 4, nightHours: 8) == .standard)
        #expect(NoiseHours(dayHours: 15, eveningHours: 1, nightHours: 8) == nil)
        #expect(NoiseHours(dayHours: 12, eveningHours: 3, nightHours: 8) == nil)
    }

    /// FNV-1a over the little-endian bytes of all values.
    private static func digest(_ levels: ClosedRange<Int>, _ energy: (Int) -> Int64?) -> UInt64 {
        var digest: UInt64 = 0xCBF2_9CE4_8422_2325
        for level in levels {
            let value = UInt64(bitPattern: energy(level) ?? -1)
            for byte in 0..<8 {
                digest = (digest ^ (value >> (8 * UInt64(byte)) & 255)) &* 0x100_0000_01B3
            }
        }
        return digest
    }

    @Test("Every energy of -10.0 ... 140.0 dB is the nearest whole number, in tenths and in hundredths of a decibel")
    func allEnergies() {
        // The digests are of the values found with 60 decimal digits (mpmath).
        #expect(Self.digest(-100...1_400) { SoundEnergy.energy(tenthsOfDecibel: $0) } == 0xFD2D_81F7_2A47_309B)
        #expect(Self.digest(-1_000...14_000) { SoundEnergy.energy(hundredthsOfDecibel: $0) } == 0xCDC0_A205_F70F_75FD)
        #expect(SoundEnergy.energy(tenthsOfDecibel: 1_400) == 100_000_000_000_000)
        #expect(SoundEnergy.energy(hundredthsOfDecibel: 5_234) == 171_396)
        #expect(SoundEnergy.energy(tenthsOfDecibel: 0) == 1 && SoundEnergy.energy(tenthsOfDecibel: -31) == 0)
        #expect(SoundEnergy.energy(tenthsOfDecibel: -4_000) == 0)
        #expect(SoundEnergy.energy(hundredthsOfDecibel: -4_000) == 0)
        #expect(SoundEnergy.energy(tenthsOfDecibel: 1_401) == nil)
        #expect(SoundEnergy.energy(hundredthsOfDecibel: 14_001) == nil)
    }

    @Test("Any partition of a day into windows, merged in any order, has the day's energy to the last unit")
    func splitInvariance() {
        for seed in UInt64(0)..<200 {
            var random = Random(seed: seed)
            let energies = (0..<500).map { _ in SoundEnergy.energy(tenthsOfDecibel: Int(random.below(1_401))) ?? 0 }
            var windows: [Int64] = [0]
            for energy in energies {
                if random.chance(1, in: 7) { windows.append(0) }
                windows[windows.count - 1] += energy
            }
            windows.shuffle(using: &random)
            #expect(windows.reduce(0, +) == energies.reduce(0, +), "seed \(seed)")
        }
        // One day at 140 dB is the most that an Int64 must hold.
        let loudest = (SoundEnergy.energy(tenthsOfDecibel: 1_400) ?? 0).multipliedReportingOverflow(by: 86_400)
        #expect(!loudest.overflow)
    }
}
