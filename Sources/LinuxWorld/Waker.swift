// A bell: any thread rings it, one event loop or worker hears it. An eventfd, which stays open until the last holder is
// gone, so that a worker that comes back late never writes into a descriptor that has become somebody else's.

import CLinux
import Glibc
import World

/// Rings the bell of an event loop from any thread. Copies ring the same bell.
public struct Waker: Sendable {
    private final class Bell: Sendable {
        let descriptor: Int32

        init(blocking: Bool) throws(SystemError) {
            let answer = clinux_eventfd_create(blocking)
            guard answer >= 0 else { throw SystemError(operation: "create", place: "eventfd", errno: -answer) }
            descriptor = answer
        }

        deinit { close(descriptor) }
    }

    private let bell: Bell

    /// `blocking`: hearing waits for a ring, as a worker wants it; else hearing answers at once.
    init(blocking: Bool = false) throws(SystemError) { bell = try Bell(blocking: blocking) }

    /// Readable after a ring, until it is heard.
    var descriptor: Int32 { bell.descriptor }

    /// Never waits. Rings before the next `hear` count as one.
    public func ring() { clinux_eventfd_signal(bell.descriptor) }

    /// Whether it rang since it was last heard.
    @discardableResult
    func hear() -> Bool { clinux_eventfd_take(bell.descriptor) }
}
