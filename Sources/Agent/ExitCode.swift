// How the programs end. Fixed, documented in the README; systemd does not restart on 78.

import Glibc

public enum ExitCode: Int32, Sendable {
    case ok = 0
    /// The command line is wrong (EX_USAGE).
    case usage = 64
    /// Hardware or broker absent, in a one-shot command (EX_UNAVAILABLE).
    case unavailable = 69
    /// Our own fault, or a check that did not hold (EX_SOFTWARE).
    case software = 70
    /// A folder or file cannot be written (EX_IOERR).
    case disk = 74
    /// The configuration (EX_CONFIG).
    case configuration = 78
}

/// Why a command cannot go on: what to print and how to end.
public struct Failure: Error, Sendable {
    public var code: ExitCode
    public var text: String
    public init(_ code: ExitCode, _ text: String) {
        self.code = code
        self.text = text
    }
}
