// What the text of a value means: durations, sizes, numbers, names. Each reader reports its own problem and answers
// nil.

import World

extension Findings {
    private func refuse(_ scalar: Scalar, _ expected: String, _ remedy: String) {
        add(scalar.place, quoted("\(scalar.key): \(scalar.text)"), expected, remedy)
    }

    private func write(_ scalar: Scalar, _ value: String) -> String { "write \(quoted("\(scalar.key): \(value)"))" }

    // MARK: With units

    /// `likely`: the unit that a bare number probably meant.
    func duration(_ scalar: Scalar, in range: ClosedRange<Duration>, likely: String = "s") -> Duration? {
        let expected = "a duration with a unit (ms, s, min, h or d)"
        guard let quantity = quantity(scalar, expected, ["ms", "s", "min", "h", "d"], likely: likely) else {
            return nil
        }
        guard let nanoseconds = quantity.converted(to: .second)?.number.integer(scale: -9) else {
            refuse(scalar, expected, "write it in whole nanoseconds, below 292 years")
            return nil
        }
        let duration = Duration.nanoseconds(nanoseconds)
        guard range.contains(duration) else {
            let nearest = duration < range.lowerBound ? range.lowerBound : range.upperBound
            refuse(
                scalar, "between \(range.lowerBound.shown) and \(range.upperBound.shown)", write(scalar, nearest.shown))
            return nil
        }
        return duration
    }

    /// Bytes.
    func size(_ scalar: Scalar, in range: ClosedRange<Int64>, likely: String = "MiB") -> Int? {
        let expected = "a size with a unit (B, kB, MB, GB, KiB, MiB or GiB)"
        let units = ["B", "kB", "MB", "GB", "KiB", "MiB", "GiB"]
        guard let quantity = quantity(scalar, expected, units, likely: likely) else { return nil }
        guard let bytes = quantity.converted(to: .byte)?.number.integer(scale: 0) else {
            refuse(scalar, expected, "write a whole number of bytes")
            return nil
        }
        guard range.contains(bytes), let result = Int(exactly: bytes) else {
            let nearest = bytes < range.lowerBound ? range.lowerBound : range.upperBound
            refuse(
                scalar, "between \(Self.shown(bytes: range.lowerBound)) and \(Self.shown(bytes: range.upperBound))",
                write(scalar, Self.shown(bytes: nearest)))
            return nil
        }
        return result
    }

    /// A quantity in one of `units` (by symbol).
    private func quantity(_ scalar: Scalar, _ expected: String, _ units: [String], likely: String) -> Quantity? {
        do throws(Quantity.Fault) {
            let quantity = try Quantity.parse(scalar.text)
            if units.contains(quantity.unit.symbol) { return quantity }
            refuse(
                scalar, expected, remedy(scalar, badUnit: quantity.unit.symbol, number: quantity.number, units, likely))
        } catch {
            refuse(scalar, expected, remedy(scalar, error, units, likely: likely))
        }
        return nil
    }

    /// A quantity that can be said exactly in `wanted`. `ofMeter`: its unit stands on the meter.
    func quantity(_ scalar: Scalar, in wanted: [Unit], example: String, ofMeter: Bool = true) -> Quantity? {
        let names = wanted.map(\.display)
        let expected = "a quantity with a unit (\(oneOf(names)), or another of the same kind)"
        do throws(Quantity.Fault) {
            let quantity = try Quantity.parse(scalar.text, wanted: wanted.first)
            guard let target = wanted.first(where: { $0.dimension == quantity.unit.dimension }) else {
                refuse(scalar, expected, "write for example \(quoted("\(scalar.key): \(example)"))")
                return nil
            }
            if let converted = quantity.converted(to: target) { return converted }
            refuse(scalar, "a quantity that is exact in \(target.display)", "write it in \(target.display)")
        } catch {
            switch error {
            case .noUnit, .noNumber:
                // Litres or cubic metres? A guess that is copied would be wrong by a thousand.
                refuse(
                    scalar, expected,
                    "add the unit\(ofMeter ? " that the meter shows" : ""),"
                        + " for example \(quoted("\(scalar.key): \(example)"))")
            case .unknownUnit:
                let known = wanted.flatMap { Unit.names(of: $0.dimension) }
                refuse(scalar, expected, remedy(scalar, error, known, likely: wanted.first?.display ?? ""))
            }
        }
        return nil
    }

