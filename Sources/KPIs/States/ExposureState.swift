// Electromagnetic exposure at a site: the field's square over time, and the worst averaged exposure quotient.

public struct ExposureState: Mergeable {
    /// Σ E² × seconds, in (mV/m)² s.
    public var square: Int64
    public var seconds: Int64
    /// The greatest quotient (E / limit)² of all averaging blocks, in millionths; 1,000,000: at the limit.
    public var worstQuotientPpm: Int64
    /// Averaging blocks that were judged, and those of them whose quotient was above 1.
    public var blocks: Int64
    public var blocksAbove: Int64

    public init() { self.init(square: 0, seconds: 0) }

    public init(
        square: Int64, seconds: Int64, worstQuotientPpm: Int64 = 0, blocks: Int64 = 0, blocksAbove: Int64 = 0
    ) {
        self.square = square
        self.seconds = seconds
        self.worstQuotientPpm = worstQuotientPpm
        self.blocks = blocks
        self.blocksAbove = blocksAbove
    }

    public func joined(with other: ExposureState) -> ExposureState? {
        guard let square = sum(square, other.square), let seconds = sum(seconds, other.seconds),
            let blocks = sum(blocks, other.blocks), let above = sum(blocksAbove, other.blocksAbove)
        else { return nil }
        return ExposureState(
            square: square, seconds: seconds, worstQuotientPpm: max(worstQuotientPpm, other.worstQuotientPpm),
            blocks: blocks, blocksAbove: above)
    }
}
