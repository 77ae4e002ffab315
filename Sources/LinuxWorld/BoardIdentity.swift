// Which board this is and which boot of it, as the kernel tells.

import CLinux
import World

extension BootID {
    /// Of this boot.
    public static func read() throws(SystemError) -> BootID {
        let path = "/proc/sys/kernel/random/boot_id"
        let text = String(decoding: try readFile(path, limit: 64).prefix { $0 > 0x20 }, as: UTF8.self)
        guard let boot = BootID(text: text) else {
            throw SystemError(operation: "understand", place: path, errno: EINVAL)
        }
        return boot
    }
}

public struct BoardSerial: Hashable, Sendable {
    public enum Source: Sendable { case deviceTree, machineID, none }
    public var text: String
    public var source: Source
}

/// The board's serial number from the device tree, as printed on no board but unique to each. Elsewhere (PCs, virtual
/// machines) 16 hex digits made of /etc/machine-id, which itself must not leave the machine (machine-id(5)): of its 128
/// bits a 64-bit hash remains. Empty when there is neither.
public func boardSerial(root: String = "") -> BoardSerial {
    for path in ["/proc/device-tree/serial-number", "/sys/firmware/devicetree/base/serial-number"] {
        let text = deviceTreeStrings(root + path).first ?? ""
        if !text.isEmpty { return BoardSerial(text: text, source: .deviceTree) }
    }
    guard let identity = try? readFile(root + "/etc/machine-id", limit: 256).prefix(while: { $0 > 0x20 }),
        !identity.isEmpty
    else { return BoardSerial(text: "", source: .none) }
    // FNV-1a, 64 bits (draft-eastlake-fnv), over our name and the id: enough to tell boards apart.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in Array("cityedge".utf8) + identity { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return BoardSerial(text: hex(hash), source: .machineID)
}

/// What the board is compatible with, most exact first: `raspberrypi,4-model-b`, `brcm,bcm2711`. Empty without device
/// tree.
public func deviceTreeCompatible(root: String = "") -> [String] {
    let exact = deviceTreeStrings(root + "/proc/device-tree/compatible")
    return exact.isEmpty ? deviceTreeStrings(root + "/sys/firmware/devicetree/base/compatible") : exact
}

/// A device tree property of strings: each ends with a zero byte (Devicetree Specification section 2.2.4).
private func deviceTreeStrings(_ path: String) -> [String] {
    guard let bytes = try? readFile(path, limit: 4_096) else { return [] }
    return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
}

private func hex(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

/// 64 random bits of the kernel. Waits, early in a boot, until the kernel has gathered enough (getrandom(2)).
public func randomSeed() -> UInt64 {
    var seed: UInt64 = 0
    invariant(
        clinux_random(&seed, MemoryLayout<UInt64>.size), "up to 256 bytes are handed out whole, never interrupted")
    return seed
}
