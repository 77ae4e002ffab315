// A contribution: one mergeable partial aggregate of one indicator over one window, as the `contributions` lane
// carries it.
//
// One item of the lane (node, stream, sequence number and configuration are said once by the lane's object; `t` is
// the lane's):
//
//     {"kind":"contribution","cov":{"exp_s":900,"flags":{},"from_s":0,"to_s":900,"valid_s":900},"final":true,
//      "h":"0f3a…16 hex digits","instrument":"low_cost","kpi":"EN: EN: WS: 2C","labels":{"zone":"dma-7"},"period":"-",
//      "quality":"estimated_assumptions","rev":4711,"scale":0,"sensor":"water","series":"volume",
//      "slug":"en-en-ws-2c","state":{"amount":120000,"type":"sum"},"tables":{"tz":"2025b"},"unit":"ml",
//      "win":{"day":"2026-11-21","len":900,"start":1795257600}}
//
// - Key: node, stream, sensor, slug, series, window start, window length. In one stream the highest `rev` wins; it is
//   the number of the last readings batch that changed the window. Streams of one node join with the state's
//   operator.
// - All numbers are whole. Times are UTC seconds; a quantity is `state × 10^scale` in `unit` (the wire registry:
//   `Measure.conversions`).
// - `cov`: seconds of the window that the stream should know (`exp_s`) and knows (`valid_s`), where in the window
//   those begin and end (`from_s`, `to_s`), and seconds by reason (`flags`).
// - `win.day`: the local day in which the window begins; `period`: the part of the local day or week (`Period`). Both
//   by the tz database version that `tables` names.
// - `instrument`: its class; `labels`: names as configured (`Label`); `weight`: how much it stands for; `params`: the
//   thresholds and limits that the state was made with, as whole numbers: states of different ones do not join.
//   `u`: relative standard uncertainties, random and systematic, in ppm. Each is absent when there is nothing to say.
// - `correction` (seldom): the number of a correction made after the window was final, 1 or more; `kind` is then
//   `correction`. A correction wins over every revision, a higher one over a lower.
// - `mark` (only while the window is not final): where a fold goes on after a power cut. Last reading: `at_us` (UTC,
//   microseconds), `n` (its ordinal); a mains line's last believable level, `line`, and its moment, `line_us`, when
//   that is another; a level that still holds, `v`. Open outage: began between `open_low_us` and `open_us`. What else
//   the fold needs to go on: `tail`, at most 16 whole numbers.
// - `stream` (16 hex digits; seldom): the stream that the contribution belongs to, when it is not the message's. After
//   a power cut a node finishes the windows of the stream before from what its flash holds, in batches of the new one.
// - Canonical: names sorted, no spaces, strings escaped only where RFC 8259 section 7 demands it. `h` is FNV-1a, 64
//   bits, of the canonical object without `h`, `kind`, `stream` and `t`: equal `rev` and different `h` is an error to
//   be looked at, never merged.
// - What is not known is refused: members, states, units, labels and their words, names of tables. The value of a
//   table is any short text: versions come and go.
//
// In a batch the constants are said once. An item `binding` says them, before the contributions that cite it by `b`:
//
//     {"kind":"binding","id":"5b0c…16 hex digits","instrument":"low_cost","kpi":"EN: EN: WS: 2C",
//      "labels":{"zone":"dma-7"},"quality":"estimated_assumptions","scale":0,"sensor":"water","series":"volume",
//      "slug":"en-en-ws-2c","tables":{"tz":"2025b"},"type":"sum","unit":"ml"}
//     {"kind":"contribution","b":"5b0c…","h":"0f3a…","rev":4711,"state":{"amount":120000},
//      "win":{"day":"2026-11-21","len":900,"start":1795257600}}
//
// - `id` is FNV-1a, 64 bits, of the binding's canonical object without `id`, `kind` and `t`: it means the same in
//   every batch of a node. `type` is the state's.
// - Left out of the contribution is what is usual: `final` true, `period` `-`, `cov.exp_s` `win.len`, `cov.to_s`
//   `cov.exp_s`, `cov.from_s` 0, `cov.valid_s` `to_s` − `from_s`, no `cov.flags`; then `cov`. Of a level `above`
//   [0, 0], `events` 0 and `n_s` `cov.valid_s`; of sound `n_s`.
// - `h` is that of the contribution alone: both forms are one content with one hash.
//
// States (`state.type`; the fields are those of the type of that name in `States`):
//
//     sum         {"amount"}
//     outages     {"dark", "gt5", "le3", "le5", "open", "unclear"}: `le3`, `le5`, `gt5` (longest duration in minutes)
//                 and `unclear` are each [customer interruptions, least and most customer-seconds]; `open`: not yet
//                 ended; `dark`: of all, those with the node without power
//     level       {"above": [first, second], "events", "max", "min", "n_s", "sum"}
//     sound       {"e", "hist": {"523": seconds, …}, "max", "min", "n_s"}; levels in tenths of a decibel
//     exposure    {"above", "blocks", "e2", "n_s", "worst_ppm"}
//     compliance  {"max", "min", "n", "ok"}
//     travel      {"hist": {"47": vehicles, …}, "n", "tt_ms"}; speeds in km/h
//     occupancy   {"arrivals", "occupied_s"}
//     presence    {"live_s", "n"}
// `max` and `min` are absent when nothing was seen.

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
        /// A level that still holds.
        public var value: Int64?

        public init(
            atMicroseconds: Int64, ordinal: UInt64, isPresent: Bool? = nil, lineMicroseconds: Int64? = nil,
            value: Int64? = nil
        ) {
            self.atMicroseconds = atMicroseconds
            self.ordinal = ordinal
            self.isPresent = isPresent
            self.lineMicroseconds = lineMicroseconds
            self.value = value
        }
    }
    public struct OpenOutage: Equatable, Sendable {
        public var earliestMicroseconds: Int64
        public var latestMicroseconds: Int64

        public init(earliestMicroseconds: Int64, latestMicroseconds: Int64) {
            self.earliestMicroseconds = earliestMicroseconds
            self.latestMicroseconds = latestMicroseconds
        }
    }
    public var last: LastReading?
    public var open: OpenOutage?
    /// What else the fold of this measure needs; its meaning is the fold's.
    public var tail: [Int64] = []

    public init(last: LastReading? = nil, open: OpenOutage? = nil, tail: [Int64] = []) {
        self.last = last
        self.open = open
        self.tail = tail
    }
}

