// What the system refused, in the words of the people who have to mend it: operation, place and the system's own
// reason.

import CLinux
import Glibc

/// A system call that failed while something was being set up. What fails later, in running, is told by the seams' own
/// faults.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried: `open`, `bind`, `start`.
    public var operation: String
    /// On what: a path, a program, an address.
    public var place: String
    public var errno: Int32

    public init(operation: String, place: String, errno: Int32) {
        self.operation = operation
        self.place = place
        self.errno = errno
    }

    public var reason: String { systemReason(errno) }
    public var description: String { "\(place): cannot \(operation): \(reason)" }
}

/// The system's words for an error number.
public func systemReason(_ errno: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
        clinux_reason(errno, buffer.baseAddress, buffer.count)
        return String(cString: buffer.baseAddress!)
    }
}

/// The result of a call, made again as long as a signal interrupts it; a failure is answered as the negative errno.
@inline(__always)
func uninterrupted<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result >= 0 { return result }
        let cause = errno
        if cause != EINTR { return Result(-cause) }
    }
}
