// The catalogue's dimensions Environment, and Society and Culture; U4SSC.swift says what the columns are.

extension U4SSC {
    static let environment: [CatalogueEntry] = [
        .init("EN: EN: AQ: 1C", "Air Pollution", .sustainable, "ug/m3", .lower, "11.6, 11.6.2", "iii"),
        .init("EN: EN: AQ: 2C", "GHG Emissions", nil, "t CO2e/capita", .lower, nil, "dd-"),
        .init("EN: EN: WS: 1C", "Drinking Water Quality", .sustainable, "%", .higher, "6.1", "iim"),
        .init("EN: EN: WS: 2C", "Water Consumption", nil, "L/capita/day", .lower, "6.4", "dmm"),
        // The Collection Methodology describes m3 per capita; cities report a share.
        .init("EN: EN: WS: 3C", "Freshwater Consumption", .sustainable, "%", .lower, "6.4", "idi"),
        .init("EN: EN: WS: 4C", "Wastewater Treatment", nil, "%", .higher, nil, "dd-"),
        .init("EN: EN: WA: 1C", "Solid Waste Treatment", nil, "%", nil, "11.6, 12.5", "ddm"),
        .init("EN: EN: EQ: 1C", "EMF Exposure", nil, "%", .higher, "16.B", "iii"),
        .init("EN: EN: EQ: 2A", "Noise Exposure", nil, "%", .lower, "11.6, 3.9", "ddm"),
        .init("EN: EN: PSN: 1C", "Green Areas", nil, "ha/100 000 inhabitants", .higher, nil, "dm-"),
        .init("EN: EN: PSN: 2A", "Green Area Accessibility", nil, "%", .higher, nil, "dd-"),
        .init("EN: EN: PSN: 3A", "Protected Natural Areas", nil, "%", .higher, nil, "dd-"),
        .init("EN: EN: PSN: 4A", "Recreational Facilities", nil, "m2/100 000 inhabitants", .higher, nil, "dm-"),
        .init("EN: E: E: 1C", "Renewable Energy Consumption", nil, "%", .higher, "7.2", "ddm"),
        .init("EN: E: E: 2C", "Electricity Consumption", nil, "kWh/capita/year", .lower, "7.3", "ddm"),
        .init("EN: E: E: 3C", "Residential Thermal Energy Consumption", nil, "GJ/capita/year", .lower, "7.3", "ddm"),
        .init("EN: E: E: 4A", "Public Building Energy Consumption", nil, "ekWh/m2/year", .lower, "7.3", "ddm"),
    ]

    static let society: [CatalogueEntry] = [
        .init("SC: EH: ED: 1C", "Student ICT Access", .smart, "%", .higher, "4.4.1, 4.a.1", "iii"),
        .init("SC: EH: ED: 2C", "School Enrollment", nil, "%", .higher, nil, "dd-"),
        .init("SC: EH: ED: 3C", "Higher Education Degrees", nil, "/100 000 inhabitants", .higher, nil, "dd-"),
        .init("SC: EH: ED: 4C", "Adult Literacy", nil, "%", .higher, nil, "dd-"),
        // Its code says education; the Collection Methodology files it under health.
        .init("SC: EH: ED: 5A", "Electronic Health Records", .smart, "%", .higher, nil, "ii-", category: "Health"),
        .init("SC: EH: H: 1C", "Life Expectancy", nil, "years", .higher, nil, "dm-"),
        .init("SC: EH: H: 2C", "Maternal Mortality Rate", nil, "/100 000 live births", .lower, nil, "dm-"),
        .init("SC: EH: H: 3C", "Physicians", nil, "/100 000 inhabitants", .higher, nil, "dd-"),
        .init("SC: EH: H: 4A", "In-Patient Hospital Beds", nil, "/100 000 inhabitants", .higher, nil, "dd-"),
        .init("SC: EH: H: 5A", "Health Insurance / Public Health Coverage", nil, "%", .higher, nil, "dd-"),
        .init("SC: EH: C: 1C", "Cultural Expenditure", nil, "%", .higher, nil, "dd-"),
        .init("SC: EH: C: 2A", "Cultural Infrastructure", nil, "/100 000 inhabitants", .higher, nil, "dd-"),
        .init("SC: SH: HO: 1C", "Informal Settlements", nil, "%", .lower, nil, "dd-"),
        .init("SC: SH: HO: 2A", "Housing Expenditure", nil, "%", .lower, nil, "dd-"),
        // Best at 1.
        .init("SC: SH: SI: 1C", "Gender Income Equity", nil, "ratio", nil, nil, "ii-"),
        .init("SC: SH: SI: 2C", "Gini Coefficient", nil, "0 to 1", .lower, nil, "id-"),
        .init("SC: SH: SI: 3C", "Poverty Rate", nil, "%", .lower, nil, "ii-"),
        .init("SC: SH: SI: 4C", "Voter Participation", nil, "%", .higher, nil, "ii-"),
        .init("SC: SH: SI: 5A", "Child Care Availability", .structural, "%", .higher, "4.2", "iii"),
        .init("SC: SH: SA: 1C", "Natural Disaster-Related Deaths", nil, "/100 000 inhabitants", .lower, nil, "ii-"),
        .init("SC: SH: SA: 2C", "Disaster-Related Economic Losses", nil, "% of GDP", .lower, nil, "ii-"),
        .init("SC: SH: SA: 3A", "Resilience Plans", nil, "yes/no", .higher, nil, "ii-"),
        .init("SC: SH: SA: 4A", "Population Living in Disaster-Prone Areas", nil, "%", .lower, nil, "ii-"),
        .init("SC: SH: SA: 5A", "Emergency Service Response Time", nil, "min", .lower, nil, "ii-"),
        .init("SC: SH: SA: 6C", "Police Service", nil, "FTE/100 000 inhabitants", .higher, nil, "ii-"),
        .init("SC: SH: SA: 7C", "Fire Service", nil, "FTE/100 000 inhabitants", .higher, nil, "ii-"),
        .init("SC: SH: SA: 8C", "Violent Crime Rate", nil, "/100 000 inhabitants", .lower, nil, "ii-"),
        .init("SC: SH: SA: 9C", "Traffic Fatalities", nil, "/100 000 inhabitants", .lower, nil, "ii-"),
        .init("SC: SH: FS: 1A", "Local Food Production", nil, "%", .higher, nil, "ii-"),
    ]
}
