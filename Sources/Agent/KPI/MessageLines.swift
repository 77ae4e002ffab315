// Exports of MQTT messages: one message a line, with or without its topic in front, as `mosquitto_sub` and
// `mosquitto_sub -v` write them. Files of any size are read, a line at a time.

import Glibc
import LinuxWorld

struct MessageLine {
    /// Where it was read, for messages to people.
    var place: String
    /// The topic's last level; nil when the export has no topics.
    var kind: String?
    var payload: [UInt8]
}

enum MessageLines {
    /// Longer lines are no messages of ours.
    static let longest = 32 << 20

    /// Hands over every line of every file; `-` is standard input. Empty lines and those that begin with `#` are left
    /// out.
    static func read(_ paths: [String], _ take: (MessageLine) throws(Failure) -> Void) throws(Failure) {
        for path in paths {
            let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw Failure(
                    .usage, "\(path): \(systemReason(errno)); expected a file of MQTT messages, one a line, or - for "
                        + "standard input")
            }
            defer { if path != "-" { close(descriptor) } }
            try read(descriptor, path, take)
        }
    }

    private static func read(
        _ descriptor: Int32, _ path: String, _ take: (MessageLine) throws(Failure) -> Void
    ) throws(Failure) {
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        var line: [UInt8] = []
        var number = 0
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw Failure(.disk, "\(path): \(systemReason(errno)); expected a readable file") }
            if count == 0 { break }
            var rest = chunk[..<count]
            while let end = rest.firstIndex(of: 0x0A) {
                line += rest[..<end]
                number += 1
                try split(line, "\(path):\(number)", take)
                line.removeAll(keepingCapacity: true)
                rest = rest[(end + 1)...]
            }
            line += rest
            guard line.count <= longest else {
                throw Failure(
                    .usage,
                    "\(path):\(number + 1): a line of more than \(longest >> 20) MiB; expected one message a line")
            }
        }
        try split(line, "\(path):\(number + 1)", take)
    }

    private static func split(
        _ line: [UInt8], _ place: String, _ take: (MessageLine) throws(Failure) -> Void
    ) throws(Failure) {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D }
        var text = line.drop(while: isSpace)
        guard let first = text.first, first != UInt8(ascii: "#") else { return }
        var kind: String?
        if first != UInt8(ascii: "{"), first != UInt8(ascii: "["), let end = text.firstIndex(where: isSpace) {
            let topic = text[..<end]
            let last = topic.lastIndex(of: UInt8(ascii: "/")).map { topic[($0 + 1)...] } ?? topic
            kind = String(decoding: last, as: UTF8.self)
            text = text[end...].drop(while: isSpace)
        }
        try take(MessageLine(place: place, kind: kind, payload: Array(text)))
    }
}
