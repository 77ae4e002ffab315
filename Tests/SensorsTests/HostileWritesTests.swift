import SimulatedWorld
import Testing
import World

/// Light, power, water and soil: the chips whose twins may meet other drivers than ours.
private let names = [
    "bh1750", "ezo", "ina219", "ina226", "ina3221", "ltr390", "seesaw-soil", "tsl2591", "veml7700",
]

@Suite("Hostile writes")
struct HostileWritesTests {
    @Test(
        "Whatever is written to a simulated chip, and whenever and however much is read, nothing traps",
        arguments: names, [1, 2, 3, 4] as [UInt64])
    func anything(name: String, seed: UInt64) throws {
        var random = Random(seed: seed)
        let chip = try #require(SimulatedChips.make(name, seed: seed) { _ in Surroundings() })
        try run(chip, &random)
    }

    @Test("Nor to a circuit of any kind, which takes text", arguments: SimulatedEZO.Model.allCases, [1, 2] as [UInt64])
    func text(model: SimulatedEZO.Model, seed: UInt64) throws {
        var random = Random(seed: seed)
        let chip = SimulatedEZO(model)
        let letters = Array("RTIOS,?10.-ecmg%TDS\0".utf8)
        try run(chip, &random) { letters[Int($0.below(UInt64(letters.count)))] }
    }

    private func run(
        _ chip: any SimulatedChip, _ random: inout Random,
        byte: (inout Random) -> UInt8 = { UInt8($0.below(256)) }
    ) throws {
        var now = Boottime(nanoseconds: 1_000_000_000)
        for _ in 0..<3_000 {
            now = now + .microseconds(Int64(random.below(300_000)))
            if random.below(2) == 0 {
                var bytes: [UInt8] = []
                for _ in 0...random.below(6) { bytes.append(byte(&random)) }
                _ = bytes.withUnsafeBytes { chip.write($0, at: now) }
            } else {
                var reply = [UInt8](repeating: 0xA5, count: 1 + Int(random.below(40)))
                _ = reply.withUnsafeMutableBytes { chip.read(into: $0, at: now) }
            }
        }
    }
}
