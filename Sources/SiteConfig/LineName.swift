// `line:` of a sensor: a name of the board (`GPIO17`), a position on its header (`J8-11`), or, on every board, a chip
// and a number: `pinctrl-bcm2711:17`, as `gpiodetect` and `gpioinfo` show them. The chip is told by its label or by the
// name of its device (`4804c000.gpio:28`), never by its own number (`gpiochip0`), which moves between kernels.

struct LineName {
    let board: Board
    let findings: Findings

    /// Nil when there is no such line, which is reported. A line of the board is the same line however it is written.
    func line(_ scalar: Scalar) -> BoardLine? {
        let wanted = scalar.text.uppercased()
        if let line = board.lines.first(where: { $0.name.uppercased() == wanted || $0.header?.uppercased() == wanted })
        {
            return line
        }
        if let line = numbered(scalar.text) { return line }
        findings.add(
            scalar.place, "\(quoted("line: \(scalar.text)")), which \(board.name) does not have", expected,
            remedy(for: scalar.text))
        return nil
    }

    /// `chip:number`. A label may have colons of its own (`INT34C5:00`): the last one counts.
    private func numbered(_ text: String) -> BoardLine? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let chip = String(text[..<colon])
        let digits = text[text.index(after: colon)...]
        // The kernel's labels have at most 31 bytes (GPIO_MAX_NAME_SIZE, linux/gpio.h), names of devices may have more.
        guard let offset = UInt16(digits), digits.first != "+", (1...63).contains(chip.utf8.count), !isNumbered(chip),
            chip.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "/") })
        else { return nil }
        return board.lines.first { $0.chipLabel == chip && $0.offset == offset }
            ?? BoardLine(name: "\(chip):\(offset)", header: nil, chipLabel: chip, offset: UInt32(offset))
    }

    /// `gpiochip0`.
    private func isNumbered(_ chip: String) -> Bool {
        chip.hasPrefix("gpiochip") && chip.utf8.dropFirst(8).allSatisfy { (0x30...0x39).contains($0) }
    }

    // MARK: What else to write

    /// The line that examples show: GPIO17 where there is one, for it is on the header of most boards.
    private var example: BoardLine? { board.lines.first { $0.name == "GPIO17" } ?? board.lines.first }

    private var expected: String {
        guard let example else { return "a chip and the number of a line on it (pinctrl-bcm2711:17)" }
        return "a line (\(example.name))" + (example.header.map { " or a header position (\($0))" } ?? "")
    }

    private func remedy(for text: String) -> String {
        let wanted = text.uppercased()
        if let colon = text.lastIndex(of: ":") {
            if isNumbered(String(text[..<colon])) {
                return "write the chip's label, which `gpiodetect` shows in brackets: the number after `gpiochip` moves"
            }
            return "write the number of the line after the colon, as in `line: pinctrl-bcm2711:17`"
        }
        guard let example else { return "write `line: CHIP:NUMBER`, as `gpiodetect` and `gpioinfo` show them" }
        let usual = "write a line that the board has, as in `line: \(example.name)`"
        let sharing = board.lines.compactMap(\.header).filter { isHalf($0.uppercased(), of: wanted) }
        if !sharing.isEmpty {
            return "write \(sharing.map { "`line: \($0)`" }.joined(separator: " or ")): two lines share that position"
        }
        if let number = bareNumber(wanted) {
            let choices = choices(for: number.digits, isGPIO: number.isGPIO)
            return choices.isEmpty ? usual : "write " + choices.joined(separator: ", or ")
        }
        if let dash = wanted.lastIndex(of: "-"),
            board.lines.contains(where: { $0.header?.hasPrefix(wanted[...dash]) == true })
        {
            return "connect it elsewhere: there is power, ground or nothing at that position"
        }
        let names = board.lines.flatMap { [$0.name, $0.header].compactMap { $0 } }
        if let nearest = Nearest.name(to: wanted, among: names) { return "write `line: \(nearest)`" }
        return usual
    }

    /// `P9-41A` is of `P9-41`.
    private func isHalf(_ header: String, of position: String) -> Bool {
        header.count == position.count + 1 && header.hasPrefix(position) && header.last?.isLetter == true
    }

    /// `17`, `pin 11`, `GPIO28`: a number, alone or after a word that says at most which kind of number it is.
    private func bareNumber(_ wanted: String) -> (digits: String, isGPIO: Bool)? {
        let digits = wanted.filter { ("0"..."9").contains($0) }
        let letters = wanted.filter { $0.isLetter }
        guard !digits.isEmpty, digits == wanted || ["GPIO", "BCM", "PIN", "IO"].contains(letters) else { return nil }
        return (digits, letters == "GPIO" || letters == "BCM")
    }

    private func choices(for digits: String, isGPIO: Bool) -> [String] {
        var choices: [String] = []
        if let line = board.lines.first(where: { $0.name == "GPIO\(digits)" }) {
            choices.append("`line: \(line.name)` for the GPIO number")
        }
        if !isGPIO {
            for header in board.lines.compactMap(\.header) where header.hasSuffix("-\(digits)") {
                choices.append("`line: \(header)` for the position on the header")
            }
        }
        return choices
    }
}
