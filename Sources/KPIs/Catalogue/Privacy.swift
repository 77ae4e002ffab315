// Which indicators count people, and vehicles as people drive them: for these only counts per window leave the node.

extension Indicator {
    /// Single readings tell when somebody came, passed or left: they are published only where the configuration says
    /// so in so many words. (A parking place that is one reading a change says when its user comes home.)
    public var isAboutIndividuals: Bool {
        switch measure {
        case .count, .travel: true
        default: slug == "x-parking"
        }
    }
}
