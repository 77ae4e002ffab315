// Plays the chips of the virtual board's I2C buses: takes each transfer that the kernel hands out of /dev/i2c-user
// (../i2c-user/i2c-user.c) to the simulated chip at the address.
//
//     virtual-chips BUSES [BUS:ADDRESS:DRIVER]...
//
// Standard input changes the world, a line at a time (World.swift says which); each line is answered on standard
// output by `ok`, or by what is wrong with it. It serves until its input ends.

import Glibc

/// One line, at once: a shell or a script waits for it.
func tell(_ text: String, on descriptor: Int32 = 1) {
    let line = Array((text + "\n").utf8)
    guard write(descriptor, line, line.count) == line.count else { exit(1) }
}

/// Says why, and gives up.
func fail(_ text: String) -> Never {
    tell("virtual-chips: \(text)", on: 2)
    exit(1)
}

let arguments = CommandLine.arguments.dropFirst()
guard let buses = arguments.first.flatMap({ Int($0) }), (1...16).contains(buses) else {
    fail("usage: virtual-chips BUSES [BUS:ADDRESS:DRIVER]...")
}
let world = ChipWorld(buses: buses)
for argument in arguments.dropFirst() {
    let words = argument.split(separator: ":", omittingEmptySubsequences: false)
    if let fault = world.obey("attach " + words.joined(separator: " ")) { fail("\(argument): \(fault)") }
}
let device = open("/dev/i2c-user", O_RDWR | O_NONBLOCK | O_CLOEXEC)
guard device >= 0 else { fail("/dev/i2c-user: \(String(cString: strerror(errno)))") }
tell("ok")

var input: [UInt8] = []
var isOpen = true
while isOpen {
    var watched = [
        pollfd(fd: device, events: Int16(POLLIN), revents: 0), pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
    ]
    guard poll(&watched, 2, -1) >= 0 || errno == EINTR else { fail("poll: \(String(cString: strerror(errno)))") }
    if watched[0].revents != 0 { while serve(device, world) {} }
    if watched[1].revents != 0 {
        var chunk = [UInt8](repeating: 0, count: 4_096)
        let count = read(0, &chunk, chunk.count)
        isOpen = count > 0
        if count > 0 { input += chunk[..<count] }
        while let end = input.firstIndex(of: 0x0A) {
            let line = String(decoding: input[..<end], as: UTF8.self)
            input.removeSubrange(...end)
            tell(world.obey(line) ?? "ok")
        }
    }
}
