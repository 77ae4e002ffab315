// How many decimals a channel keeps: as many as its chip resolves.

extension DriverChannel {
    /// The decimal exponent whose step is at or just below `resolution`; not below -9, which is the finest that a
    /// channel may have.
    static func scale(below resolution: Double) -> Int8 {
        var scale: Int8 = 0
        // A billionth part more: steps of 0.1 are told by 0.1, however 0.1 is rounded.
        while scale > -9, DecimalStep(Int(scale)).value > resolution * 1.000_000_001 { scale -= 1 }
        return scale
    }
}
