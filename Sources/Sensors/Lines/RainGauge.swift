// A tipping bucket rain gauge: a reed contact closes for a moment at every tip. A pulse counter whose amount is a
// height of rain.
//
// The bucket is the manufacturer's: 0.2 mm (Davis 6463M, most national services), 0.2794 mm (the plastic gauges of
// home weather stations, 0.011 inch). Between two readings it has rained between the tips told and one tip more.

internal import World

enum RainGauge {
    static let entry = DriverEntry(
        name: "rain-gauge",
        about: "A tipping bucket on a GPIO line: the rain since the last reading, and the total",
        attachment: .line,
        // The magnet passes in some 100 ms; two tips are seconds apart in the heaviest rain.
        wirings: [LineWiring(bias: .pullUp, isActiveLow: true, debounce: .milliseconds(50))],
        parameters: [
            Parameter(
                "per_tip", .quantity(units: ["mm"]), isRequired: true,
                about: "the rain of one tip, as the gauge's manual has it: 0.2 mm, 0.2794 mm"),
            PulseCounter.edgeParameter,
        ],
        defaultEvery: .seconds(60),
        channels: { settings throws(SettingFault) in
            try PulseMeasure(settings, amount: "per_tip", name: "rain").channels
        },
        make: { settings throws(SettingFault) in
            .line(
                PulseCounter(
                    request: try settings.requiredLine(), edges: PulseCounter.edges(settings),
                    measure: try PulseMeasure(settings, amount: "per_tip", name: "rain")))
        })
}
