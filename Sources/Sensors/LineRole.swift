// What else a line's state means to the node, beside being a reading.

public enum LineRole: UInt8, Sendable, CaseIterable {
    /// Active: the mains are gone and the rest of the charge is being used. Everything goes to flash at once.
    case powerFail = 1
    /// Active: the battery will not last. After `Limits.lowBatteryHold` everything goes to flash and the board is
    /// switched off in order.
    case lowBattery = 2
    /// Active: somebody opened the cabinet. A security event.
    case tamper = 3

    /// As the configuration has it.
    public var name: String {
        switch self {
        case .powerFail: "power-fail"
        case .lowBattery: "low-battery"
        case .tamper: "tamper"
        }
    }

    public static func named(_ name: String) -> LineRole? { allCases.first { $0.name == name } }
}
