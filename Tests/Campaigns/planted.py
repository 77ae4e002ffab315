"""The accounting's self-test: recordings made up here. Good ones must pass; each planted fault must be noticed, and
said in the words expected."""
import json

from account import Allowed, account

ROOT = "cityedge/v1/malaga/lamppost-0042/"
FIRST, SECOND = "00000000000000a1", "00000000000000b2"
BOOT = "11111111-2222-3333-4444-555555555555"
BEGIN = 1795257600
EVERY = 0.25
# A batch holds four rounds of two simulated channels and a counter: one second.
ROUNDS = 4


def pack(stream, number, begin=BEGIN, clock="synced"):
    """Readings batch `number` of the stream: its second after `begin`. The counter counts one pulse of 10 L a round."""
    second = begin + number - 1
    records = []
    for round_number in range(ROUNDS):
        offset = round_number * EVERY
        pulses = (number - 1) * ROUNDS + round_number + 1
        for name, unit, value in (("a.noise", "dB", 50 + number % 7), ("b.level", "m", 1.25),
                                  ("water.volume", "m3", 0.01), ("water.total", "m3", round(pulses / 100, 2))):
            records.append({"n": name, "u": unit, "v": value, "t": offset})
    head = {"stream": stream, "seq": number, "clock": clock, "config": "9c1e04d2"}
    if clock == "synced":
        head["bt"] = second
    else:                               # relative to an encoding one second after the batch
        head |= {"boot": BOOT, "boot_ns": str((number + 1) * 10**9)}
        for record in records:
            record["t"] -= 2
    records[0] = {"bn": "malaga/lamppost-0042/"} | head | records[0]
    return records


def readings(*packs, topic="readings"):
    return ROOT + topic + " " + json.dumps([record for records in packs for record in records])


def events(stream, number, items, lane="events", begin=BEGIN):
    return ROOT + lane + " " + json.dumps({
        "v": 1, "node": "lamppost-0042", "stream": stream, "lane": lane, "seq": number, "clock": "synced",
        "bt": begin + number, "config": "9c1e04d2", "items": [{"t": 0} | item for item in items]})


def begun(stream, previous=None, last=0):
    item = {"kind": "stream", "stream": stream, "loss_window_s": 3}
    if previous:
        item |= {"previous": previous, "previous_last": {"readings": last}}
    return item


def tombstone(stream, first=None, last=None, channels=None):
    item = {"kind": "tombstone", "stream": stream, "lane": "readings", "channels": channels or {}, "reason": "full"}
    return item | ({} if first is None else {"first": first, "last": last})


def without(records, name, place=0):
    """The pack without the record of that name in one of its rounds. The head's record stays."""
    places = [index for index, record in enumerate(records) if record["n"] == name]
    return records[:places[place]] + records[places[place] + 1:]


def good():
    item = {"kind": "contribution", "slug": "x"}
    lines = [events(FIRST, 1, [begun(FIRST)]), events(FIRST, 1, [item], "contributions")]
    return lines + [readings(pack(FIRST, number)) for number in range(1, 11)]


def cut(hole=(), told=True, newest=10):
    """Ten seconds, a power cut, a new stream twenty seconds later."""
    later = BEGIN + 30
    lines = good()[:2] + [readings(pack(FIRST, number)) for number in range(1, newest + 1) if number not in hole]
    named = begun(SECOND, FIRST, newest) if told else begun(SECOND)
    return lines + [events(SECOND, 1, [named], begin=later)] + [readings(pack(SECOND, 1, later))]


def spoiled(lines, change):
    lines = list(lines)
    change(lines)
    return lines


def duplicate(change=lambda records: None, **options):
    records = pack(FIRST, 4, **options)
    change(records)
    return good() + [readings(records, topic="history")]


LIVES = [{"from": BEGIN - 1, "to": BEGIN + 10, "every": {"a.noise": EVERY, "b.level": EVERY}}]
TOGETHER = [["a.noise", "b.level"], ["water.volume", "water.total"]]
STRICT = Allowed(lives=LIVES, together=TOGETHER, duplicates=2)
CUTS = Allowed(power_cuts=[BEGIN + 10.5])
LATE = Allowed(power_cuts=[BEGIN + 25])
ONLINE = ROOT + 'status {"v":1,"node":"lamppost-0042","status":"online"}'
ANCHOR = events(FIRST, 2, [{"kind": "anchor", "boot": BOOT, "utc_at_boot_ns": str(BEGIN * 10**9), "bound_ms": 1}])

