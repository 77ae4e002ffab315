// The I2C buses of a simulated board: routes transfers to simulated chips, and fails as asked.
//
// Nothing answers at an address without a chip, as on a real bus. Faults come from two places: `fail` queues them for a
// device (tests), `trouble` is asked at every transfer (a simulation's fault plan, from its seed).

public import World

public final class SimulatedBus: Bus {
    /// What can go wrong with one transfer.
    public enum Trouble: Hashable, Sendable {
        case fault(BusFault)
        /// One bit of the reply arrives wrong (the chip's registers stay right). Byte modulo the reply's length.
        case flippedBit(byte: Int, bit: Int)
        /// Writes are lost on the way: acknowledged, but the chip never saw them.
        case lostWrite
    }

    /// Asked at every transfer to a chip that is there; nil: all is well.
    public var trouble: ((BusDevice, Boottime) -> Trouble?)?
    /// Addresses that a kernel driver holds.
    public var heldByKernel: Set<BusDevice> = []
    /// Completed and failed transfers, for tests and traces.
    public private(set) var transfers = 0

    private let count: Int
    private let now: () -> Boottime
    private var chips: [BusDevice: any SimulatedChip] = [:]
    private var queued: [BusDevice: [Trouble]] = [:]

    /// `count` buses with nothing on them; `now` is the simulation's clock.
    public init(count: Int = 1, now: @escaping () -> Boottime) {
        self.count = count
        self.now = now
    }

    /// Puts a chip on the bus, in place of the one that is there.
    public func attach(_ chip: any SimulatedChip, at device: BusDevice) {
        invariant(Int(device.bus) < count, "a chip on bus \(device.bus) of \(count)")
        invariant((0x08...0x77).contains(device.address), "a chip at the reserved address \(device.address)")
        chips[device] = chip
    }

    public func detach(_ device: BusDevice) { chips[device] = nil }

    public func chip(at device: BusDevice) -> (any SimulatedChip)? { chips[device] }

    /// The next `times` transfers to the device go so; after those queued before.
    public func fail(_ device: BusDevice, with trouble: Trouble, times: Int = 1) {
        queued[device, default: []].append(contentsOf: repeatElement(trouble, count: times))
    }

    public func claim(_ device: BusDevice) throws(BusFault) {
        guard Int(device.bus) < count else { throw .absent(errno: 2) }  // ENOENT
        if heldByKernel.contains(device) { throw .heldByKernel }
    }

    public func transfer(
        _ device: BusDevice, write bytes: UnsafeRawBufferPointer, read reply: UnsafeMutableRawBufferPointer
    ) throws(BusFault) {
        invariant(!bytes.isEmpty || !reply.isEmpty, "a transfer of nothing")
        transfers += 1
        guard Int(device.bus) < count else { throw .absent(errno: 2) }
        guard let chip = chips[device] else { throw .noAcknowledge }
        let moment = now()
        var trouble: Trouble?
        if queued[device]?.isEmpty == false {
            trouble = queued[device]?.removeFirst()
        } else {
            trouble = self.trouble?(device, moment)
        }
        if case .fault(let fault)? = trouble { throw fault }
        if !bytes.isEmpty, trouble != .lostWrite || !reply.isEmpty {
            guard chip.write(bytes, at: moment) else { throw .noAcknowledge }
        }
        if !reply.isEmpty {
            guard chip.read(into: reply, at: moment) else { throw .noAcknowledge }
            if case .flippedBit(let byte, let bit)? = trouble { reply[byte % reply.count] ^= 1 << UInt8(bit & 7) }
        }
    }
}
