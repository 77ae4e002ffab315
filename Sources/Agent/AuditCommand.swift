// `cityedge audit`: accounts for everything in an export of messages: numbers, duplicates, gaps, and whether each day
// was complete. An export is text, a line a message: topic, space, payload, as `mosquitto_sub -v` prints them.

import LinuxWorld
import World

/// Prints what the exports amount to, node by node. Exports without a message fail: that nothing is missing of nothing
/// proves nothing.
public func auditExports(_ files: [String]) throws(Failure) {
    var audits: [(root: String, audit: Audit)] = []
    var foreign = 0
    for file in files {
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try readFile(file, limit: 1 << 30) } catch {
            throw Failure(.usage, "\(file): \(error.reason); expected an export: lines of topic, space, payload")
        }
        for line in bytes.split(separator: 0x0A) {
            guard let space = line.firstIndex(of: 0x20), let slash = line[..<space].lastIndex(of: 0x2F) else {
                foreign += 1
                continue
            }
            let root = String(decoding: line[..<slash], as: UTF8.self)
            let message = BrokerMessage(
                topic: String(decoding: line[..<space], as: UTF8.self), payload: Array(line[(space + 1)...]),
                isRetained: false)
            let place =
                audits.firstIndex { $0.root == root }
                ?? {
                    audits.append((root, Audit()))
                    return audits.count - 1
                }()
            audits[place].audit.take(message, root: root)
        }
    }
    for (root, audit) in audits {
        printLine(
            "\(root): \(audit.messages) messages, \(audit.delivered) readings, \(audit.duplicates) of them again, "
                + "\(audit.tombstoned) told as given up, \(audit.gaps) batches missing, "
                + "\(audit.contributions) contributions")
        for text in audit.unreadable.prefix(5) { printLine("  against the contract: \(text)") }
        for line in audit.dayLines { printLine("  \(line)") }
    }
    if foreign > 0 { printLine("\(counted(UInt64(foreign), "line")) that no message is made of") }
    guard audits.contains(where: { $0.audit.messages > 0 }) else {
        throw Failure(
            .usage, "\(files.joined(separator: ", ")): not one message to account for"
                + (foreign > 0 ? "" : ": nothing in it") + "; expected an export: lines of topic, space, payload, as "
                + "`mosquitto_sub -v` prints them; check which topics it was made of")
    }
}
