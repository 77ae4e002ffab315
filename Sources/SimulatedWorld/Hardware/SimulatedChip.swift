// What a simulated chip is: registers behind a bus, and a back end where a test or a simulation says what the world is
// like.
//
// Chips are simulated where the driver meets them, byte by byte, so the very driver that ships is what runs. A chip
// knows its time only from the transfers.

public import World

public protocol SimulatedChip: AnyObject {
    /// A write of at least one byte; false: not acknowledged.
    func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool
    /// Fills the whole reply; false: not acknowledged.
    func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool
}