public struct NamedNumber: Equatable, Sendable {
    public var name: String
    public var value: Int64

    public init(_ name: String, _ value: Int64) {
        self.name = name
        self.value = value
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
    public var period = Period.none
    /// The local day in which the window begins, `2026-11-21`; nil: not known.
    public var localDay: String?
    public var labels: [Label: String]
    public var weight: Weight?
    public var instrument = InstrumentClass.lowCost
    public var quality = DataQuality.estimatedAssumptions
    public var uncertainty: RelativeUncertainty?
    /// Thresholds and limits that the state was made with, in order of their names.
    public var parameters: [NamedNumber] = []
    public var tables: [String: String] = [:]
    /// The number of a correction; nil: what the node said itself.
    public var correction: UInt64?
    public var mark: FoldMark?
    /// Nil: of the stream that the message names.
    public var ofStream: UInt64?

    public init(
        indicator: Indicator, sensor: String, series: String, windowStart: Int64, windowSeconds: Int64,
        revision: UInt64, isFinal: Bool, unit: String, scale: Int8, state: ContributionState, coverage: Coverage,
        labels: [Label: String] = [:], weight: Weight? = nil, mark: FoldMark? = nil
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
        self.labels = labels
        self.weight = weight
        self.mark = mark
    }

    /// Decimal scales that a contribution may have: nothing coarser than its unit, nothing finer than a billionth of
    /// it.
    public static let scales: ClosedRange<Int8> = -9...0

    public var windowEnd: Int64 { windowStart + windowSeconds }
}
