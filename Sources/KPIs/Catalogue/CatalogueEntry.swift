// One of the 91 U4SSC indicators, whether nodes can contribute to it or not, and how well its description is known.

/// What is known of an indicator. What is not known is nil, never guessed.
public struct CatalogueEntry: Sendable {
    /// What the Collection Methodology calls the second type.
    public enum Kind: String, Sendable { case smart, structural, sustainable }

    public enum Direction: String, Sendable { case higher, lower }

    /// Where a statement is from. Only what the ITU publications themselves say can be shown to a verifier.
    public enum Provenance: String, Sendable {
        /// Read in an ITU publication: Collection Methodology (2017), Verification Manual (2022), verification reports.
        case itu
        /// Read in the list of a public U4SSC dashboard.
        case dashboard
        /// From memory: to be checked before it is relied on.
        case memory
    }

    /// `EN: EN: WS: 2C`, verbatim. Its last letter says core (C) or advanced (A).
    public let code: String
    public let name: String
    public let kind: Kind?
    /// `%`, `min`, `L/capita/day`; nil: not known.
    public let unit: String?
    /// Which way is better; nil where neither is (shares of a whole), or where it is not known.
    public let better: Direction?
    /// Targets (`6.4`) and indicators (`11.6.2`) of the Sustainable Development Goals.
    public let sdg: String?
    /// Where code and name are from.
    public let provenance: Provenance
    public let unitProvenance: Provenance?
    public let sdgProvenance: Provenance?
    private let otherCategory: String?

    /// - Parameters:
    ///   - sources: a letter each for name, unit and SDG: `i` ITU, `d` dashboard, `m` memory, `-` nothing known.
    ///   - category: where it is not the one that the code names.
    init(
        _ code: String, _ name: String, _ kind: Kind?, _ unit: String?, _ better: Direction?, _ sdg: String?,
        _ sources: StaticString, category: String? = nil
    ) {
        self.code = code
        self.name = name
        self.kind = kind
        self.unit = unit
        self.better = better
        self.sdg = sdg
        let letters = sources.withUTF8Buffer { ($0[0], $0[1], $0[2]) }
        provenance = Self.provenance(letters.0) ?? .memory
        unitProvenance = Self.provenance(letters.1)
        sdgProvenance = Self.provenance(letters.2)
        otherCategory = category
    }

    private static func provenance(_ letter: UInt8) -> Provenance? {
        switch letter {
        case UInt8(ascii: "i"): .itu
        case UInt8(ascii: "d"): .dashboard
        case UInt8(ascii: "m"): .memory
        default: nil
        }
    }

    /// `en-en-ws-2c`
    public var slug: String { Indicator.slug(of: code) }

    /// Core indicators every city should report; the others are advanced.
    public var isCore: Bool { code.utf8.last == UInt8(ascii: "C") }

    /// Whether a node can contribute to it.
    public var contributes: Bool { Indicator.named(slug) != nil }

    // MARK: Place in the structure (Verification Manual, section 3.2)

    public var dimension: String {
        switch parts[0] {
        case "EC": "Economy"
        case "EN": "Environment"
        default: "Society and Culture"
        }
    }

    public var subDimension: String {
        switch (parts[0], parts[1]) {
        case ("EC", "ICT"): "ICT"
        case ("EC", "P"): "Productivity"
        case ("EC", _): "Infrastructure"
        case ("EN", "EN"): "Environment"
        case ("EN", _): "Energy"
        case (_, "EH"): "Education, Health and Culture"
        default: "Safety, Housing and Social Inclusion"
        }
    }

    public var category: String { otherCategory ?? Self.categories.first { $0.code == parts[2] }?.name ?? parts[2] }

    /// The 22 categories by their letters in codes.
    static let categories: [(code: String, name: String)] = [
        ("ICT", "ICT Infrastructure"), ("WS", "Water and Sanitation"), ("D", "Drainage"), ("ES", "Electricity Supply"),
        ("T", "Transport"), ("PS", "Public Sector"), ("IN", "Innovation"), ("EM", "Employment"), ("WA", "Waste"),
        ("B", "Buildings"), ("UP", "Urban Planning"), ("AQ", "Air Quality"), ("EQ", "Environmental Quality"),
        ("PSN", "Public Space and Nature"), ("E", "Energy"), ("ED", "Education"), ("H", "Health"), ("C", "Culture"),
        ("HO", "Housing"), ("SI", "Social Inclusion"), ("SA", "Safety"), ("FS", "Food Security"),
    ]

    private var parts: [String] {
        code.utf8.split(separator: UInt8(ascii: ":")).map { part in
            String(decoding: part.drop { $0 == UInt8(ascii: " ") }, as: UTF8.self)
        }
    }
}
