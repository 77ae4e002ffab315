// A contribution: one mergeable partial aggregate of one indicator over one window, as the `contributions` lane
// carries it.
//
// One item of the lane (node, stream, sequence number and configuration are said once by the lane's object; `t` is
// the lane's):
//
//     {"kind":"contribution","cov":{"exp_s":900,"flags":{},"from_s":0,"to_s":900,"valid_s":900},"final":true,
//      "h":"0f3a…16 hex digits","kpi":"EN: EN: WS: 2C","period":"-","quality":"estimated_assumptions","rev":4711,
//      "scale":0,"sensor":"water","series":"volume","slug":"en-en-ws-2c","state":{"amount":120000,"type":"sum"},
//      "unit":"ml","win":{"len":900,"start":1795257600},"zone":"dma-7"}
//
// - Key: node, stream, sensor, slug, series, window start, window length. In one stream the highest `rev` wins; it is
//   the number of the last readings batch that changed the window. Streams of one node join with the state's
//   operator.
// - All numbers are whole. Times are UTC seconds; a quantity is `state × 10^scale` in `unit` (`ml`, `customer_s`).
// - `cov`: seconds of the window that the stream should know (`exp_s`) and knows (`valid_s`), where in the window
//   those begin and end (`from_s`, `to_s`), and seconds by reason (`flags`).
// - `state` of type `outages`: `le3`, `le5`, `gt5` (longest duration in minutes) and `unclear`, each [customer
//   interruptions, least and most customer-seconds]; `open`: interruptions not yet ended; `dark`: of all, those with
//   the node without power.
// - `mark` (only while the window is not final): where a fold goes on after a power cut. Last reading: `at_us` (UTC,
//   microseconds), `n` (its ordinal); a mains line's last believable level, `line`, and its moment, `line_us`, when
//   that is another. Open outage: began between `open_low_us` and `open_us`.
// - `weight`: `customers` for outages. `zone`: as configured.
// - `stream` (16 hex digits; seldom): the stream that the contribution belongs to, when it is not the message's. After
//   a power cut a node finishes the windows of the stream before from what its flash holds, in batches of the new one.
// - Canonical: names sorted, no spaces, strings escaped only where RFC 8259 section 7 demands it. `h` is FNV-1a, 64
//   bits, of the canonical object without `h`, `kind`, `stream` and `t`: equal `rev` and different `h` is an error to
//   be looked at, never merged.

/// The quality classes of the U4SSC Verification Manual (page 163).
public enum DataQuality: String, Sendable, CaseIterable {
    /// Only for a reference instrument with a certificate in force.
    case accurateMeasurement = "accurate_measurement"
    case extrapolatedSurvey = "extrapolated_survey"
    case extrapolatedHigherLevel = "extrapolated_higher_level"
    case estimatedAssumptions = "estimated_assumptions"
    case personalEstimate = "personal_estimate"
    case unknown
}

/// Where the fold of an unfinished window goes on. Microseconds are UTC.
public struct FoldMark: Equatable, Sendable {
    public struct LastReading: Equatable, Sendable {
        public var atMicroseconds: Int64
        public var ordinal: UInt64
        /// A mains line's last believable level; nil when there is none.
        public var isPresent: Bool?
        /// When that was; nil: at this reading.
        public var lineMicroseconds: Int64?
    }
    public struct OpenOutage: Equatable, Sendable {
        public var earliestMicroseconds: Int64
        public var latestMicroseconds: Int64
    }
    public var last: LastReading?
    public var open: OpenOutage?

    public init(last: LastReading? = nil, open: OpenOutage? = nil) {
        self.last = last
        self.open = open
    }
}

public struct Contribution: Equatable, Sendable {
    public var indicator: Indicator
    public var sensor: String
    public var series: String
    /// UTC seconds; aligned to the window length unless the window begins where another configuration or an overflow
    /// left off.
    public var windowStart: Int64
    public var windowSeconds: Int64
    public var revision: UInt64
    /// Nothing of this stream will change it any more.
    public var isFinal: Bool
    public var unit: String
    public var scale: Int8
    public var state: ContributionState
    public var coverage: Coverage
    public var customers: Int64?
    public var zone: String?
    public var quality: DataQuality
    public var mark: FoldMark?
    /// Nil: of the stream that the message names.
    public var ofStream: UInt64?

