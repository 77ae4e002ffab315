// The catalogue of U4SSC "Key Performance Indicators for Smart Sustainable Cities" (ITU-T Y.4903): 91 indicators.
//
// Columns: code, name, kind, unit, better direction, SDG targets and indicators, and where name, unit and SDG are from
// (`i` an ITU publication, `d` the public dashboard of a city that reports, `m` memory, `-` not known). The letters C
// and A at the end of the codes are kept as that dashboard has them: 55 core and 36 advanced, where the count commonly
// given is 54 and 37.

public enum U4SSC {
    public static let entries: [CatalogueEntry] = {
        var all = ict
        all.append(contentsOf: productivityAndInfrastructure)
        all.append(contentsOf: environment)
        all.append(contentsOf: society)
        return all
    }()

    /// By code (`EN: EN: WS: 2C`, however spaced and cased) or slug (`en-en-ws-2c`).
    public static func named(_ text: String) -> CatalogueEntry? {
        let wanted = Indicator.slug(of: text)
        return entries.first { $0.slug == wanted }
    }

    private static let ict: [CatalogueEntry] = [
        .init("EC: ICT: ICT: 1C", "Household Internet Access", .smart, "%", .higher, "17.8.1", "iii"),
        .init("EC: ICT: ICT: 2C", "Fixed Broadband Subscriptions", .smart, "%", .higher, nil, "ii-"),
        .init("EC: ICT: ICT: 3C", "Wireless Broadband Subscriptions", nil, "/100 000 inhabitants", .higher, nil, "dd-"),
        .init("EC: ICT: ICT: 4C", "Wireless Broadband Coverage", nil, "%", .higher, nil, "dd-"),
        .init("EC: ICT: ICT: 5C", "Availability of WIFI in Public Areas", nil, "number", .higher, nil, "dd-"),
        .init("EC: ICT: WS: 1C", "Smart Water Meters", .smart, "%", .higher, "6.4", "ddm"),
        .init("EC: ICT: WS: 2A", "Water Supply ICT Monitoring", .smart, "%", .higher, "6.4", "ddm"),
        .init("EC: ICT: D: 1A", "Drainage / Storm Water System ICT Monitoring", .smart, "%", .higher, "6.2", "iii"),
        .init("EC: ICT: ES: 1C", "Smart Electricity Meters", .smart, "%", .higher, "7.3", "iii"),
        .init("EC: ICT: ES: 2A", "Electricity Supply ICT Monitoring", .smart, "%", .higher, "7.3", "iim"),
        .init("EC: ICT: ES: 3A", "Demand Response Penetration", nil, "%", .higher, nil, "dd-"),
        .init("EC: ICT: T: 1C", "Dynamic Public Transport Information", .smart, "%", .higher, "11.2", "iii"),
        .init("EC: ICT: T: 2C", "Traffic Monitoring", .smart, "%", .higher, "11.2", "iii"),
        .init("EC: ICT: T: 3A", "Intersection Control", .smart, "%", .higher, "11.2", "iii"),
        .init("EC: ICT: PS: 1A", "Open Data", nil, "number and %", .higher, nil, "dd-"),
        .init("EC: ICT: PS: 2A", "e-Government", nil, "services", .higher, nil, "ii-"),
        .init("EC: ICT: PS: 3A", "Public Sector e-Procurement", nil, "%", .higher, nil, "ii-"),
    ]

    private static let productivityAndInfrastructure: [CatalogueEntry] = [
        .init("EC: P: IN: 1C", "R&D Expenditure", nil, "% of GDP", .higher, nil, "ii-"),
        .init("EC: P: IN: 2C", "Patents", nil, "/100 000 inhabitants/year", .higher, nil, "ii-"),
        .init("EC: P: IN: 3A", "Small and Medium-Sized Enterprises", nil, "%", .higher, nil, "ii-"),
        .init("EC: P: EM: 1C", "Unemployment Rate", .structural, "%", .lower, nil, "ii-"),
        .init("EC: P: EM: 2C", "Youth Unemployment Rate", nil, "%", .lower, nil, "ii-"),
        .init("EC: P: EM: 3A", "Tourism Sector Employment", nil, "%", .higher, nil, "ii-"),
        .init("EC: P: EM: 4A", "ICT Sector Employment", nil, "%", .higher, nil, "ii-"),
        .init("EC: I: WS: 1C", "Basic Water Supply", nil, "%", .higher, nil, "dd-"),
        .init("EC: I: WS: 2C", "Potable Water Supply", nil, "%", .higher, "6.1.1", "ddi"),
        .init("EC: I: WS: 3C", "Water Supply Loss", nil, "%", .lower, "6.4", "ddm"),
        .init("EC: I: WS: 4C", "Wastewater Collection", nil, "%", .higher, nil, "dd-"),
        .init("EC: I: WS: 5C", "Household Sanitation", nil, "%", .higher, "6.2.1", "dii"),
        .init("EC: I: WA: 1C", "Solid Waste Collection", nil, "%", .higher, "11.6", "iim"),
        .init(
            "EC: I: ES: 1C", "Electricity System Outage Frequency", .structural, "/customer/year", .lower, "7.1",
            "iii"),
        .init("EC: I: ES: 2C", "Electricity System Outage Time", nil, "min", .lower, "7.1", "iii"),
        .init("EC: I: ES: 3C", "Access to Electricity", .structural, "%", .higher, "7.1.1", "iii"),
        .init("EC: I: T: 1C", "Public Transport Network", nil, "km/100 000 inhabitants", .higher, nil, "dd-"),
        .init("EC: I: T: 2A", "Public Transport Network Convenience", .sustainable, "%", .higher, nil, "ii-"),
        .init("EC: I: T: 3C", "Bicycle Network", nil, "km/100 000 inhabitants", .higher, nil, "dd-"),
        .init("EC: I: T: 4A", "Transportation Mode Share", nil, "%", nil, nil, "dd-"),
        .init("EC: I: T: 5A", "Travel Time Index", .sustainable, "ratio", .lower, "11.2", "iii"),
        .init("EC: I: T: 6A", "Shared Bicycles", nil, "/100 000 inhabitants", .higher, nil, "dd-"),
        .init("EC: I: T: 7A", "Shared Vehicles", nil, "/100 000 inhabitants", .higher, nil, "dd-"),
        .init("EC: I: T: 8A", "Low-Carbon Emission Passenger Vehicles", nil, "%", .higher, nil, "dd-"),
        .init("EC: I: B: 1A", "Public Building Sustainability", nil, "%", .higher, nil, "ii-"),
        .init(
            "EC: I: B: 2A", "Integrated Building Management Systems in Public Buildings", .smart, "%", .higher, nil,
            "ii-"),
        .init("EC: I: UP: 1A", "Pedestrian Infrastructure", nil, "%", .higher, nil, "dd-"),
        .init("EC: I: UP: 2A", "Urban Development and Spatial Planning", nil, "yes/no", .higher, nil, "dd-"),
    ]
}