# what, recording, allowed, figures that must be
GOOD = [
    ("everything once", good(), STRICT, {"delivered": 12, "readings": 160, "duplicates": 0, "missing": 0}),
    ("out of order, several in one message", good()[:2] + [readings(pack(FIRST, 9), pack(FIRST, 10), topic="history")]
     + good()[2:-2], STRICT, {"delivered": 12, "messages": 11}),
    ("a number again with the same content", duplicate(), STRICT, {"duplicates": 1, "duplicate_messages": 1}),
    ("the broker's own repetition", good() + [json.dumps({"topic": ROOT + "readings", "dup": 1, "payload":
     good()[5].partition(" ")[2]})], Allowed(duplicates=0), {"broker_repeats": 1, "duplicates": 0}),
    ("unsettled first, settled when it comes again", [readings(pack(FIRST, 4, clock="unsettled"))] + good() + [ANCHOR],
     STRICT, {"duplicates": 1, "delivered": 13}),
    ("numbers that a tombstone tells of", spoiled(good(), lambda lines: lines.__setitem__(
        slice(4, 6), [events(FIRST, 2, [tombstone(FIRST, 3, 4)])])), Allowed(), {"tombstoned": 2, "missing": 0}),
    ("ring losses told", [line.replace(', {"n": "b.level", "u": "m", "v": 1.25, "t": 0.25}', "", 1) for line in good()]
     + [events(FIRST, 2, [tombstone(FIRST, channels={"b.level": 10})])], STRICT, {"ring_losses": 10}),
    ("a round that a kill ended early", spoiled(good(), lambda lines: lines.__setitem__(
        11, readings(pack(FIRST, 10)[:-3]))), STRICT, {"torn_rounds": 1}),
    ("a power cut inside the loss window", cut(hole=(9, 10)), CUTS, {"in_window": 2, "missing": 0, "streams": 2}),
    ("a hole inside the loss window", cut(hole=(8,)), CUTS, {"in_window": 1, "missing": 0}),
    ("a hole inside the loss window, moment unknown", cut(hole=(8,)), Allowed(power_cuts=[]), {"in_window": 1}),
    ("duplicates in two sessions", duplicate() + [ONLINE] + duplicate()[-1:] * 2, Allowed(in_session=2),
     {"duplicate_messages": 3, "duplicates_in_session": 2, "sessions": 1}),
    ("other people's topics", good() + ["zigbee/x {}", ROOT + "status offline"], STRICT, {"messages": 12}),
]