    public init(
        indicator: Indicator, sensor: String, series: String, windowStart: Int64, windowSeconds: Int64,
        revision: UInt64, isFinal: Bool, unit: String, scale: Int8, state: ContributionState, coverage: Coverage,
        customers: Int64? = nil, zone: String? = nil, quality: DataQuality = .estimatedAssumptions,
        mark: FoldMark? = nil
    ) {
        self.indicator = indicator
        self.sensor = sensor
        self.series = series
        self.windowStart = windowStart
        self.windowSeconds = windowSeconds
        self.revision = revision
        self.isFinal = isFinal
        self.unit = unit
        self.scale = scale
        self.state = state
        self.coverage = coverage
        self.customers = customers
        self.zone = zone
        self.quality = quality
        self.mark = mark
    }

    /// Decimal scales that a contribution may have: nothing coarser than its unit, nothing finer than a billionth of
    /// it.
    public static let scales: ClosedRange<Int8> = -9...0

    public var windowEnd: Int64 { windowStart + windowSeconds }

    // MARK: Encoding

    /// Appends the item as a JSON object.
    public func encode(into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        encodeBody(into: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }

    /// Appends the item without its braces, beginning with `kind`: as an outbox lane keeps it.
    public func encodeBody(into bytes: inout [UInt8]) {
        var canonical = CanonicalWriter()
        let place = writeMembers(into: &canonical)
        bytes.append(contentsOf: #""kind":"contribution","#.utf8)
        if let ofStream {
            bytes.append(contentsOf: #""stream":""#.utf8)
            appendHexadecimal(ofStream, to: &bytes)
            bytes.append(contentsOf: #"","#.utf8)
        }
        bytes.append(contentsOf: canonical.bytes[1..<place])
        bytes.append(contentsOf: #","h":""#.utf8)
        appendHexadecimal(fnv1a(canonical.bytes), to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: canonical.bytes[place..<canonical.bytes.count - 1])
    }

    /// What `h` says.
    public var contentHash: UInt64 {
        var canonical = CanonicalWriter()
        _ = writeMembers(into: &canonical)
        return fnv1a(canonical.bytes)
    }

    /// Writes the canonical object without `h` and `kind`; returns where `h` belongs.
    private func writeMembers(into writer: inout CanonicalWriter) -> Int {
        var place = 0
        writer.object { object in
            object.object("cov") { cov in
                cov.integer("exp_s", coverage.expectedSeconds)
                cov.object("flags") { flags in
                    for flag in coverage.flags { flags.integer(flag.name, flag.seconds) }
                }
                cov.integer("from_s", coverage.fromSecond)
                cov.integer("to_s", coverage.toSecond)
                cov.integer("valid_s", coverage.validSeconds)
            }
            object.flag("final", isFinal)
            place = object.bytes.count
            object.text("kpi", indicator.code)
            if let mark { object.object("mark") { mark.write(into: &$0) } }
            object.text("period", "-")
            object.text("quality", quality.rawValue)
            object.unsigned("rev", revision)
            object.integer("scale", Int64(scale))
            object.text("sensor", sensor)
            object.text("series", series)
            object.text("slug", indicator.slug)
            object.object("state") { state.write(into: &$0) }
            object.text("unit", unit)
            if let customers { object.object("weight") { $0.integer("customers", customers) } }
            object.object("win") { window in
                window.integer("len", windowSeconds)
                window.integer("start", windowStart)
            }
            if let zone { object.text("zone", zone) }
        }
        return place
    }
}

extension FoldMark {
    fileprivate func write(into object: inout CanonicalWriter) {
        if let last {
            object.integer("at_us", last.atMicroseconds)
            if let isPresent = last.isPresent { object.integer("line", isPresent ? 1 : 0) }
            if let lineMicroseconds = last.lineMicroseconds { object.integer("line_us", lineMicroseconds) }
            object.unsigned("n", last.ordinal)
        }
        if let open {
            object.integer("open_low_us", open.earliestMicroseconds)
            object.integer("open_us", open.latestMicroseconds)
        }
    }
}

extension ContributionState {
    fileprivate func write(into object: inout CanonicalWriter) {
        switch self {
        case .sum(let sum):
            object.integer("amount", sum.amount)
        case .outages(let outages):
            object.integer("dark", outages.dark)
            object.tally("gt5", outages.over5)
            object.tally("le3", outages.upTo3)
            object.tally("le5", outages.upTo5)
            object.integer("open", outages.open)
        }
        object.text("type", typeName)
        if case .outages(let outages) = self { object.tally("unclear", outages.unclear) }
    }
}

extension CanonicalWriter {
    fileprivate mutating func tally(_ name: String, _ tally: OutageTally) {
        integers(name, [tally.interruptions, tally.minimum, tally.maximum])
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo; IETF draft-eastlake-fnv section 5).
func fnv1a(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
}
