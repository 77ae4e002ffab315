// What a channel is measured with: its class, and the certificate that makes it worth its class. Travels with every
// contribution, so that a verifier can tell a reference instrument from a cheap one.

public import KPIs
public import World

public struct Instrument: Sendable, Equatable {
    public var grade: InstrumentClass
    /// What it was tested by: `EN 14211`, `IEC 61672 class 1`.
    public var standard: String?
    public var serial: String?
    public var certificate: Certificate?

    /// Of which nothing is said.
    public static let unstated = Instrument(grade: .lowCost)

    /// Who calibrated it, and until when that holds.
    public struct Certificate: Sendable, Equatable {
        public var id: String
        public var laboratory: String?
        /// `2027-03-01`: the last day on which it is valid (UTC).
        public var lastDay: String
        /// The end of that day.
        public var validUntil: UTC
        public var uncertainty: RelativeUncertainty?
        /// Of the certificate's document, 64 hex digits.
        public var sha256: String?
    }

    /// One line that is equal for instruments that mean the same.
    var fingerprint: String {
        var words = [grade.rawValue, standard ?? "-", serial ?? "-"]
        if let certificate {
            words += [
                certificate.id, certificate.laboratory ?? "-", certificate.lastDay,
                certificate.uncertainty.map { "\($0.randomPpm) \($0.systematicPpm)" } ?? "-", certificate.sha256 ?? "-",
            ]
        }
        return words.joined(separator: " ")
    }
}