# what, recording, allowed, what the first failure must say
FAULTS = [
    ("a missing number", good()[:6] + good()[7:], Allowed(), "readings: missing 5 of 1 to 10"),
    ("a missing event", good() + [events(FIRST, 3, [{"kind": "broker", "state": "back"}])], Allowed(),
     "events: missing 2 of 1 to 3"),
    ("the last number, known from elsewhere", good(), Allowed(known={FIRST: {"readings": 11}}), "missing 11 of 1"),
    ("a tombstone of another stream", good()[:6] + good()[7:] + [events(FIRST, 2, [tombstone(SECOND, 5, 5)])],
     Allowed(streams=None), "readings: missing 5"),
    ("a changed value", duplicate(lambda records: records[5].update(v=99)), Allowed(), "4: came again with other"),
    ("a changed time", duplicate(lambda records: records[5].update(t=0.26)), Allowed(), "4: came again with other"),
    ("a changed beginning", duplicate(lambda records: records[0].update(bt=7)), Allowed(), "4: came again with other"),
    ("a reading gone in the copy", duplicate(lambda records: records.pop()), Allowed(), "4: came again with other"),
    ("another configuration", duplicate(lambda records: records[0].update(config="0")), Allowed(), "4: came again"),
    ("a changed event", good() + [events(FIRST, 1, [begun(FIRST, SECOND)])], Allowed(streams=None), "came again"),
    ("too many duplicates", duplicate() + duplicate()[-1:] * 2, STRICT, "3 messages repeat a number, allowed 2"),
    ("too many duplicates in one session", duplicate() + duplicate()[-1:] * 2 + [ONLINE], Allowed(in_session=2),
     "3 messages of one session repeat a number, allowed 2"),
    ("a reading lost inside of a batch", spoiled(good(), lambda lines: lines.__setitem__(
        6, readings(without(pack(FIRST, 5), "b.level", 2)))), STRICT, "a round of a.noise ends early"),
    ("the beginning of a round lost", spoiled(good(), lambda lines: lines.__setitem__(
        6, readings(without(pack(FIRST, 5), "a.noise", 2)))), STRICT, "b.level where a.noise should be"),
    ("two torn rounds in one life", spoiled(good(), lambda lines: lines.__setitem__(11, readings(without(without(
        pack(FIRST, 10), "b.level", 2), "b.level", 1)))), STRICT, "another round of a.noise ends early"),
    ("an amount lost", spoiled(good(), lambda lines: lines.__setitem__(6, readings(without(without(
        pack(FIRST, 5), "water.volume", 1), "water.total", 1)))), STRICT, "water.total is 0.19 after 0.17, but"),
    ("pulses counted twice", spoiled(good(), lambda lines: lines.__setitem__(6, good()[6].replace(
        '"water.volume", "u": "m3", "v": 0.01', '"water.volume", "u": "m3", "v": 0.02'))), STRICT, "but water.volume"),
    ("a silence nobody tells of", good()[:-2], STRICT, "silent for"),
    ("a life without a reading", good(), Allowed(lives=LIVES + [{"from": BEGIN + 20, "to": BEGIN + 30,
     "every": {"a.noise": EVERY}}]), "nothing of a life"),
    ("a second stream", cut(), Allowed(), "2 streams, expected 1"),
    ("a hole older than the loss window", cut(hole=(3,)), CUTS, "readings: missing 3 of 1 to 10"),
    ("a hole of a power cut at an unknown moment", cut(hole=(3,)), Allowed(power_cuts=[]), "missing 3 of 1 to 10"),
    ("a tail older than the loss window", cut(), LATE, "the newest is"),
    ("a loss that no later stream tells of", cut(hole=(8,), told=False), CUTS, "an untold loss"),
    ("a stream that no later one names", cut(told=False), CUTS, "1 streams that no first event names"),
    ("a first event that is not of the stream", [events(FIRST, 1, [{"kind": "broker", "state": "back"}])] + good()[1:],
     Allowed(), "the first event is broker"),
    ("a stream event in the middle", good() + [events(FIRST, 2, [begun(FIRST)])], Allowed(), "that is not its first"),
    ("a batch without number", [line.replace('"seq": 5', '"number": 5') for line in good()], Allowed(), "unreadable"),
    ("number 0", good() + [readings(pack(FIRST, 0))], Allowed(), "unreadable"),
    ("a torn payload", good()[:-1] + [good()[-1][:-9]], Allowed(), "unreadable"),
    ("a damaged recording", good() + ['{"topic": "cityedge/v1', good()[-1]], Allowed(), "damaged"),
    ("nothing at all", [], Allowed(streams=None), "nothing was recorded"),
]


def self_test():
    wrong = 0
    for what, lines, allowed, figures in GOOD:
        found = account(lines, allowed)
        differing = {name: found.figures[name] for name, value in figures.items() if found.figures[name] != value}
        if found.failures or differing:
            wrong += 1
            print(f"FAILED  good, but refused: {what}: {found.failures[:3]} {differing}, expected {figures}")
    for what, lines, allowed, words in FAULTS:
        found = account(lines, allowed)
        if not any(words in failure for failure in found.failures):
            wrong += 1
            print(f"FAILED  not noticed: {what}: {found.failures[:3]}, expected {words!r}")
    print(f"{len(GOOD)} good recordings accepted and {len(FAULTS)} faults noticed" if not wrong else f"{wrong} wrong")
    return wrong == 0
