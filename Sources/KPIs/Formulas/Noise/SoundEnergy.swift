// Sound energy: 10^(L/10) as a whole number, in units of p0² (p0 = 20 µPa, ISO 1683). Energies of one second each add,
// in any order and any partition, to the same total; levels do not.
//
// Whole numbers by table and integer division, so that every processor finds the same. The rounding costs at most
// 0.21 dB at 10 dB, 0.022 at 20, 0.0022 at 30 and 0.0002 at 40 dB (0.5 / 10^(L/10)); of a street it costs nothing.
// At 140 dB one second has 10^14 and one day 8.64 · 10^18, which an Int64 holds; add days in 128 bits.

public enum SoundEnergy {
    /// The highest level, 140 dB, in tenths: above it a day would not fit, and no outdoor microphone follows.
    public static let highestTenths = 1_400

    /// round(10^(L/10)) for a level in tenths of a decibel (scale -1), for example 523 (52.3 dB) → 169824. Nil above
    /// 140 dB: that is over range. Below -3.0 dB it is 0.
    public static func energy(tenthsOfDecibel level: Int) -> Int64? {
        guard level <= highestTenths else { return nil }
        guard level >= -100 else { return 0 }
        let decade = Int(Rounding.down(Int64(level), 100))
        // 17 - decade is 3 ... 18.
        return Rounding.nearest(mantissas[level - decade * 100], powersOfTen[17 - decade])
    }

    /// The same for a level in hundredths of a decibel (scale -2), for example 5234 (52.34 dB) → 171396.
    public static func energy(hundredthsOfDecibel level: Int) -> Int64? {
        guard level <= highestTenths * 10 else { return nil }
        guard level >= -1_000 else { return 0 }
        let decade = Int(Rounding.down(Int64(level), 1_000))
        let rest = level - decade * 1_000
        let product = Int128(mantissas[rest / 10]) * Int128(fineMantissas[rest % 10])
        // The product is 10^34 times too large; 17 of these zeros go with the power of the decade.
        let divisor = Int128(powersOfTen[17 - decade]) * 100_000_000_000_000_000
        return Int64(Rounding.nearest(product, divisor))
    }

    private static let powersOfTen: [Int64] = {
        var powers: [Int64] = [1]
        for _ in 0..<18 { powers.append(powers[powers.count - 1] * 10) }
        return powers
    }()

    /// round(10^(17 + n/1000)) for n = 0 ... 9.
    private static let fineMantissas: [Int64] = [
        100_000_000_000_000_000, 100_230_523_807_789_967, 100_461_579_027_839_514, 100_693_166_885_180_417,
        100_925_288_607_668_441, 101_157_945_425_989_852, 101_391_138_573_667_941, 101_624_869_287_069_563,
        101_859_138_805_411_692, 102_093_948_370_767_996,
    ]

    /// round(10^(17 + n/100)) for n = 0 ... 99. With one more division no energy of -10.0 ... 140.0 dB is rounded
    /// twice to another value; the tests hold all of them against 60 digits.
    private static let mantissas: [Int64] = [
        100_000_000_000_000_000, 102_329_299_228_075_413, 104_712_854_805_089_953, 107_151_930_523_760_642,
        109_647_819_614_318_501, 112_201_845_430_196_344, 114_815_362_149_688_275, 117_489_755_493_952_954,
        120_226_443_461_741_291, 123_026_877_081_238_153, 125_892_541_179_416_721, 128_824_955_169_313_396,
        131_825_673_855_640_710, 134_896_288_259_165_361, 138_038_426_460_288_484, 141_253_754_462_275_430,
        144_543_977_074_592_751, 147_910_838_816_820_742, 151_356_124_843_620_816, 154_881_661_891_248_134,
        158_489_319_246_111_349, 162_181_009_735_892_997, 165_958_690_743_756_063, 169_824_365_246_174_435,
        173_780_082_874_937_547, 177_827_941_003_892_280, 181_970_085_860_998_344, 186_208_713_666_286_745,
        190_546_071_796_324_718, 194_984_459_975_804_532, 199_526_231_496_887_960, 204_173_794_466_952_933,
        208_929_613_085_403_948, 213_796_208_950_223_210, 218_776_162_394_955_256, 223_872_113_856_833_961,
        229_086_765_276_777_305, 234_422_881_531_992_212, 239_883_291_901_949_047, 245_470_891_568_503_036,
        251_188_643_150_958_011, 257_039_578_276_886_380, 263_026_799_189_538_192, 269_153_480_392_691_572,
        275_422_870_333_816_645, 281_838_293_126_445_382, 288_403_150_312_660_594, 295_120_922_666_638_571,
        301_995_172_040_201_620, 309_029_543_251_359_052, 316_227_766_016_837_933, 323_593_656_929_628_263,
        331_131_121_482_591_094, 338_844_156_139_202_547, 346_736_850_452_531_639, 354_813_389_233_575_458,
        363_078_054_770_101_342, 371_535_229_097_172_539, 380_189_396_320_561_196, 389_045_144_994_280_601,
        398_107_170_553_497_251, 407_380_277_804_112_731, 416_869_383_470_335_402, 426_579_518_801_592_658,
        436_515_832_240_165_967, 446_683_592_150_963_119, 457_088_189_614_875_029, 467_735_141_287_198_194,
        478_630_092_322_638_344, 489_778_819_368_446_196, 501_187_233_627_272_285, 512_861_383_991_364_856,
        524_807_460_249_772_597, 537_031_796_370_252_731, 549_540_873_857_624_552, 562_341_325_190_349_080,
        575_439_937_337_156_930, 588_843_655_355_588_967, 602_559_586_074_357_747, 616_595_001_861_482_166,
        630_957_344_480_193_249, 645_654_229_034_655_516, 660_693_448_007_596_007, 676_082_975_391_981_771,
        691_830_970_918_936_488, 707_945_784_384_137_911, 724_435_960_074_990_064, 741_310_241_300_917_515,
        758_577_575_029_183_769, 776_247_116_628_691_734, 794_328_234_724_281_502, 812_830_516_164_099_247,
        831_763_771_102_671_006, 851_138_038_202_376_468, 870_963_589_956_080_638, 891_250_938_133_745_530,
        912_010_839_355_909_742, 933_254_300_796_991_044, 954_992_586_021_435_950, 977_237_220_955_810_683,
    ]
}
