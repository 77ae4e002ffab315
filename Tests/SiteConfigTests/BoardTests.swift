// The board definitions of boards/: that each is sound, names its sources and is found by its device tree.

import Testing
import World

@testable import SiteConfig

@Suite struct Boards {
    private struct Shipped {
        var text: SourceText
        var board: Board
        var words: String { String(decoding: text.bytes, as: UTF8.self) }
        var file: String { String(text.name.split(separator: "/").last?.dropLast(".yaml".count) ?? "") }
        /// Those with a header: neither simulated nor generic.
        var isHardware: Bool { !board.isSimulated && board.name != "generic" }
    }

    private static func shipped() throws -> [Shipped] {
        try Files.boards().map { text in
            let findings = Findings()
            let board = BoardFile.read(text, findings)
            #expect(findings.problems == [], "\(text.name)")
            return Shipped(text: text, board: try #require(board))
        }
    }

    @Test("There are definitions of at least twelve kinds of board, each in a file of its name")
    func count() throws {
        let boards = try Self.shipped()
        #expect(boards.count { $0.isHardware } >= 11 && boards.contains { $0.board.name == "generic" })
        for shipped in boards { #expect(shipped.file == shipped.board.name) }
    }

    @Test("Every definition of hardware says at its top where its facts are from, device tree and driver included")
    func sources() throws {
        for shipped in try Self.shipped() where !shipped.board.isSimulated {
            let opening = shipped.words.split(separator: "\n").prefix { $0.hasPrefix("#") }.joined(separator: "\n")
            #expect(opening.contains("Sources: "), "\(shipped.file)")
            guard shipped.isHardware else { continue }
            #expect(opening.contains(".dts") && opening.contains("drivers/"), "\(shipped.file)")
        }
    }

    @Test("No line is at a position that is power, ground or an analogue input")
    func power() throws {
        // The 40-pin header of the Raspberry Pi and those made after it; 26-pin headers are its first 26 positions.
        let pi: Set<Int> = [1, 2, 4, 6, 9, 14, 17, 20, 25, 30, 34, 39]
        let never: [String: Set<Int>] = [
            "J8": pi, "PIN": pi, "CON1": pi, "P8": [1, 2],
            "P9": Set(1...10).union(32...40).union(43...46),
        ]
        let ownNever: [String: Set<Int>] = [
            "odroid-c4": [37, 38, 40], "radxa-zero-3": [26], "rock-4": [26], "orangepi-zero-3": Set(27...40),
        ]
        for shipped in try Self.shipped() {
            for header in shipped.board.lines.compactMap(\.header) {
                let parts = header.split(separator: "-")
                let position = try #require(Int(parts[1].filter { ("0"..."9").contains($0) }), "\(header)")
                let forbidden = try #require(never[String(parts[0])], "\(shipped.file) \(header)")
                #expect(!forbidden.contains(position), "\(shipped.file) \(header)")
                #expect(ownNever[shipped.file]?.contains(position) != true, "\(shipped.file) \(header)")
                #expect(position <= (parts[0].hasPrefix("P8") || parts[0].hasPrefix("P9") ? 46 : 40))
            }
        }
    }

    @Test("A position has one line, a line one position, and a name is the only one of its board")
    func unique() throws {
        for shipped in try Self.shipped() {
            let lines = shipped.board.lines
            #expect(Set(lines.compactMap { $0.header?.uppercased() }).count == lines.count, "\(shipped.file)")
            #expect(Set(lines.map { $0.name.uppercased() }).count == lines.count, "\(shipped.file)")
            #expect(Set(lines.map { "\($0.chipLabel):\($0.offset)" }).count == lines.count, "\(shipped.file)")
        }
    }

    @Test("Every board has as many lines as its header has GPIO")
    func lineCounts() throws {
        let counts = [
            "raspberry-pi-zero-2w": 28, "raspberry-pi-3b-plus": 28, "raspberry-pi-4b": 28, "raspberry-pi-cm4": 28,
            "raspberry-pi-5": 28, "beaglebone-black": 36, "orangepi-zero-3": 16, "radxa-zero-3": 27, "rock-4": 27,
            "odroid-c4": 25, "banana-pi-m5": 28, "simulated": 28, "generic": 0,
        ]
        for shipped in try Self.shipped() {
            #expect(shipped.board.lines.count == counts[shipped.file], "\(shipped.file)")
        }
    }

    /// What the name of a pin says about its place, worked out anew.
    private static func place(_ name: String) -> (chip: String?, offset: Int)? {
        let digits = String(name.reversed().prefix { ("0"..."9").contains($0) }.reversed())
        guard let number = Int(digits) else { return nil }
        let letters = Array(name.prefix { !("0"..."9").contains($0) })
        // Rockchip: GPIO3_B4 is bank 3, 8 for each letter and the digit.
        let parts = name.split(separator: "_")
        if parts.count == 2, parts[0].count == 5, let letter = parts[1].first, let bank = parts[0].last, bank.isNumber,
            let group = Array("ABCD").firstIndex(of: letter)
        {
            return ("gpio\(bank)", group * 8 + number)
        }
        // Amlogic G12A (dt-bindings/gpio/meson-g12a-gpio.h).
        let first = ["GPIOH": 16, "GPIOA": 49, "GPIOX": 65]
        if parts.count == 2, let start = first[String(parts[0])] { return ("periphs-banks", start + number) }
        if parts.count == 2, parts[0] == "GPIOAO" { return ("aobus-banks", number) }
        // Allwinner: PH5, 32 for each letter.
        if letters.count == 2, letters[0] == "P", let port = Array("ABCDEFGHI").firstIndex(of: letters[1]) {
            return ("300b000.pinctrl", port * 32 + number)
        }
        return String(letters) == "GPIO" ? (nil, number) : nil
    }

    @Test("Where a pin's name says its place on the chip, the offset is that")
    func offsets() throws {
        for shipped in try Self.shipped() where shipped.file != "beaglebone-black" {
            for line in shipped.board.lines {
                let place = try #require(Self.place(line.name), "\(shipped.file) \(line.name)")
                #expect(Int(line.offset) == place.offset, "\(shipped.file) \(line.name)")
                if let chip = place.chip { #expect(line.chipLabel == chip, "\(shipped.file) \(line.name)") }
            }
        }
    }

    @Test("The BeagleBone's lines are those that tables of its headers give by number, GPIO0_0 being 0")
    func beagleBone() throws {
        let board = try #require(try Self.shipped().first { $0.file == "beaglebone-black" }).board
        let chips = ["44e07000.gpio", "4804c000.gpio", "481ac000.gpio", "481ae000.gpio"]
        // 32 for each chip.
        let known = [
            "P8-7": 66, "P8-8": 67, "P8-9": 69, "P8-10": 68, "P8-11": 45, "P8-12": 44, "P8-13": 23, "P8-14": 26,
            "P8-15": 47, "P8-16": 46, "P8-17": 27, "P8-18": 65, "P8-19": 22, "P8-26": 61, "P9-11": 30, "P9-12": 60,
            "P9-13": 31, "P9-14": 50, "P9-15A": 48, "P9-16": 51, "P9-17": 5, "P9-18": 4, "P9-19": 13, "P9-20": 12,
            "P9-21": 3, "P9-22": 2, "P9-23": 49, "P9-24": 15, "P9-26": 14, "P9-27": 115, "P9-30": 112, "P9-42A": 7,
        ]
        for (header, number) in known {
            let line = try #require(board.lines.first { $0.header == header }, "\(header)")
            #expect(line.chipLabel == chips[number / 32] && Int(line.offset) == number % 32, "\(header)")
        }
    }

    @Test("A bus has a path of its own, and its two pins, where they are known, are lines of the board")
    func buses() throws {
        for shipped in try Self.shipped() {
            let board = shipped.board
            #expect(!board.buses.isEmpty, "\(shipped.file)")
            #expect(Set(board.buses.map(\.place)).count == board.buses.count)
            for bus in board.buses {
                #expect(bus.place == "/dev/i2c-\(bus.name.dropFirst(3))", "\(shipped.file)")
                #expect(bus.lines.isEmpty || bus.lines.count == 2, "\(shipped.file) \(bus.name)")
                #expect(bus.lines.allSatisfy { name in board.lines.contains { $0.name == name } })
            }
        }
    }

    /// The header of a Raspberry Pi 5 is gpiochip4 under some kernels, gpiochip0 under others, `pinctrl-rp1` under all.
    @Test("No chip is told by its number")
    func noChipNumbers() throws {
        for shipped in try Self.shipped() {
            #expect(!shipped.board.lines.contains { $0.chipLabel.hasPrefix("gpiochip") }, "\(shipped.file)")
        }
        let five = try #require(try Self.shipped().first { $0.file == "raspberry-pi-5" }).board
        #expect(Set(five.lines.map(\.chipLabel)) == ["pinctrl-rp1"])
    }

    // MARK: Which board it is

    private static func found(_ compatible: [String], _ boards: [SourceText]? = nil) throws -> String {
        let text = head + "sensors: [{id: clock, driver: digital-input, line: chip:1}]\n"
        return try Configuration.load(
            main: SourceText(name: "c.yaml", bytes: Array(text.utf8)), boards: boards ?? Files.boards(),
            compatible: compatible, fileExists: { _ in true }
        ).site.board.name
    }

    @Test(
        "`board: auto` finds a board by what its kernel says",
        arguments: [
            ("raspberry-pi-zero-2w", ["raspberrypi,model-zero-2-w", "brcm,bcm2837"]),
            ("raspberry-pi-3b-plus", ["raspberrypi,3-model-b-plus", "brcm,bcm2837"]),
            ("raspberry-pi-4b", ["raspberrypi,4-model-b", "brcm,bcm2711"]),
            ("raspberry-pi-cm4", ["raspberrypi,4-compute-module", "brcm,bcm2711"]),
            ("raspberry-pi-5", ["raspberrypi,5-model-b", "brcm,bcm2712"]),
            ("beaglebone-black", ["ti,am335x-bone-black", "ti,am335x-bone", "ti,am33xx"]),
            ("orangepi-zero-3", ["xunlong,orangepi-zero3", "allwinner,sun50i-h618"]),
            ("radxa-zero-3", ["radxa,zero-3w", "rockchip,rk3566"]),
            ("radxa-zero-3", ["radxa,zero-3e", "rockchip,rk3566"]),
            ("rock-4", ["radxa,rockpi4a", "radxa,rockpi4", "rockchip,rk3399"]),
            ("rock-4", ["radxa,rockpi4b", "radxa,rockpi4", "rockchip,rk3399"]),
            ("rock-4", ["radxa,rock-4c-plus", "rockchip,rk3399"]),
            ("rock-4", ["radxa,rock-4se", "rockchip,rk3399"]),
            ("odroid-c4", ["hardkernel,odroid-c4", "amlogic,sm1"]),
            ("banana-pi-m5", ["bananapi,bpi-m5", "amlogic,sm1"]),
        ])
    func detection(name: String, compatible: [String]) throws {
        #expect(try Self.found(compatible) == name)
    }

    @Test("A model string is of one board only, and none is a mere chip's, which other boards have too")
    func models() throws {
        let boards = try Self.shipped()
        let models = boards.flatMap(\.board.compatible)
        #expect(Set(models).count == models.count)
        let chips = ["brcm,", "rockchip,", "amlogic,", "allwinner,", "ti,am33xx"]
        #expect(!models.contains { model in chips.contains { model.hasPrefix($0) } })
        for shipped in boards { #expect(shipped.board.compatible.isEmpty == !shipped.isHardware, "\(shipped.file)") }
    }

    @Test("The most exact model decides, whatever the files are called")
    func mostExact() throws {
        func board(_ name: String, _ model: String) -> SourceText {
            SourceText(
                name: "boards/\(name).yaml",
                bytes: Array("name: \(name)\ncompatible: [\"\(model)\"]\n".utf8))
        }
        let boards = [board("a", "maker,family"), board("b", "maker,model"), board("c", "maker,chip")]
        #expect(try Self.found(["maker,model", "maker,family", "maker,chip"], boards) == "b")
        #expect(try Self.found(["maker,newer", "maker,family", "maker,chip"], boards) == "a")
        #expect(try Self.found(["maker,other", "maker,chip"], boards) == "c")
    }
}
