// `cityedge demo`: what a stranger runs first.

import Glibc
import Testing

@Suite("Demo") struct DemoTests {
    @Test(
        "Through an outage every reading is accounted for, told as one JSON object",
        .enabled(if: mosquittoPath != nil, "no mosquitto on this machine: sudo apt install mosquitto"))
    func demo() throws {
        let folder = try Folder()
        let result = try run(
            "cityedge", ["demo", "--for", "5s", "--outage", "1s", "--json"], within: 90_000,
            environment: ["TMPDIR": folder.path])
        #expect(result.end == .exited(0), "\(result.errors)")
        let last = try #require(result.output.split(separator: "\n").last.map(String.init))
        #expect(last.hasPrefix("{") && last.hasSuffix("}"))
        func number(_ name: String) throws -> Int {
            try #require(member(name, of: last).flatMap { Int($0) }, "\(name) in \(last)")
        }
        #expect(try number("taken") > 80, "sixteen sensors, five seconds")
        #expect(try number("taken") == number("delivered") + number("tombstoned"))
        #expect(try number("lost") == 0)
        #expect(try number("duplicates") >= 0)
        #expect(try number("contributions") >= 2)
        let left = try run("/bin/ls", ["-A", folder.path])
        #expect(left.output.isEmpty, "nothing is left behind: \(left.output)")
    }

    @Test(
        "On no terminal it tells a line a second and the outcome in words",
        .enabled(if: mosquittoPath != nil, "no mosquitto on this machine: sudo apt install mosquitto"))
    func words() throws {
        let result = try run("cityedge", ["demo", "--for", "3s", "--outage", "0s"], within: 90_000)
        #expect(result.end == .exited(0), "\(result.errors)")
        #expect(result.output.contains("0 s  taken "))
        #expect(result.output.contains("LOST                              0\n"))
        #expect(result.output.contains("Every reading is accounted for."))
        #expect(!result.output.contains("\u{1B}"), "no escape sequences into a file")
    }

    /// Debian's place for mosquitto, /usr/sbin, is looked at whatever PATH says: only a file system of our own hides
    /// it.
    private static let canHidePrograms =
        (try? run("/usr/bin/unshare", ["-m", "/bin/mount", "--bind", "/tmp", "/usr/sbin"]))?.end == .exited(0)

    @Test(
        "Without mosquitto it says in one sentence what to install, and ends with 69",
        .enabled(if: canHidePrograms, "this user may not make a file system of its own (unshare -m)"))
    func withoutBroker() throws {
        let folder = try Folder()
        let empty = try folder.makeFolder("empty")
        let script = "mount --bind '\(empty)' /usr/sbin && PATH= exec '\(products)/cityedge' demo --for 5s --outage 1s"
        let result = try run("/usr/bin/unshare", ["-m", "/bin/sh", "-c", script])
        #expect(result.end == .exited(69), "\(result.errors)")
        #expect(
            result.errors
                == "The demo needs an MQTT broker: install it with `sudo apt install mosquitto`.\n")
    }
}
