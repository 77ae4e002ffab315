// The entry: texts in, a `Site` or every problem out. Pure: whoever calls has read the files, and answers for those
// that the configuration only names.

public import Sensors
public import World

public enum Configuration {
    /// What a configuration may cost, so that a damaged or hostile one stays cheap.
    public enum Limits {
        public static let fileBytes = 1 << 20
        /// Values of one file, every alias counted as a copy.
        public static let nodes = 50_000
        public static let depth = 24
        public static let aliases = 100
        public static let channels = 1_024
        /// Each has windows open in memory, and is looked at with every reading of its channel.
        public static let kpis = 64
        /// Problems told at once.
        public static let problems = 200
    }

    /// A configuration without problems.
    public struct Loaded: Sendable {
        public var site: Site
        /// Values that a drop-in replaced.
        public var notices: [Notice]
        /// The configuration in force as YAML, every value with its origin (`file:line`, or `default`).
        public var effective: String
    }

    /// - Parameters:
    ///   - main: the main file; its folder is where relative file names begin.
    ///   - dropIns: the files of `conf.d`; taken in the order of their names.
    ///   - boards: all board definitions.
    ///   - compatible: this computer's `/proc/device-tree/compatible`, empty when it has none: for `board: auto`.
    ///   - drivers: the catalogue.
    ///   - knownGauges: what alarms may watch beside channels, as `gauge.<name>`.
    ///   - zone: what the tz database has under a name; nil: there is none at hand, names are checked by their shape.
    ///   - now: a certificate that has ended by then is a problem; nil: certificates are not judged. A node in service
    ///     goes on when one ends, and its contributions say that they are no longer of a certified instrument.
    ///   - fileExists: whether a file that the configuration names is there and readable.
    public static func load(
        main: SourceText, dropIns: [SourceText] = [], boards: [SourceText], compatible: [String] = [],
        drivers: [DriverEntry] = Catalogue.entries, knownGauges: [Gauge] = [],
        zone: ((String) -> ZoneLookup)? = nil, now: UTC? = nil, fileExists: (String) -> Bool
    ) throws(ConfigurationProblems) -> Loaded {
        let findings = Findings()
        let dropIns = dropIns.sorted { $0.name < $1.name }
        let boardList = boards.sorted { $0.name < $1.name }
        let board = boardList.compactMap { BoardFile.read($0, findings) }
        findings.effective = EffectiveText()

        let root = merged(main: main, dropIns: dropIns, findings)
        var loader = SiteLoader(
            folder: folder(of: main.name), boards: board, compatible: compatible, drivers: drivers,
            knownGauges: knownGauges, now: now, findings)
        let site = loader.site(root, fileExists: fileExists, zone: zone)

        let files = [main.name] + dropIns.map(\.name) + boardList.map(\.name)
        if let problems = findings.verdict(files: files, limit: Limits.problems) { throw problems }
        guard let site else { invariantFailed("a configuration without a site and without a problem") }
        return Loaded(site: site, notices: findings.notices, effective: findings.effective.text)
    }

    private static func merged(main: SourceText, dropIns: [SourceText], _ findings: Findings) -> YAMLNode {
        let start = Place(file: main.name, line: 1, column: 1)
        let empty = YAMLNode(place: start, content: .map([]), weight: 0)
        var root = YAMLReader.read(main, findings) ?? empty
        switch root.content {
        case .map: break
        case .scalar("", isPlain: true): root = empty
        case .scalar, .list:
            findings.add(
                root.place, "\(root.kind) where the configuration should be",
                "a map: `node:`, `broker:`, `sensors:`, ...",
                "see the example configuration")
            findings.isPartial = true
            root = empty
        }
        for text in dropIns {
            if let node = YAMLReader.read(text, findings) { root = Merge.merged(root, node, findings) }
        }
        return root
    }

    /// The part of a path before its last slash, with the slash.
    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[...slash])
    }
}
