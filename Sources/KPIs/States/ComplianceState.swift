// Samples that keep within what is allowed, of all samples: drinking water, parameter by parameter.

public struct ComplianceState: Mergeable {
    public var samples: Int64
    public var compliant: Int64
    public var extremes: Extremes

    public init() { self.init(samples: 0, compliant: 0) }

    public init(samples: Int64, compliant: Int64, extremes: Extremes = Extremes()) {
        self.samples = samples
        self.compliant = compliant
        self.extremes = extremes
    }

    public func joined(with other: ComplianceState) -> ComplianceState? {
        guard let samples = sum(samples, other.samples), let compliant = sum(compliant, other.compliant),
            let extremes = extremes.joined(with: other.extremes)
        else { return nil }
        return ComplianceState(samples: samples, compliant: compliant, extremes: extremes)
    }
}
