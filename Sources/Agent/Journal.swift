// Lines for people: to standard error, with the journal's level in front when systemd listens (sd-daemon(3)).

import Gateway
import Glibc
import World

public struct Journal: Sendable {
    private let hasLevels: Bool
    private let isShown: Bool

    public init(isShown: Bool = true) {
        hasLevels = getenv("JOURNAL_STREAM") != nil
        self.isShown = isShown
    }

    public func write(_ line: JournalLine) {
        guard isShown else { return }
        let text = (hasLevels ? "<\(line.level.rawValue)>" : "cityedged: ") + line.text + "\n"
        writeAll(text, to: STDERR_FILENO)
    }
}

/// Writes everything, or as much as the reader takes.
public func writeAll(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
        var rest = UnsafeRawBufferPointer(bytes)
        while rest.count > 0 {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}

public func printLine(_ text: String) { writeAll(text + "\n", to: STDOUT_FILENO) }
public func printError(_ text: String) { writeAll(text + "\n", to: STDERR_FILENO) }
