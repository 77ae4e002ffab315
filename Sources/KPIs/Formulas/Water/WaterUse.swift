// Amounts of water: from pulses of a meter, for each inhabitant, and what is lost between the waterworks and the taps.

public enum WaterUse {
    /// Millilitres from pulses of a meter with so many millilitres to a pulse; nil when it does not fit. Pulses of a
    /// meter's reverse output are subtracted.
    public static func millilitres(pulses: Int64, reversePulses: Int64 = 0, perPulse: Int64) -> Int64? {
        let (net, overflow) = pulses.subtractingReportingOverflow(reversePulses)
        let (amount, tooMuch) = net.multipliedReportingOverflow(by: perPulse)
        return overflow || tooMuch ? nil : amount
    }

    /// Litres for each inhabitant and day (EN: EN: WS: 2C); nil without inhabitants or days.
    public static func litresPerCapitaDay(millilitres: Double, inhabitants: Int64, days: Double) -> Double? {
        guard inhabitants > 0, days > 0 else { return nil }
        return millilitres / 1_000 / (Double(inhabitants) * days)
    }

    /// Water supply loss (EC: I: WS: 3C), per cent: what was put into the system and not billed as authorised (IWA
    /// water balance). Negative when more was billed than supplied: an error of meters, to be seen. Nil without supply.
    public static func lossPercent(supplied: Int128, billed: Int128) -> Double? {
        guard supplied > 0 else { return nil }
        return Double(supplied - billed) * 100 / Double(supplied)
    }

    /// The same loss as cubic metres for each connection and day, which does not move with consumption (IWA). For the
    /// platform's own programs (product KPIs), which know the connections.
    public static func lossPerConnectionDay(
        suppliedMillilitres supplied: Int128, billedMillilitres billed: Int128, connections: Int64, days: Int64
    ) -> Double? {
        guard connections > 0, days > 0 else { return nil }
        return Double(supplied - billed) / 1e6 / (Double(connections) * Double(days))
    }

    /// The share of a source (EN: EN: WS: 3C: fresh, reused, rain, sea) in what all sources gave, per cent.
    public static func sharePercent(_ part: Int128, of whole: Int128) -> Double? {
        whole > 0 ? Double(part) * 100 / Double(whole) : nil
    }
}
