// Who brings what to an indicator: the nodes their part, the city's registers the rest. Or why a node has no part.

extension CatalogueEntry {
    /// What nodes and the city bring to an indicator that nodes contribute to.
    public struct Shares: Sendable {
        public let nodes: String
        public let city: String
    }

    /// Nil where nodes have no part.
    public var shares: Shares? {
        U4SSC.shares.first { $0.slug == slug }.map { Shares(nodes: $0.nodes, city: $0.city) }
    }

    /// Why a node has no part in it, and what it can give all the same.
    public var reasonWithoutNodes: String {
        U4SSC.supporting.first { $0.slug == slug }?.reason
            ?? "it comes from the city's registers and surveys; no sensor of a node measures it"
    }
}

extension U4SSC {
    /// Numerators and denominators: U4SSC Collection Methodology and Verification Manual where they give them.
    static let shares: [(slug: String, nodes: String, city: String)] = [
        (
            "en-en-aq-1c", "per pollutant, sums and counts of valid hours: the annual mean of each station",
            "the inhabitants that each station stands for"
        ),
        (
            "en-en-eq-2a", "sound energy by day, evening and night, and the inhabitants that the node stands for",
            "the limit that counts as excessive, and its inhabitants"
        ),
        (
            "en-en-eq-1c", "per antenna site, the worst share of the exposure limit, and whether the site complies",
            "the list of all antenna sites"
        ),
        ("en-en-ws-2c", "volume from water meters", "its inhabitants"),
        (
            "en-en-ws-3c", "volume by source: fresh, reused, rain, sea",
            "the volumes of what has no node, and whether it reports a share or m3 per capita"
        ),
        (
            "ec-i-ws-3c", "per zone, volume at the inlet and at the meters, and the flow at night",
            "which meters belong to which zone, and what is billed without a node"
        ),
        ("ec-i-es-1c", "interruptions times the customers that the node stands for", "the number of customers served"),
        (
            "ec-i-es-2c", "customers times the duration of their interruptions, and the interruptions",
            "which customers no node stands for"
        ),
        ("en-e-e-2c", "energy imported and exported", "its inhabitants, and the consumption of what has no node"),
        ("en-e-e-1c", "energy by source: pv, wind, hydro, grid and others", "the renewable share of the grid"),
        ("en-e-e-3c", "heat delivered to homes", "its inhabitants, and heat that no meter of a node sees"),
        ("en-e-e-4a", "energy by building and carrier", "the floor areas"),
        ("ec-ict-ws-1c", "water meters that were read in the window", "the number of all water meters"),
        ("ec-ict-es-1c", "electricity meters that were read in the window", "the number of all electricity meters"),
        ("ec-ict-ws-2a", "monitored pipes by asset: metres and seconds alive", "the length of the whole water network"),
        ("ec-ict-d-1a", "monitored drains by asset: metres and seconds alive", "the length of the whole drainage"),
        ("ec-ict-es-2a", "monitored lines by asset: metres and seconds alive", "the length of the whole grid"),
        (
            "ec-ict-t-2c", "monitored segments: metres, class and seconds alive",
            "the length of all major streets (arterials and highways)"
        ),
        ("ec-ict-t-3a", "intersections that the node drives or feeds", "the number of signal-controlled intersections"),
        ("ec-ict-t-1c", "stops whose display the node drives", "the number of all stops and stations"),
        (
            "ec-i-t-5a", "per link, sums of travel time at peak and off-peak, and vehicles",
            "the vehicle-kilometres of each link"
        ),
        (
            "ec-i-b-2a", "buildings whose management the node is part of",
            "the number of public buildings, and their floor areas (the Verification Manual of 2022 asks for area)"
        ),
    ]

    static let supporting: [(slug: String, reason: String)] = [
        (
            "en-en-ws-1c",
            "it counts households under an audited Water Safety Plan; sensors can support it with samples within limits"
        ),
        ("en-en-wa-1c", "it comes from the registers of waste treatment"),
        ("ec-i-wa-1c", "it counts households; bins can support it with fill levels and collections done"),
        ("en-en-psn-1c", "it is an area from the city's register; soil sensors can support it with moisture"),
        ("sc-sh-sa-5a", "it needs the dispatch records of the emergency services"),
    ]
}
