#!/usr/bin/env python3
"""Reads segment files of CityEdge's outbox, written from the format's description alone (Sources/Outbox/Block.swift and
Columns.swift), as a second opinion on it. Prints one JSON line per block, dictionary or damaged stretch.

    read_segment.py FILE...        (- reads standard input)
"""
import json
import struct
import sys

LANES = ["readings", "contributions", "events", "security"]
MASK = (1 << 64) - 1


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def wrap(value):
    """As a signed 64-bit number."""
    value &= MASK
    return value - (1 << 64) if value >> 63 else value


def unzigzag(value):
    return wrap((value >> 1) ^ -(value & 1))


class Reader:
    def __init__(self, data, at):
        self.data, self.at = data, at

    def bytes(self, count):
        if self.at + count > len(self.data):
            raise ValueError("past the end")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self):
        return self.bytes(1)[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & MASK
            shift += 7

    def signed(self):
        return unzigzag(self.varint())

    def text(self):
        return self.bytes(self.varint()).decode()


def columns(reader, count):
    times, time, step = [], 0, 0
    while len(times) < count:
        length, change = reader.varint(), reader.signed()
        step = wrap(step + change)
        time = wrap(time + step)
        if not times:
            step = 0
        times += [time] * length
    channels, follower, current = [], {}, None

    def tell(channel):
        nonlocal current
        if current is not None:
            follower[current] = channel
        channels.append(channel)
        current = channel

    while len(channels) < count:
        for _ in range(reader.varint()):
            tell(0 if current is None else follower.get(current, current + 1))
        if len(channels) < count:
            tell(reader.varint())
    groups = [[i for i in range(count) if channels[i] == c] for c in sorted(set(channels))]
    grouped, qualities = [i for group in groups for i in group], {}
    while len(qualities) < count:
        length, quality = reader.varint(), reader.byte()
        for index in grouped[len(qualities):len(qualities) + length]:
            qualities[index] = quality
    firsts, before = [], 0
    while len(firsts) < len(groups):
        length, difference = reader.varint(), reader.signed()
        for _ in range(length):
            before = (before + difference) & MASK
            firsts.append(before)
    jumps, place = {}, 0
    for _ in range(reader.varint()):
        place += reader.varint()
        jumps[place] = reader.varint()
    ordinals, place = [0] * count, 0
    for group, ordinal in zip(groups, firsts):
        for position, index in enumerate(group):
            if position:
                ordinal = (ordinal + 1 + jumps.get(place, 0)) & MASK
            ordinals[index] = ordinal
            place += 1
    values = [None] * count
    for group in groups:
        told = [i for i in group if qualities[i] < 32]
        if not told:
            continue
        value = values[told[0]] = reader.signed()
        if len(told) == 1:
            continue
        width = reader.byte()
        bits = int.from_bytes(reader.bytes((width * (len(told) - 1) + 7) // 8), "little")
        for index in told[1:]:
            value = values[index] = wrap(value + unzigzag(bits & ((1 << width) - 1)))
            bits >>= width
    return [
        {"us": times[i], "channel": channels[i], "value": values[i], "quality": qualities[i], "ordinal": ordinals[i]}
        for i in range(count)
    ]


def block(data, at):
    """What stands at this offset: (record or None, where to look next)."""
    if data[at : at + 4] != b"CEB1" or len(data) - at < 40:
        return None
    length, crc = struct.unpack_from("<II", data, at + 4)
    if length < 40 or at + length > len(data) or crc32c(data[at + 12 : at + length]) != crc:
        return None
    version, kind, lane, flags, stream, first, count, header, config = struct.unpack_from("<BBBBQQHHI", data, at + 12)
    if version != 1 or kind > 1 or lane > 3:
        return {"kind": "unknown", "version": version}, length
    record = {
        "kind": "dictionary" if kind else "batches", "stream": f"{stream:016x}", "lane": LANES[lane], "config": f"{config:08x}"
    }
    reader = Reader(data[at : at + length], header)
    if kind:
        high, low = struct.unpack("<QQ", reader.bytes(16))
        record.update(boot=f"{high:016x}{low:016x}", prefix=reader.text(), channels=[])
        for _ in range(reader.varint()):
            name, unit = reader.text(), reader.text()
            record["channels"].append({"name": name, "unit": unit, "scale": struct.unpack("b", reader.bytes(1))[0]})
        return record, length
    if flags & 1:
        record["anchor"] = {"offset_ns": reader.signed(), "bound_ns": reader.varint()}
    counts = [reader.varint() for _ in range(count)]
    if lane == 0:
        records = columns(reader, sum(counts))
    else:
        records, time = [], 0
        for _ in range(sum(counts)):
            time = wrap(time + reader.signed())
            records.append({"us": time, "body": reader.bytes(reader.varint()).decode()})
    record["batches"], start = [], 0
    for place, number in enumerate(counts):
        record["batches"].append({"seq": first + place, "records": records[start : start + number]})
        start += number
    return record, length


def main():
    status = 0
    for name in sys.argv[1:] or ["-"]:
        data = sys.stdin.buffer.read() if name == "-" else open(name, "rb").read()
        at = 0
        while at < len(data):
            found = block(data, at)
            if found:
                record, length = found
            else:
                following = data.find(b"CEB1", at + 1)
                length = (following if following >= 0 else len(data)) - at
                record, status = {"kind": "damage", "at": at, "bytes": length}, 1
            print(json.dumps(record, sort_keys=True, separators=(",", ":")))
            at += length
    return status


if __name__ == "__main__":
    sys.exit(main())
