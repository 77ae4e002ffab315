import KPIs
import Testing
import World

@Suite("Energy and reliability")
struct EnergyFormulaTests {
    @Test("V-EN-1: energy and power from pulses, with and without a transformer")
    func pulses() throws {
        let direct = try #require(PulseEnergy(pulsesPerKilowattHour: 1_000))
        #expect(direct.kilowattHours(pulses: 250) == 0.25 && direct.roundedMilliwattHours(pulses: 250) == 250_000)
        #expect(direct.watts(millisecondsBetweenPulses: 3_600) == 1_000)
        let transformed = try #require(PulseEnergy(pulsesPerKilowattHour: 800, transformerRatio: 20))
        #expect(transformed.kilowattHours(pulses: 400) == 10)
        let plain = try #require(PulseEnergy(pulsesPerKilowattHour: 800))
        #expect(plain.watts(millisecondsBetweenPulses: 9_000) == 500)
        #expect(plain.watts(millisecondsBetweenPulses: 0) == nil)
        #expect(PulseEnergy(pulsesPerKilowattHour: 0) == nil)
        #expect(PulseEnergy(pulsesPerKilowattHour: 800, transformerRatio: 0) == nil)
    }

    @Test("V-EN-2: gas and electricity of a building, for each square metre")
    func building() {
        let gas = EnergyUse.kilowattHours(gasCubicMetres: 1_000, megajoulesPerCubicMetre: 39.5)
        #expect(isClose(gas, 11_220.633, within: 5e-4))
        let each = EnergyUse.kilowattHoursPerSquareMetre([182_000, gas], squareMetres: 2_400)
        #expect(isClose(each, 80.508597, within: 5e-7))
        #expect(EnergyUse.kilowattHoursPerSquareMetre([1], squareMetres: 0) == nil)
    }

    @Test("V-EN-3: electricity for each inhabitant, and heat in GJ")
    func perCapita() {
        let city = 1_250_000_000.0 * 1e6
        #expect(
            isClose(
                EnergyUse.kilowattHoursPerCapita(milliwattHours: city, inhabitants: 412_000), 3_033.98, within: 5e-3))
        #expect(
            isClose(
                EnergyUse.gigajoulesPerCapita(joules: city * 3.6, inhabitants: 412_000), 10.92233, within: 5e-6))
        #expect(EnergyUse.kilowattHoursPerCapita(milliwattHours: city, inhabitants: 0) == nil)
        #expect(EnergyUse.gigajoulesPerCapita(joules: city, inhabitants: 0) == nil)
    }

    @Test("V-EN-4: the renewable share")
    func renewable() {
        #expect(EnergyUse.renewablePercent([320, 80], of: 1_000) == 40)
        #expect(EnergyUse.renewablePercent([1], of: 0) == nil)
    }

    @Test("Pulses are exact however they are cut up: the energy of a sum is rounded once")
    func splitInvariance() throws {
        let meter = try #require(PulseEnergy(pulsesPerKilowattHour: 3, transformerRatio: 7))
        for seed in UInt64(0)..<200 {
            var random = Random(seed: seed)
            let windows = (0..<40).map { _ in Int64(random.below(100)) }
            let total = windows.reduce(0, +)
            let parts = windows.reduce(Int128(0)) { $0 + meter.milliwattHours(pulses: $1).numerator }
            #expect(parts == meter.milliwattHours(pulses: total).numerator, "seed \(seed)")
        }
        #expect(meter.milliwattHours(pulses: 1) == (7_000_000, 3))
        #expect(meter.roundedMilliwattHours(pulses: 1) == 2_333_333)
        #expect(meter.roundedMilliwattHours(pulses: -2) == -4_666_667)
    }

    @Test("V-EL-3: the threshold of major event days from the logarithms of daily SAIDI")
    func majorEventDay() throws {
        let days = [0.2, 0.5, 1.1, 0.8, 2.4, 0.3, 0.9, 1.6]
        let found = try #require(MajorEventDay(dailyMinutes: days))
        #expect(isClose(found.alpha, -0.299285, within: 5e-7))
        #expect(isClose(found.beta, 0.833328, within: 5e-7))
        #expect(isClose(found.thresholdMinutes, 5.953832, within: 5e-7))
        // Days without interruptions are left out, and the order does not matter.
        #expect(MajorEventDay(dailyMinutes: [0] + days.reversed() + [0]) == found)
        #expect(MajorEventDay(dailyMinutes: [0, 1]) == nil && MajorEventDay(dailyMinutes: [1, .nan, 2]) == nil)
    }
}
