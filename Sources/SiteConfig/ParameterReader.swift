// The keys that a driver's catalogue entry declares, read by their kind.

import Sensors
import World

struct ParameterReader {
    let folder: String
    let findings: Findings

    /// Nil when the key is missing or its value is refused.
    func read(_ parameter: Parameter, _ fields: inout Fields, _ fileExists: (String) -> Bool) -> Setting? {
        if case .registers = parameter.kind {
            return RegisterMapReader(findings: findings).read(parameter.name, &fields).map(Setting.registers)
        }
        let line = "\(parameter.name): \(example(parameter))"
        let scalar =
            parameter.isRequired
            ? fields.required(parameter.name, parameter.about, example: line)
            : fields.scalar(parameter.name, default: parameter.fallback.flatMap(shown))
        // A default needs no check, and need not survive its own.
        guard let scalar, !scalar.isDefault else { return nil }
        switch parameter.kind {
        case .integer(let range): return findings.integer(scalar, in: range).map(Setting.integer)
        case .number(let range): return findings.number(scalar, in: range).map(Setting.number)
        case .choice(let names): return findings.choice(scalar, of: names).map(Setting.text)
        case .flag: return findings.flag(scalar).map(Setting.flag)
        case .duration(let range): return findings.duration(scalar, in: range).map(Setting.duration)
        case .quantity(let symbols):
            let units = symbols.compactMap { Unit.named($0) }
            invariant(units.count == symbols.count, "\(parameter.name) asks for a unit that is not in the registry")
            return findings.quantity(scalar, in: units, example: example(parameter)).map {
                .quantity(mantissa: $0.number.mantissa, exponent: $0.number.exponent, unit: $0.unit.symbol)
            }
        case .text:
            if !scalar.text.isEmpty, !scalar.text.contains("\n") { return .text(scalar.text) }
            findings.add(
                scalar.place, quoted("\(scalar.key): \(scalar.text)"), "a text of one line: \(parameter.about)",
                "write one")
            return nil
        case .file:
            let path = resolved(scalar.text, in: folder)
            if fileExists(path) { return .text(path) }
            findings.add(
                scalar.place, "\(quoted("\(scalar.key): \(scalar.text)")), a file that is not there or not readable",
                "a readable file", "correct the path, or the file's owner and mode")
            return nil
        case .unit: return unit(scalar)
        case .line: invariantFailed("\(parameter.name) is a line, which the board decides")
        case .registers: invariantFailed("\(parameter.name) is a map and was read as a value")
        }
    }

    func unit(_ scalar: Scalar) -> Setting? {
        if let unit = Unit.named(scalar.text), unit.isPublished { return .text(unit.symbol) }
        let found = quoted("\(scalar.key): \(scalar.text)")
        if let unit = Unit.named(scalar.text) {
            let others = Unit.all.filter { $0.dimension == unit.dimension && $0.isSenML }.map(\.symbol)
            findings.add(
                scalar.place, found, "a unit that SenML knows (\(oneOf(others)))", "convert the numbers to one of them")
        } else {
            let nearest = Nearest.name(to: scalar.text, among: Unit.names())
            findings.add(
                scalar.place, found, "a unit (Cel, %RH, hPa, ug/m3, m3, kWh, ...)",
                nearest.map { "write `\(scalar.key): \($0)`" } ?? "write its SenML symbol (RFC 8428, RFC 8798)")
        }
        return nil
    }

    private func example(_ parameter: Parameter) -> String {
        switch parameter.kind {
        case .integer(let range): "\(range.lowerBound)"
        case .number: "1.0"
        case .text, .file: "..."
        case .choice(let names): names.first ?? "..."
        case .flag: "true"
        case .duration: "10s"
        case .quantity(let units): units.first == "m3" ? "10 L" : "1 \(units.first ?? "")"
        case .unit: "Cel"
        case .line: "GPIO23"
        case .registers: "..."
        }
    }

    /// A fallback as the user would have typed it.
    private func shown(_ setting: Setting) -> String? {
        switch setting {
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .text(let text): text
        case .flag(let flag): "\(flag)"
        case .duration(let duration): duration.shown
        case .quantity(let mantissa, let exponent, let unit):
            DecimalNumber(mantissa: mantissa, exponent: Int(exponent)).map { "\($0) \(unit)" }
        case .registers: nil
        }
    }
}
