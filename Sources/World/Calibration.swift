// From what a driver measured to what is published: the curve of a channel.

/// In the channel's unit on both sides.
public enum Calibration: Hashable, Sendable {
    /// value × gain + offset
    case linear(gain: Double, offset: Double)
    /// c0 + c1 × value + c2 × value² + ...; at least c0 and c1, at most `coefficientsMax`.
    case polynomial([Double])
    /// Points measured against a reference, by growing measured value, joined by straight lines; at least two, at most
    /// `pointsMax`. Beyond the ends the last line goes on, and the value is told as out of range.
    case table([Point])

    public struct Point: Hashable, Sendable {
        public var measured: Double
        public var actual: Double
        public init(measured: Double, actual: Double) {
            self.measured = measured
            self.actual = actual
        }
    }

    public static let coefficientsMax = 8
    public static let pointsMax = 32
    public static let none = Calibration.linear(gain: 1, offset: 0)

    /// The published value, and whether it lies within what was calibrated.
    public func applied(to value: Double) -> (value: Double, isCovered: Bool) {
        switch self {
        case .linear(let gain, let offset): return (value * gain + offset, true)
        case .polynomial(let coefficients):
            var result = 0.0
            for coefficient in coefficients.reversed() { result = result * value + coefficient }
            return (result, true)
        case .table(let points):
            let isCovered = value >= points[0].measured && value <= points[points.count - 1].measured
            var end = 1
            while end < points.count - 1, points[end].measured < value { end += 1 }
            let (low, high) = (points[end - 1], points[end])
            let slope = (high.actual - low.actual) / (high.measured - low.measured)
            return (low.actual + (value - low.measured) * slope, isCovered)
        }
    }

    /// One line that is equal for calibrations that mean the same.
    public var fingerprint: String {
        switch self {
        case .linear(let gain, let offset): "\(gain) \(offset)"
        case .polynomial(let coefficients): "polynomial " + coefficients.map { "\($0)" }.joined(separator: " ")
        case .table(let points): "table " + points.map { "\($0.measured):\($0.actual)" }.joined(separator: " ")
        }
    }
}
