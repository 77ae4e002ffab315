// Electricity, heat, renewable sources, public buildings.

extension Evaluation {
    static let renewableSources: Set<String> = ["pv", "wind", "hydro", "biomass", "geothermal"]

    func energy(_ stratum: Stratum, _ indicator: Indicator) -> [Figure] {
        guard indicator.slug == "en-e-e-2c" else {
            return sources(
                stratum, wanted: Self.renewableSources, named: "renewable",
                share: { EnergyUse.renewablePercent([$0], of: $1) })
        }
        let exported = Amount(stratum.sources.filter { $0.labels[.direction] == "export" })
        let imported = Amount(stratum.sources.filter { $0.labels[.direction] != "export" })
        let used = imported.less(exported)
        var figure = perInhabitant("kWh", method: "u4ssc-e-2c/1")
        figure.numerator = used.exact(in: "mWh")
        figure.value = city.inhabitants.flatMap {
            EnergyUse.kilowattHoursPerCapita(milliwattHours: used.value, inhabitants: $0)
        }
        complete(&figure, stratum.sources, stratum)
        return [figure]
    }

    func heat(_ stratum: Stratum) -> [Figure] {
        let used = Amount(stratum.sources)
        var figure = perInhabitant("GJ", method: "u4ssc-e-3c/1")
        figure.numerator = used.exact(in: "J")
        figure.value = city.inhabitants.flatMap {
            EnergyUse.gigajoulesPerCapita(joules: used.value, inhabitants: $0)
        }
        complete(&figure, stratum.sources, stratum)
        return [figure]
    }

    private func perInhabitant(_ unit: String, method: String) -> Figure {
        var figure = Figure("total", unit: "\(unit)/inhabitant" + perPeriod, method: method)
        if let inhabitants = city.inhabitants, inhabitants > 0 {
            figure.denominator = ExactAmount(Int128(inhabitants), unit: "inhabitants")
        } else {
            figure.notes.append("needs `inhabitants` of the city")
        }
        return figure
    }

    /// Annual figures of another period than a year say so: they are not blown up to one.
    var perPeriod: String {
        isYear ? "/year" : periodDays == 1 ? " in 1 day" : " in \(Decimals.text(periodDays, decimals: 2)) days"
    }

    /// Equivalent kWh for each square metre of floor, per building and of all together. The floor of a building is the
    /// largest that any of its meters says.
    func buildings(_ stratum: Stratum) -> [Figure] {
        let unit = "kWh/m2" + perPeriod
        var figures: [Figure] = []
        var counted: [SourceWindows] = []
        var lacking = 0
        var energy: Int128 = 0, area: Int128 = 0
        let buildings = Dictionary(grouping: stratum.sources) { $0.labels[.building] ?? "-" }
        for (building, sources) in buildings.sorted(by: { $0.key < $1.key }) {
            var figure = Figure("building \(building)", unit: unit, method: "u4ssc-e-4a/1", isHeadline: false)
            let squareMetres = sources.compactMap { $0.weight?.value }.max()
            let used = sources.map(milliwattHours).reduce(Int128?.some(0)) { sum, part in
                guard let sum, let part else { return nil }
                return sum + part
            }
            if squareMetres == nil { figure.notes.append("needs the building's floor area") }
            if used == nil { figure.notes.append("needs the calorific value of the city's gas") }
            if let squareMetres, let used {
                figure.divide(
                    ExactAmount(used, unit: "mWh"), by: ExactAmount(Int128(squareMetres), unit: "m2"),
                    giving: EnergyUse.kilowattHoursPerSquareMetre(
                        [Double(used) / 1e6], squareMetres: Double(squareMetres)))
                energy += used
                area += Int128(squareMetres)
                counted += sources
            } else {
                lacking += 1
            }
            complete(&figure, sources, stratum)
            figures.append(figure)
        }
        var total = Figure("total", unit: unit, method: "u4ssc-e-4a/1")
        if !counted.isEmpty {
            total.divide(
                ExactAmount(energy, unit: "mWh"), by: ExactAmount(area, unit: "m2"),
                giving: EnergyUse.kilowattHoursPerSquareMetre([Double(energy) / 1e6], squareMetres: Double(area)))
        }
        if lacking > 0 { total.notes.append("without \(lacking) buildings that lack floor area or calorific value") }
        complete(&total, counted, stratum)
        return [total] + figures
    }

    /// Whole mWh of a source; nil for gas without a calorific value.
    private func milliwattHours(_ source: SourceWindows) -> Int128? {
        let amount = Amount([source])
        guard source.items.first?.contribution.unit == "ml" else {
            return Rounding.nearest(amount.billionths, Amount.one)
        }
        guard let calorific = city.gasKilojoulesPerCubicMetre else { return nil }
        let kilowattHours = EnergyUse.kilowattHours(
            gasCubicMetres: amount.value / 1e6, megajoulesPerCubicMetre: Double(calorific) / 1_000)
        return Int128((kilowattHours * 1e6).rounded())
    }
}
