// Travel time index (EC: I: T: 5A): how much longer a trip takes at peak than in free flow; per link, then for the city
// weighted by the distance that vehicles travelled (FHWA Urban Congestion Report).

/// The mean travel times of one link.
public struct LinkTravelTime: Hashable, Sendable {
    /// Mean travel time at peak and in free flow, milliseconds.
    public var peakMilliseconds: Int64
    public var freeFlowMilliseconds: Int64
    /// Vehicle-kilometres travelled at peak: the weight.
    public var vehicleKilometres: Int64

    public init(peakMilliseconds: Int64, freeFlowMilliseconds: Int64, vehicleKilometres: Int64) {
        self.peakMilliseconds = peakMilliseconds
        self.freeFlowMilliseconds = freeFlowMilliseconds
        self.vehicleKilometres = vehicleKilometres
    }

    /// In millionths, halves away from zero; nil without a free flow.
    public var indexMillionths: Int64? {
        guard freeFlowMilliseconds > 0 else { return nil }
        return Int64(
            clamping: Rounding.nearest(Int128(peakMilliseconds) * 1_000_000, Int128(freeFlowMilliseconds)))
    }
}

public enum TravelTimeIndex {
    /// Σ(VKT · TTI) / ΣVKT, in millionths: the same for every order of the links. Links without free flow or vehicles
    /// do not count; nil when none does.
    public static func millionths(_ links: [LinkTravelTime]) -> Int64? {
        var sum: Int128 = 0
        var weights: Int128 = 0
        for link in links where link.vehicleKilometres > 0 {
            guard let index = link.indexMillionths else { continue }
            sum += Int128(link.vehicleKilometres) * Int128(index)
            weights += Int128(link.vehicleKilometres)
        }
        return weights > 0 ? Int64(clamping: Rounding.nearest(sum, weights)) : nil
    }

    /// For display.
    public static func value(_ links: [LinkTravelTime]) -> Double? { millionths(links).map { Double($0) / 1e6 } }

    /// U4SSC KPIs Verification Manual (2022), page 82.
    public enum Rating: String, Hashable, Sendable {
        case good
        case potentiallyAcceptable = "potentially acceptable"
        case lessDesirable = "less desirable"

        public init(indexMillionths index: Int64) {
            self = index <= 1_500_000 ? .good : index <= 2_500_000 ? .potentiallyAcceptable : .lessDesirable
        }
    }

    /// Hours of the FHWA's report: working days, 6 to 9 and 16 to 19 h local time.
    public enum Period: String, Hashable, Sendable {
        case morningPeak = "am"
        case eveningPeak = "pm"
        case offPeak = "off"

        /// The weekday is 1 (Monday) ... 7, as in ISO 8601.
        public init(weekday: Int, hour: Int) {
            guard (1...5).contains(weekday) else {
                self = .offPeak
                return
            }
            self = (6..<9).contains(hour) ? .morningPeak : (16..<19).contains(hour) ? .eveningPeak : .offPeak
        }
    }
}
