// A binding as the node's inventory tells it, so that the platform folds archived readings as the node did:
//
//     {"averaging_s":360,"channel":"water.volume","indicator":"en-en-ws-2c","instrument":"low_cost",
//      "labels":{"zone":"dma-7"},"scale":-2,"series":"volume","unit":"m3","window_s":900}
//
// Members that have nothing to say are absent: `weight` ({"inhabitants": 1200}), `tables`, `u` ({"random_ppm",
// "sys_ppm"}), `certificate_s` (UTC seconds until which the certificate is valid), and of the method `first`, `second`,
// `below` (1: seconds below are counted), `event` (1: crossings, 2: emptyings), `lower`, `upper`, `limit_mv`,
// `hold_s`, `k`. Whole numbers all; names sorted.

import World

extension KPIBinding {
    public var record: [UInt8] {
        var writer = CanonicalWriter()
        writer.object { object in
            object.integer("averaging_s", method.averagingSeconds)
            if method.countsBelow { object.integer("below", 1) }
            if let certificateValidUntil { object.integer("certificate_s", certificateValidUntil.seconds) }
            object.text("channel", channelName)
            if method.event != .none { object.integer("event", method.event == .crossing ? 1 : 2) }
            object.write("first", method.first)
            object.write("hold_s", method.holdSeconds)
            object.text("indicator", indicator.slug)
            object.text("instrument", instrument.rawValue)
            object.write("k", method.minimumCount)
            if !labels.isEmpty {
                object.object("labels") { object in
                    for (label, name) in labels.sorted(by: { $0.key < $1.key }) { object.text(label.rawValue, name) }
                }
            }
            object.write("limit_mv", method.limitMillivolts)
            object.write("lower", method.lower)
            object.integer("scale", Int64(scale))
            object.write("second", method.second)
            object.text("series", series)
            if !tables.isEmpty {
                object.object("tables") { object in
                    for (table, name) in tables.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                        object.text(table, name)
                    }
                }
            }
            if let uncertainty {
                object.object("u") { object in
                    object.integer("random_ppm", uncertainty.randomPpm)
                    object.integer("sys_ppm", uncertainty.systematicPpm)
                }
            }
            object.text("unit", unit)
            object.write("upper", method.upper)
            if let weight { object.object("weight") { $0.integer(weight.kind.rawValue, weight.value) } }
            object.integer("window_s", windowSeconds)
        }
        return writer.bytes
    }

    /// Reads a record. `channel` says which place in the platform's own table a channel's name has.
    package init(
        from reader: inout JSONReader, channel: (String) -> ChannelID
    ) throws(ContributionFault) {
        var texts: [String: String] = [:]
        var numbers: [String: Int64] = [:]
        var labels: [Label: String] = [:]
        var tables: [String: String] = [:]
        var uncertainty: [String: Int64] = [:]
        var weight: Weight?
        try reader.object { reader, name throws(ContributionFault) in
            switch name {
            case "channel", "indicator", "instrument", "series", "unit": texts[name] = try reader.string()
            case "labels":
                try reader.object { reader, name throws(ContributionFault) in
                    guard let label = Label(rawValue: name) else { throw .unknown(member: "labels.\(name)") }
                    labels[label] = try reader.string()
                }
            case "tables":
                try reader.object { reader, name throws(ContributionFault) in tables[name] = try reader.string() }
            case "u":
                try reader.object { reader, name throws(ContributionFault) in
                    uncertainty[name] = try reader.integer()
                }
            case "weight":
                try reader.object { reader, name throws(ContributionFault) in
                    guard let kind = Weight.Kind(rawValue: name) else { throw .unknown(member: "weight.\(name)") }
                    weight = Weight(kind, try reader.integer())
                }
            case "averaging_s", "below", "certificate_s", "event", "first", "hold_s", "k", "limit_mv", "lower", "scale",
                "second", "upper", "window_s":
                numbers[name] = try reader.integer()
            // What a later version says of a binding may change what its numbers mean.
            default: throw .unknown(member: name)
            }
        }
        for name in ["channel", "indicator", "instrument", "series", "unit"] where texts[name] == nil {
            throw .missing(name)
        }
        guard let indicator = Indicator.named(texts["indicator"] ?? "") else {
            throw .unknownIndicator(texts["indicator"] ?? "")
        }
        guard let instrument = InstrumentClass(rawValue: texts["instrument"] ?? "") else {
            throw .outOfRange(member: "instrument")
        }
        guard let window = numbers["window_s"], window == 900 || window == 3_600 else {
            throw .outOfRange(member: "window_s")
        }
        guard Weight.allowed.contains(weight?.value ?? 1) else { throw .outOfRange(member: "weight") }
        var method = Method()
        method.first = numbers["first"]
        method.second = numbers["second"]
        method.countsBelow = numbers["below"] == 1
        method.event = numbers["event"] == 1 ? .crossing : numbers["event"] == 2 ? .emptying : .none
        method.lower = numbers["lower"]
        method.upper = numbers["upper"]
        method.limitMillivolts = numbers["limit_mv"]
        method.averagingSeconds = numbers["averaging_s"] ?? method.averagingSeconds
        method.holdSeconds = numbers["hold_s"]
        method.minimumCount = numbers["k"]
        if indicator.measure == .exposure {
            guard method.averagingSeconds > 0, window % method.averagingSeconds == 0 else {
                throw .outOfRange(member: "averaging_s")
            }
            guard (1...3_000_000).contains(method.limitMillivolts ?? 0) else { throw .outOfRange(member: "limit_mv") }
        }
        let unit = texts["unit"] ?? ""
        guard indicator.measure.conversion(from: unit) != nil else { throw .wrongUnit(unit) }
        guard let scale = numbers["scale"].flatMap({ Int8(exactly: $0) }),
            KPIBinding.canFold(indicator, unit: unit, scale: scale)
        else { throw .outOfRange(member: "scale") }
        let name = texts["channel"] ?? ""
        self.init(
            indicator: indicator, channel: channel(name), channelName: name, unit: unit, scale: scale,
            series: texts["series"], labels: labels, weight: weight, windowSeconds: window, method: method,
            instrument: instrument, certificateValidUntil: numbers["certificate_s"].map { UTC(seconds: $0) },
            uncertainty: uncertainty.isEmpty
                ? nil
                : RelativeUncertainty(
                    randomPpm: uncertainty["random_ppm"] ?? 0, systematicPpm: uncertainty["sys_ppm"] ?? 0),
            tables: tables)
    }
}

extension CanonicalWriter {
    fileprivate mutating func write(_ name: String, _ value: Int64?) {
        if let value { integer(name, value) }
    }
}
