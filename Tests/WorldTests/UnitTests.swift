// The unit registry and exact quantities.

import Testing
import World

@Suite struct Units {
    @Test(
        "What people type finds the SenML unit",
        arguments: [
            ("°C", "Cel"), ("degC", "Cel"), ("Cel", "Cel"), ("℃", "Cel"), ("L", "l"), ("l", "l"), ("litre", "l"),
            ("µg/m³", "ug/m3"), ("μg/m³", "ug/m3"), ("ug/m3", "ug/m3"), ("%", "%"), ("%RH", "%RH"), ("kWh", "kWh"),
            ("hPa", "hPa"), ("mbar", "hPa"), ("ppm", "ppm"), ("m³", "m3"), ("m3/s", "m3/s"), ("lx", "lx"), ("dB", "dB"),
            ("V", "V"), ("A", "A"), ("W", "W"), ("count", "count"), ("/", "/"), ("Ω", "Ohm"), ("min", "min"),
            ("V/m", "V/m"), ("mg/L", "mg/l"), ("µS/cm", "uS/cm"), ("GHz", "GHz"),
        ])
    func typed(text: String, symbol: String) { #expect(Unit.named(text)?.symbol == symbol) }

    @Test("Case counts, and a metre is no minute")
    func cases() {
        #expect(Unit.named("mW")?.symbol == "mW" && Unit.named("MW")?.symbol == "MW")
        #expect(Unit.named("m")?.dimension == .length)
        #expect(Unit.named("cel") == nil && Unit.named("") == nil)
        #expect(Unit.named("%", wanted: Unit.named("%RH"))?.symbol == "%RH")
    }

    @Test(
        "Conversion is exact",
        arguments: [
            ("10 L", "m3", "0.01"), ("12576.53 m3", "l", "12576530"), ("1 kWh", "Wh", "1000"), ("3600 J", "Wh", "1"),
            ("1 kWh", "J", "3600000"), ("0.36 km/h", "m/s", "0.1"), ("-40 °F", "Cel", "-40"), ("0 °C", "K", "273.15"),
            ("293.15 K", "Cel", "20"), ("212 °F", "°C", "100"), ("1013.25 hPa", "Pa", "101325"), ("5 %", "/", "0.05"),
            ("1 MiB", "B", "1048576"), ("36 L/h", "m3/s", "0.00001"), ("1 mm/h", "km/h", "0.000001"),
            ("30 dBm", "dBW", "0"), ("120 1/min", "1/s", "2"), ("2500 µS/cm", "S/m", "0.25"),
            ("0.2 mg/L", "ug/m3", "200000"), ("1.8 GHz", "MHz", "1800"),
        ])
    func exact(text: String, target: String, number: String) throws {
        let unit = try #require(Unit.named(target))
        #expect(try Quantity.parse(text).converted(to: unit)?.number == DecimalNumber(number))
    }

    @Test("Channels have SenML's units, and a field's V/m, for which SenML has none")
    func published() throws {
        for symbol in ["Cel", "ug/m3", "V/m", "kWh"] { #expect(Unit.named(symbol)?.isPublished == true, "\(symbol)") }
        for symbol in ["mg/l", "uS/cm", "MiB", "GJ"] { #expect(Unit.named(symbol)?.isPublished == false, "\(symbol)") }
    }

    @Test("A difference of degrees has no zero point")
    func difference() throws {
        let celsius = try #require(Unit.named("Cel"))
        #expect(try Quantity.parse("-0.4 K").converted(to: celsius, as: .difference)?.number == DecimalNumber("-0.4"))
        #expect(try Quantity.parse("9 °F").converted(to: celsius, as: .difference)?.number == DecimalNumber("5"))
    }

    @Test("What no decimal number says, and what is of another kind, is not converted")
    func refused() throws {
        let hours = try #require(Unit.named("Wh"))
        #expect(try Quantity.parse("1 J").converted(to: hours) == nil)
        #expect(try Quantity.parse("1 L").converted(to: hours) == nil)
        #expect(try Quantity.parse("999999999999999999 GJ").converted(to: hours) == nil)
    }

    @Test("There and back again, every unit of a dimension", arguments: Unit.all)
    func roundTrip(unit: Unit) throws {
        let quantity = Quantity(try #require(DecimalNumber("-7.25")), unit)
        for other in Unit.all where other.dimension == unit.dimension {
            // Either exact or refused: never nearly right.
            guard let back = quantity.converted(to: other)?.converted(to: unit) else { continue }
            #expect(back == quantity, "\(unit.symbol) to \(other.symbol)")
        }
        #expect(Unit.named(unit.symbol) == unit && Unit.named(unit.display) == unit)
    }

    @Test("Decimal numbers keep every digit, and refuse what is none")
    func numbers() {
        #expect(DecimalNumber("-12576.530")?.description == "-12576.53")
        #expect(DecimalNumber("1e3") == DecimalNumber("1000") && DecimalNumber(".5") == DecimalNumber("0.50"))
        #expect(DecimalNumber("\u{2212}4")?.mantissa == -4)
        #expect(DecimalNumber("999999999999999999")?.mantissa == 999_999_999_999_999_999)
        #expect(DecimalNumber("-0")?.mantissa == 0)
        for text in [
            "", "-", ".", "1,5", "0x10", "nan", "inf", "1e", "1e99", "1_000", "1.2.3", "1000000000000000001", " 1",
        ] {
            #expect(DecimalNumber(text) == nil, "\(text)")
        }
        #expect(DecimalNumber("0.4")?.value == 0.4)
        #expect(DecimalNumber("1.5")?.integer(scale: -1) == 15 && DecimalNumber("1.5")?.integer(scale: 0) == nil)
    }
}
