// What drivers ask of their settings. The configuration has checked kinds and ranges, so a value of another kind is a
// mistake of ours, not the technician's.

internal import World

extension DriverSettings {
    func integer(_ name: String) -> Int64? {
        guard let value = values[name] else { return nil }
        guard case .integer(let number) = value else { wrongKind(name, value) }
        return number
    }

    func number(_ name: String) -> Double? {
        switch values[name] {
        case nil: return nil
        case .number(let number)?: return number
        case .integer(let number)?: return Double(number)
        case let other?: wrongKind(name, other)
        }
    }

    func text(_ name: String) -> String? {
        guard let value = values[name] else { return nil }
        guard case .text(let text) = value else { wrongKind(name, value) }
        return text
    }

    func flag(_ name: String) -> Bool? {
        guard let value = values[name] else { return nil }
        guard case .flag(let flag) = value else { wrongKind(name, value) }
        return flag
    }

    func quantity(_ name: String) -> (number: DecimalNumber, unit: String)? {
        guard let value = values[name] else { return nil }
        guard case .quantity(let mantissa, let exponent, let unit) = value,
            let number = DecimalNumber(mantissa: mantissa, exponent: Int(exponent))
        else { wrongKind(name, value) }
        return (number, unit)
    }

    func duration(_ name: String) -> Duration? {
        guard let value = values[name] else { return nil }
        guard case .duration(let duration) = value else { wrongKind(name, value) }
        return duration
    }

    func registers(_ name: String) -> RegisterMap? {
        guard let value = values[name] else { return nil }
        guard case .registers(let map) = value else { wrongKind(name, value) }
        return map
    }

    /// A quantity as the nearest Double, in the unit that the parameter asks for first.
    func physical(_ name: String) -> Double? { quantity(name)?.number.value }

    func requiredDevice() throws(SettingFault) -> BusDevice {
        guard let device else {
            throw SettingFault(
                parameter: "bus", text: "no bus; expected one of the board's I2C buses; add `bus: i2c1`")
        }
        return device
    }

    func requiredLine() throws(SettingFault) -> LineRequest {
        guard let line else {
            throw SettingFault(
                parameter: "line", text: "no line; expected one of the board's; add for example `line: GPIO17`")
        }
        return line
    }

    private func wrongKind(_ name: String, _ value: Setting) -> Never {
        invariantFailed("sensor \(sensorID): \(name) arrived as \(value)")
    }
}

/// Names that may stand after the dot of a channel's name and in topics.
func isQuantityName(_ text: String) -> Bool {
    guard let first = text.utf8.first, (0x61...0x7A).contains(first), text.utf8.count <= 32 else { return false }
    return text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
}
