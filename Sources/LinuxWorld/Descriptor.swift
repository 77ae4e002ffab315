// A file descriptor with one owner: open for exactly as long as its value lives.

import CLinux
import Glibc
import World

struct Descriptor: ~Copyable {
    let number: Int32

    /// Takes over an open descriptor.
    init(owning number: Int32) {
        invariant(number >= 0, "a descriptor is owned only once it is open")
        self.number = number
    }

    /// Takes over the answer of a C function of ours: a descriptor, or the negative errno.
    init(_ answer: Int32, _ operation: String, _ place: String) throws(SystemError) {
        guard answer >= 0 else { throw SystemError(operation: operation, place: place, errno: -answer) }
        number = answer
    }

    init(opening path: String, _ flags: Int32) throws(SystemError) {
        try self.init(uninterrupted { open(path, flags | O_CLOEXEC) }, "open", path)
    }

    // close is not made again after EINTR: on Linux the descriptor is gone either way, and may be another's by then.
    deinit { close(number) }
}
