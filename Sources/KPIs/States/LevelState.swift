// A level over time: its time integral, its extremes, how long it stood beyond up to two thresholds, and how often
// something happened (a spill began, a bin was emptied). Air pollution is one without thresholds.

public struct LevelState: Mergeable {
    /// Σ value × seconds, in the contribution's unit and scale.
    public var integral: Int64
    /// Seconds that the integral covers. Equal to the window's valid seconds unless a value was not usable.
    public var seconds: Int64
    public var extremes: Extremes
    /// Seconds beyond the first and the second threshold of the binding.
    public var beyondFirst: Int64
    public var beyondSecond: Int64
    /// How often it happened.
    public var events: Int64

    public init() { self.init(integral: 0, seconds: 0) }

    public init(
        integral: Int64, seconds: Int64, extremes: Extremes = Extremes(), beyondFirst: Int64 = 0,
        beyondSecond: Int64 = 0, events: Int64 = 0
    ) {
        self.integral = integral
        self.seconds = seconds
        self.extremes = extremes
        self.beyondFirst = beyondFirst
        self.beyondSecond = beyondSecond
        self.events = events
    }

    public func joined(with other: LevelState) -> LevelState? {
        guard let integral = sum(integral, other.integral), let seconds = sum(seconds, other.seconds),
            let extremes = extremes.joined(with: other.extremes), let first = sum(beyondFirst, other.beyondFirst),
            let second = sum(beyondSecond, other.beyondSecond), let events = sum(events, other.events)
        else { return nil }
        return LevelState(
            integral: integral, seconds: seconds, extremes: extremes, beyondFirst: first, beyondSecond: second,
            events: events)
    }
}
