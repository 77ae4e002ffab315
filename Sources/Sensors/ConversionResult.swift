// Reading a result from chips that refuse to be read until they have one.

internal import World

extension Bus where Self: ~Copyable {
    /// The result of a conversion that the chip has acknowledged. Such a chip answers its address with nothing while it
    /// converts, and after it has lost its supply: it is not ready then, not absent, and the technician is told so. A
    /// chip that is really gone is told as absent by the next command.
    mutating func receiveResult(_ count: Int, from device: BusDevice) throws(SensorFault) -> Reply {
        do throws(SensorFault) { return try receive(count, from: device) } catch {
            throw error == .bus(.noAcknowledge) ? .notReady : error
        }
    }
}
