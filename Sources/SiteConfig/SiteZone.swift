// The node's time zone: its name must be one of the tz database, and what the database says of it comes with the site.

public import KPIs

/// A time zone by its name, with its rules and the version of the database that they are from.
public struct SiteZone: Sendable, Equatable {
    public var name: String
    public var rules: ZoneRules
    /// `2025b`; `none` for universal time, which needs no database; `unknown` when the database does not say.
    public var version: String

    public init(name: String, rules: ZoneRules, version: String) {
        self.name = name
        self.rules = rules
        self.version = version
    }

    /// Universal time, when the name is one of it.
    public static func universal(_ name: String) -> SiteZone? {
        ["UTC", "Etc/UTC"].contains(name) ? SiteZone(name: name, rules: .utc, version: "none") : nil
    }
}

/// What the tz database has under a name.
public enum ZoneLookup: Sendable {
    case found(SiteZone)
    /// It is a former name, which this database does not carry any more.
    case renamed(to: String)
    /// There is no such zone; these there are.
    case unknown(names: [String])
    /// The database or the zone's file cannot be used.
    case unusable(found: String, expected: String, remedy: String)
}

extension SiteLoader {
    /// By its shape, which also keeps file names within their folder, then by the database when it is at hand.
    mutating func timezone(_ scalar: Scalar, _ lookUp: ((String) -> ZoneLookup)?) -> String? {
        let name = scalar.text
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isName = parts.allSatisfy { part in
            part.first?.isASCII == true && part.first?.isUppercase == true
                && part.unicodeScalars.allSatisfy {
                    $0.isASCII && ($0.properties.isAlphabetic || "0123456789_-+".unicodeScalars.contains($0))
                }
        }
        let isAbbreviation = !name.contains("/") && !["UTC", "GMT"].contains(name)
        guard isName, parts.count <= 3, name.utf8.count <= 64, !isAbbreviation else {
            findings.add(
                scalar.place, quoted("timezone: \(name)"), "a name of the tz database, or UTC",
                "write for example `timezone: Europe/Madrid`")
            return nil
        }
        zone = SiteZone.universal(name)
        guard zone == nil, let lookUp else { return name }
        switch lookUp(name) {
        case .found(let found):
            zone = found
            return name
        case .renamed(let today):
            findings.add(
                scalar.place, "the former time zone \(quoted(name))", "its name of today",
                "write `timezone: \(today)`")
        case .unknown(let names):
            findings.add(
                scalar.place, "the unknown time zone \(quoted(name))", "a name of the tz database, or UTC",
                Self.nearest(to: name, names).map { "write `timezone: \($0)`" }
                    ?? "write for example `timezone: Europe/Madrid`")
        case .unusable(let found, let expected, let remedy):
            findings.add(scalar.place, "\(quoted("timezone: \(name)")): \(found)", expected, remedy)
        }
        return nil
    }

    /// The name that was probably meant; also the right place in a wrong region (`Spain/Madrid`).
    private static func nearest(to typed: String, _ names: [String]) -> String? {
        if let name = Nearest.name(to: typed, among: names) { return name }
        func place(_ name: String) -> Substring { name.split(separator: "/").last ?? "" }
        return names.first { place($0).lowercased() == place(typed).lowercased() }
    }
}