    /// A difference in the unit of a channel (a calibration offset), as the nearest `Double`.
    func difference(_ scalar: Scalar, in unit: Unit) -> Double? {
        let expected = "an offset with its unit (\(unit.display), or another of the same kind)"
        do throws(Quantity.Fault) {
            let quantity = try Quantity.parse(scalar.text, wanted: unit)
            guard quantity.unit.dimension == unit.dimension else {
                refuse(scalar, expected, "write it in \(unit.display)")
                return nil
            }
            if let exact = quantity.converted(to: unit, as: .difference) { return exact.number.value }
            return quantity.number.value * quantity.unit.factor.value / unit.factor.value
        } catch {
            refuse(scalar, expected, remedy(scalar, error, [unit.display], likely: unit.display))
            return nil
        }
    }

    /// A threshold of something in that unit, exact, and within what is plausible there: beyond it readings are
    /// uncertain, and not judged. States, counts and indices need no unit.
    func level(
        _ scalar: Scalar, in unit: Unit, of name: String, _ plausible: ClosedRange<Double>
    ) -> DecimalNumber? {
        let isPlain = unit.symbol == "/" || unit.dimension == .count
        let expected =
            isPlain ? "a number" : "a threshold with its unit (\(unit.display), or another of the same kind)"
        var number: DecimalNumber?
        do throws(Quantity.Fault) {
            let quantity = try Quantity.parse(scalar.text, wanted: unit)
            guard quantity.unit.dimension == unit.dimension else {
                refuse(scalar, expected, "write it in \(unit.display), the unit of \(name)")
                return nil
            }
            number = quantity.converted(to: unit)?.number
            if number == nil {
                refuse(scalar, "a threshold that is exact in \(unit.display)", "write it in \(unit.display)")
            }
        } catch {
            if isPlain, case .noUnit(let plain) = error {
                number = plain
            } else {
                refuse(scalar, expected, remedy(scalar, error, [unit.display], likely: isPlain ? "" : unit.display))
            }
        }
        guard let number, !plausible.contains(number.value) else { return number }
        let range = "\(plausible.lowerBound.shown) to \(plausible.upperBound.shown) \(unit.display)"
        refuse(scalar, "a threshold within the plausible range of \(name), \(range)", "correct it")
        return nil
    }

    private func remedy(
        _ scalar: Scalar, _ fault: Quantity.Fault, _ units: [String], likely: String
    ) -> String {
        switch fault {
        case .noNumber: return "write for example \(quoted("\(scalar.key): \(Self.joined("10", likely))"))"
        case .noUnit(let number): return write(scalar, Self.joined(number.description, likely))
        case .unknownUnit(let name):
            if name.hasPrefix(",") { return write(scalar, scalar.text.replacingFirstComma) + ", with a decimal point" }
            let number = (try? Quantity.parse(String(scalar.text.dropLast(name.count)) + "s"))?.number
            return remedy(scalar, badUnit: name, number: number, units, likely)
        }
    }

    private func remedy(
        _ scalar: Scalar, badUnit name: String, number: DecimalNumber?, _ units: [String], _ likely: String
    ) -> String {
        let meant = ["m": "min", "M": "MiB", "K": "KiB", "k": "KiB", "G": "GiB", "KB": "kB", "mb": "MB", "kb": "kB"][
            name]
        guard let guess = meant.flatMap({ units.contains($0) ? $0 : nil }) ?? Nearest.name(to: name, among: units)
        else {
            return
                "write one number with one unit, for example \(quoted("\(scalar.key): \(Self.joined("10", likely))"))"
        }
        return write(scalar, Self.joined(number?.description ?? "10", guess))
    }

    /// Times and sizes are usually written without a blank, everything else with one.
    private static func joined(_ number: String, _ unit: String) -> String {
        let dimension = Unit.named(unit)?.dimension
        return number + (dimension == .time || dimension == .data ? "" : " ") + unit
    }

    // MARK: Without

    func integer(_ scalar: Scalar, in range: ClosedRange<Int64>) -> Int64? {
        guard let number = DecimalNumber(scalar.text), let value = number.integer(scale: 0), range.contains(value)
        else {
            let example = DecimalNumber(scalar.text).map { $0.value < Double(range.lowerBound) } ?? true
            refuse(
                scalar, "a whole number between \(range.lowerBound) and \(range.upperBound)",
                write(scalar, "\(example ? range.lowerBound : range.upperBound)"))
            return nil
        }
        return value
    }

    func number(_ scalar: Scalar, in range: ClosedRange<Double>) -> Double? {
        guard let number = DecimalNumber(scalar.text) else {
            let point =
                scalar.text.contains(",") ? write(scalar, scalar.text.replacingFirstComma) : "write plain digits"
            refuse(scalar, "a number between \(range.lowerBound.shown) and \(range.upperBound.shown)", point)
            return nil
        }
        guard range.contains(number.value) else {
            refuse(scalar, "a number between \(range.lowerBound.shown) and \(range.upperBound.shown)", "correct it")
            return nil
        }
        return number.value
    }

