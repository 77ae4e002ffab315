// The simulated board: a chip for every bus sensor, a signal for every line sensor, from a seed.

import Sensors
import SimulatedWorld
import SiteConfig
import World

/// Builds the hardware that a site on the simulated board asks for.
func simulatedHardware(of site: Site, seed: UInt64, now: @escaping () -> Boottime) throws(Failure) -> SimulatedSite {
    var chips: [String: UInt32] = [:]
    for line in site.board.lines { chips[line.chipLabel] = max(chips[line.chipLabel] ?? 0, line.offset + 1) }
    // Lines written as chip and number are there too.
    for line in site.sensors.compactMap(\.settings.line) {
        chips[line.chipLabel] = max(chips[line.chipLabel] ?? 0, line.offset + 1)
    }
    let simulated = SimulatedSite(seed: seed, buses: max(site.board.buses.count, 1), chips: chips, now: now)
    for sensor in site.sensors {
        switch (sensor.driver, sensor.settings.device, sensor.settings.line) {
        case (let driver, let device?, _): simulated.add(chipOf: driver, at: device)
        case ("pulse-counter", _, let line?), ("frequency", _, let line?), ("anemometer", _, let line?):
            simulated.addMeter(line)
        case ("rain-gauge", _, let line?): simulated.addMeter(line, slot: .seconds(20))
        case (let driver, _, let line?):
            let isSmall = sensor.settings.values["model"] == .text("dht11")
            let trigger = sensor.settings.lines["trigger"]
            if !simulated.addModule(of: driver, isSmall: isSmall, on: line, trigger: trigger) {
                simulated.addMains(line)
            }
        default: break  // sources need no hardware
        }
    }
    return simulated
}
