"""Whether all that a stopped agent has numbered has come: its checkpoint against the account of what came."""
import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Campaigns"))
from account import LANES, Allowed, account        # noqa: E402


def last_numbers(path):
    """(stream, {lane: last number}) by the checkpoint of an orderly stop (two slots; `Checkpoint.swift`)."""
    with open(path, "rb") as file:
        slots = [slot for slot in (file.read(4096), file.read(4096)) if slot[:4] == b"CEC1"]
    slot = max(slots, key=lambda slot: struct.unpack_from("<Q", slot, 8))
    if not slot[17] & 1:
        raise ValueError("the newest checkpoint is not of an orderly stop")
    place, numbers = 60, []
    while len(numbers) < len(LANES):
        number, shift = 0, 0
        while True:
            byte, place = slot[place], place + 1
            number, shift = number | (byte & 127) << shift, shift + 7
            if byte < 128:
                break
        numbers.append(number - 1)
    return f"{struct.unpack_from('<Q', slot, 20)[0]:016x}", dict(zip(LANES, numbers))


def is_delivered(checkpoint, recording):
    """The stream of the checkpoint, from its first number to its last."""
    name, last = last_numbers(checkpoint)
    with open(recording, encoding="utf-8") as file:
        result = account(file, Allowed(streams=None))
    streams = [streams[name] for streams in result.nodes.values() if name in streams]
    return len(streams) == 1 and all(
        number in streams[0].batches[lane] for lane in LANES for number in range(1, last[lane] + 1))


def lines(path):
    """Whole JSON lines: a cut may tear the last one."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8", errors="replace") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]
