// The energy of a sound level for the fold: `SoundEnergy` as a table, so that a reading costs one look.

enum LevelEnergy {
    /// Tenths of a decibel that have an energy; a channel above them is over range.
    static let levels: ClosedRange<Int64> = 0...Int64(SoundEnergy.highestTenths)

    /// By tenths of a decibel.
    static let table: [Int64] = levels.map { SoundEnergy.energy(tenthsOfDecibel: Int($0)) ?? 0 }
}
