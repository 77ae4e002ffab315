// How a node folds its readings, from what it told the platform: its retained `inventory`; or from its configuration.

import KPIs
import LinuxWorld
import SiteConfig
import World

struct FoldingRules {
    var node: String
    /// Of the configuration that the readings were taken under.
    var config: String
    var bindings: [KPIBinding] = []
    /// By name: place and decimal scale.
    var channels: [String: (id: ChannelID, scale: Int8)] = [:]
    var timezone: String?
    /// Nil: the node's contributions name no local days.
    var timezoneVersion: String?
    var noise = NoisePeriods.usual
    var peaks = PeakPeriods.usual

    /// From the node's configuration file.
    init(_ site: Site) {
        node = site.node.id
        config = site.channels.configHash
        bindings = site.kpis
        timezone = site.node.timezone
        noise = site.noisePeriods
        peaks = site.peakPeriods
        for (index, channel) in site.channels.channels.enumerated() {
            channels[channel.name] = (ChannelID(rawValue: UInt16(index)), channel.scale)
        }
    }

    /// From the node's `inventory`. `isTruncated`: it was too large to say how it folds.
    init(_ payload: [UInt8]) throws(ContributionFault) {
        var node: String?
        var config: String?
        var kpis: Range<Int>?
        var isTruncated = false
        var reader = JSONReader(payload)
        var timezone: String?
        var timezoneVersion: String?
        var noise = NoisePeriods.usual
        var peaks = PeakPeriods.usual
        try reader.object { reader, name throws(ContributionFault) in
            switch name {
            case "node": node = try reader.string()
            case "config_hash": config = try reader.string()
            case "timezone": timezone = try reader.string()
            case "tz": timezoneVersion = try reader.string()
            case "noise_h":
                guard let told = NoisePeriods(toldHours: try Self.hours(&reader)) else {
                    throw .outOfRange(member: "noise_h")
                }
                noise = told
            case "peak_h":
                guard let told = PeakPeriods(toldHours: try Self.hours(&reader)) else {
                    throw .outOfRange(member: "peak_h")
                }
                peaks = told
            case "truncated": isTruncated = try reader.flag()
            case "kpis": kpis = try reader.skip()
            default: try reader.skip()
            }
        }
        try reader.finish()
        guard let node else { throw .missing("node") }
        guard let config else { throw .missing("config_hash") }
        guard kpis != nil || !isTruncated else { throw .missing("kpis") }
        self.node = node
        self.config = config
        self.timezone = timezone
        self.timezoneVersion = timezoneVersion
        self.noise = noise
        self.peaks = peaks
        guard let kpis else { return }
        var bindings: [KPIBinding] = []
        var channels: [String: (id: ChannelID, scale: Int8)] = [:]
        var inner = JSONReader(payload, in: kpis)
        try inner.array { reader throws(ContributionFault) in
            guard bindings.count < Configuration.Limits.channels else { throw .outOfRange(member: "kpis") }
            let binding = try KPIBinding(from: &reader) { name in
                channels[name]?.id ?? ChannelID(rawValue: UInt16(channels.count))
            }
            channels[binding.channelName] = (binding.channel, binding.scale)
            bindings.append(binding)
        }
        self.bindings = bindings
        self.channels = channels
    }

    private static func hours(_ reader: inout JSONReader) throws(ContributionFault) -> [Int64] {
        var hours: [Int64] = []
        try reader.array { reader throws(ContributionFault) in
            let hour = try reader.integer()
            if hours.count <= 4 { hours.append(hour) }
        }
        return hours
    }

    /// Nil without a version: the node did not tell local days either.
    func calendar() throws(Failure) -> KPICalendar? {
        guard let timezoneVersion, let timezone else { return nil }
        guard case .found(let zone) = SiteZone.universal(timezone).map(ZoneLookup.found) ?? ZoneFiles().lookUp(timezone)
        else {
            throw Failure(
                .configuration,
                "time zone \(timezone) of \(node): not in this computer's tz database; `apt install tzdata`")
        }
        if zone.version != timezoneVersion {
            printError(
                "\(node) told its days by tz \(timezoneVersion), this computer has \(zone.version): contributions will "
                    + "name that one")
        }
        return KPICalendar(zone: zone.rules, version: zone.version, noise: noise, peaks: peaks)
    }
}