    func flag(_ scalar: Scalar) -> Bool? {
        switch scalar.text {
        case "true": return true
        case "false": return false
        default:
            let isNo = ["no", "off", "n", "0", "disabled"].contains(scalar.text.lowercased())
            refuse(scalar, "true or false", write(scalar, isNo ? "false" : "true"))
            return nil
        }
    }

    func choice(_ scalar: Scalar, of names: [String]) -> String? {
        if names.contains(scalar.text) { return scalar.text }
        let nearest = Nearest.name(to: scalar.text, among: names)
        refuse(scalar, oneOf(names), nearest.map { write(scalar, $0) } ?? "write one of them")
        return nil
    }

    /// A name of `allowed` characters that begins with a letter or digit. `kinds` says which in words.
    func name(_ scalar: Scalar, extra: String, longest: Int = 63) -> String? {
        let kinds = "lower-case letters and digits" + extra.map { $0 == "_" ? ", `_`" : ", `\($0)`" }.joined()
        let isRight = scalar.text.unicodeScalars.enumerated().allSatisfy { index, scalar in
            ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
                || (index > 0 && extra.unicodeScalars.contains(scalar))
        }
        if isRight, !scalar.text.isEmpty, scalar.text.unicodeScalars.count <= longest { return scalar.text }
        let repaired = Self.repaired(scalar.text, extra: extra, longest: longest)
        refuse(
            scalar, "1 to \(longest) \(kinds), a letter or digit first",
            repaired.isEmpty ? "choose such a name" : write(scalar, repaired))
        return nil
    }

    /// The nearest allowed name: lower case, everything else a `-`.
    private static func repaired(_ text: String, extra: String, longest: Int) -> String {
        var result = ""
        let plain = text.lowercased().reduce("") { $0 + (Self.plainLetters[$1] ?? String($1)) }
        for scalar in plain.unicodeScalars {
            let isPlain = ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
            if isPlain || (extra.unicodeScalars.contains(scalar) && !result.isEmpty) {
                result.unicodeScalars.append(scalar)
            } else if scalar == " " || scalar == "." || scalar == "_" || scalar == "-", !result.isEmpty {
                result += extra.contains("-") ? "-" : "_"
            }
        }
        return String(result.prefix(longest))
    }

    /// The letters of European place names.
    private static let plainLetters: [Character: String] = {
        let families = [
            "a": "àáâãåāăą", "ae": "äæ", "c": "çćč", "d": "ďđ", "e": "èéêëēęě", "g": "ğ", "i": "ìíîïīı", "l": "łľ",
            "n": "ñńň", "o": "òóôõøőō", "oe": "öœ", "r": "řŕ", "s": "śšş", "ss": "ß", "t": "ťţ", "u": "ùúûůűū",
            "ue": "ü",
            "y": "ýÿ", "z": "źżž",
        ]
        var letters: [Character: String] = [:]
        for (plain, family) in families { for letter in family { letters[letter] = plain } }
        return letters
    }()

    static func shown(bytes: Int64) -> String {
        for (size, name) in [(Int64(1) << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        where bytes >= size && bytes % size == 0 {
            return "\(bytes / size)\(name)"
        }
        return "\(bytes)B"
    }
}

extension Duration {
    /// As a technician would type it: the largest unit that leaves a whole number.
    var shown: String {
        let nanoseconds = nanoseconds
        if nanoseconds == 0 { return "0s" }
        for (size, name) in [
            (Int64(86_400_000_000_000), "d"), (3_600_000_000_000, "h"), (60_000_000_000, "min"), (1_000_000_000, "s"),
            (1_000_000, "ms"), (1_000, "us"),
        ] where nanoseconds % size == 0 {
            return "\(nanoseconds / size)\(name)"
        }
        return "\(nanoseconds)ns"
    }
}

extension Double {
    /// Whole numbers without a fraction.
    fileprivate var shown: String { description.hasSuffix(".0") ? String(description.dropLast(2)) : description }
}

extension Unit {
    static let second = known("s")
    static let byte = known("B")

    private static func known(_ symbol: String) -> Unit {
        guard let unit = named(symbol) else { invariantFailed("no unit \(symbol)") }
        return unit
    }
}

extension String {
    fileprivate var replacingFirstComma: String {
        guard let comma = firstIndex(of: ",") else { return self }
        return String(self[..<comma]) + "." + String(self[index(after: comma)...])
    }
}
