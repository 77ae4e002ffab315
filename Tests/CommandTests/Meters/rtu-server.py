"""rtu-server.py PORT ADDRESS [damaged]: an energy meter on a serial line, as Modbus RTU servers are.

After "MODBUS Application Protocol Specification V1.1b3" (function 4, exceptions 1 to 3) and "MODBUS over Serial Line
V1.02" section 2.5.1 (frame, CRC), and sharing no code with the client. Holds what an SDM120 has at 0x0000, 0x000C and
0x0048; the power is negative, the energy has more digits than six. `damaged`: every checksum it sends is wrong.
Prints `ready` when it listens, and a line per request that it answers; ends when the line does.
"""

import os
import struct
import sys
import tty

VALUES = {0x0000: 230.1, 0x000C: -412.5, 0x0048: 123456.78}


def crc(frame):
    register = 0xFFFF
    for byte in frame:
        register ^= byte
        for _ in range(8):
            carry = register & 1
            register >>= 1
            if carry:
                register ^= 0xA001
    return struct.pack("<H", register)


def answer(body):
    if body[0] != 4:
        return bytes([body[0] | 0x80, 1])
    start, count = struct.unpack(">HH", body[1:])
    if not 1 <= count <= 125:
        return bytes([0x84, 3])
    words = {}
    for place, value in VALUES.items():
        words[place], words[place + 1] = struct.unpack(">HH", struct.pack(">f", value))
    wanted = range(start, start + count)
    if any(place not in words for place in wanted):
        return bytes([0x84, 2])
    return struct.pack(">BB%dH" % count, 4, 2 * count, *(words[place] for place in wanted))


def main():
    port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    address, is_damaged = int(sys.argv[2]), sys.argv[3:] == ["damaged"]
    print("ready", flush=True)
    held = b""
    while True:
        try:
            came = os.read(port, 256)
        except OSError:
            return
        if not came:
            return
        held += came
        # Requests to read are 8 bytes; whatever is not one is passed over byte by byte.
        while len(held) >= 8:
            frame, good = held[:8], crc(held[:6]) == held[6:8]
            held = held[8:] if good else held[1:]
            if not good or frame[0] != address:
                continue
            reply = bytes([address]) + answer(frame[1:6])
            check = crc(reply)
            if is_damaged:
                check = bytes([check[0] ^ 1, check[1]])
            print("register 0x%04X" % struct.unpack(">H", frame[2:4]), flush=True)
            os.write(port, reply + check)


main()
