// What is asked of a channel's values beyond the plausible range, before they are believed.

public struct Conditioning: Hashable, Sendable {
    /// Faster than so much per second is no change of the world: `changed faster than plausible`. In the channel's
    /// unit.
    public var changePerSecond: Double?
    /// The very same value for longer than this: `stuck`.
    public var stuckAfter: Duration?
    /// The middle one of so many values is published: odd, 1 (each as it is) to `medianMax`.
    public var medianOf = 1
    /// Values that differ less from the last published one are not published until `heartbeat` has passed. In the
    /// channel's unit.
    public var deadband: Double?
    public var heartbeat = Duration.zero
    /// Another channel of the node that measures the same.
    public var partner: Partner?
    /// The end of the certificate: `calibration expired` from there on.
    public var certificateEnds: UTC?

    public struct Partner: Hashable, Sendable {
        public var channel: ChannelID
        /// A mean difference above this is drift. In the channel's unit.
        public var within: Double
        public init(channel: ChannelID, within: Double) {
            self.channel = channel
            self.within = within
        }
    }

    public static let medianMax = 15
    /// Differences to the partner are averaged over about this long: what passes sooner is no drift.
    public static let driftTime = Duration.seconds(3_600)

    public init() {}

    /// Anything but the certificate, which the instrument tells.
    public var isAsked: Bool {
        var rest = self
        rest.certificateEnds = nil
        return rest != Conditioning()
    }

    /// One line that is equal for rules that mean the same.
    public var fingerprint: String {
        func shown(_ value: Double?) -> String { value.map { "\($0)" } ?? "-" }
        return "\(shown(changePerSecond)) \(stuckAfter?.nanoseconds ?? 0) \(medianOf) \(shown(deadband)) "
            + "\(heartbeat.nanoseconds) \(partner?.channel.rawValue ?? 0) \(shown(partner?.within))"
    }
}
