// From the sensors with `driver: external` to the host of their programs, and from its lines to their mailboxes.

import LinuxWorld
import Sensors
import SiteConfig
import World

struct Programs {
    /// By sensor id.
    private var mailboxes: [String: Mailbox] = [:]
    private var sources: [(source: ProgramSource, listener: ProgramListener)] = []

    /// `runtime` nil: sockets are not opened, for they may be another process's.
    init(_ site: Site, runtime: String?) {
        for sensor in site.sensors where sensor.driver == "external" {
            let mailbox = Mailbox()
            mailboxes[sensor.id] = mailbox
            let listener = ProgramListener(
                line: { text, arrived in mailbox.put(Mailbox.Line(text: text, arrived: arrived)) },
                condition: { condition in
                    switch condition {
                    case .open: mailbox.setCondition(.open)
                    case .notStarted(let errno): mailbox.setCondition(.notStarted(errno: errno))
                    case .ended(let status, let words): mailbox.setCondition(.ended(status: status, words: words))
                    case .noSocket(let errno): mailbox.setCondition(.noSocket(errno: errno))
                    }
                })
            if case .text(let command)? = sensor.settings.values["run"] {
                let words = command.split(separator: " ").map(String.init)
                var silentAfter = Duration.seconds(60)
                if case .duration(let given)? = sensor.settings.values["silent_after"] { silentAfter = given }
                if !words.isEmpty { sources.append((.run(words, silentAfter: silentAfter), listener)) }
            } else if let runtime, case .text(let name)? = sensor.settings.values["socket"] {
                sources.append((.socket("\(runtime)/\(name).sock"), listener))
            }
        }
    }

    func mailbox(of sensor: String) -> Mailbox? { mailboxes[sensor] }

    /// Nil when there are none.
    func start() throws(Failure) -> ProgramHost? {
        if sources.isEmpty { return nil }
        do throws(SystemError) { return try ProgramHost(sources, lineBytesMax: Mailbox.lineBytesMax) } catch {
            throw Failure(.software, "\(error)")
        }
    }
}
