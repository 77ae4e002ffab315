#!/usr/bin/env python3
"""Accounts for every number: what an independent subscriber recorded against what the contract promises.

account.py [OPTIONS] RECORDING...     exit 0 only when nothing is wrong; one summary line, then what is wrong, exactly
account.py --self-test                recordings made up here: good ones must pass, each planted fault must be noticed

It knows the published contract and nothing of the agent. This interface is stable; other campaigns build on it:

A RECORDING holds one message a line, in the order they came: `TOPIC PAYLOAD` (mosquitto_sub -F '%t %p'), or an object
with `topic` and `payload` (text), as mosquitto_sub -F '%j' and witness.py write it; with `"dup": 1` it is the broker's
own repetition. A last line that was torn off is passed over. Of each node (by topic `ROOT/{city}/{node}/...`), stream
and lane every number from 1 to the last known is one of

    delivered     a batch with it came (readings and history: SenML packs; contributions, events, security: objects)
    tombstoned    a tombstone says that it was given up (and when it came all the same, it is delivered)
    skipped       named by `skipped: [first, last]`: left empty by a filter
    in window     lost within the loss window of a power cut that the next stream's first event tells
    missing       none of these: always a failure

The last known number is the highest that came, was tombstoned, or is told by `previous_last` or `--known`. Also a
failure: a number that comes again with other content (values, times, configuration); a message that is not as the
contract says; a counter whose amounts do not sum to the difference of its totals; a round without one of its channels;
a silence of a living agent that no tombstone explains; more duplicates or streams than allowed.

    --root ROOT         default cityedge/v1
    --streams N         how many streams there must be; default 1; with --power-cuts: any number
    --power-cuts FILE   allow what a power cut may take. One cut a line: its moment in UTC seconds. With - for FILE the
                        newest time seen of a stream stands for its end, and the age of its tail is not judged
    --unannounced N     streams ended by a cut that no later first event names as `previous`; default 0
    --slack SECONDS     tolerance of all judgements of time; default 1
    --known FILE        {"STREAM": {"LANE": last number}}: numbers known from elsewhere (a checkpoint, for example)
    --together A,B,...  channels that are always measured together, in this order; may be given again
    --lives FILE        {"from": s, "to": s, "every": {"CHANNEL": s}} a line: when a process lived (UTC), and how often
                        it measures; a kill between two channels of a round needs it too (one torn round a life)
    --duplicates N      at most so many messages that repeat a number (the broker's own repetitions not counted)
    --in-session N      at most so many of them in one session of the node: from one `online` on `status` to the next
    --json FILE         the figures, as one object

As a module: `account(lines, Allowed(...))` returns an `Account` with `figures`, `failures` and `line`.
"""
import argparse
import hashlib
import json
import sys
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

LANES = ("readings", "contributions", "events", "security")
SHOWN = 20


@dataclass
class Allowed:
    """What a run may show; the options of the command line."""
    root: str = "cityedge/v1"
    streams: "int | None" = 1
    power_cuts: "list[float] | None" = None     # None: there were none; empty: at moments that nobody wrote down
    unannounced: int = 0
    slack: float = 1.0
    known: dict = field(default_factory=dict)
    together: list = field(default_factory=list)
    lives: list = field(default_factory=list)
    duplicates: "int | None" = None
    in_session: "int | None" = None


class Unreadable(Exception):
    pass


def microseconds(seconds):
    return int(seconds * 1_000_000)


class Batch:
    """One delivered batch, as small as the judgements allow: digest, times, and the readings' names and values."""
    __slots__ = ("digest", "boot", "clock", "first", "last", "first_kind", "names", "times", "values")

    def __init__(self, head, items, identities):
        # `items` are (name, value, microseconds on the clock that `clock` names).
        self.clock, self.boot = head.get("clock"), head.get("boot")
        times = [item[2] for item in items]
        self.first, self.last = (min(times), max(times)) if times else (None, None)
        start = times[0] if times else 0
        text = json.dumps([head.get("config"), identities, [time - start for time in times]], default=str)
        self.digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        self.names, self.times, self.first_kind = [item[0] for item in items], array("q", times), None
        self.values = [item[1] for item in items]

    def differs(self, other):
        """The content, exactly; the moment too, unless the clock was settled between the two."""
        return self.digest != other.digest or self.clock == other.clock and self.first != other.first


def senml_batches(pack):
    """(head, items, identities) of each batch of a SenML pack; a record with `seq` begins one."""
    if not isinstance(pack, list) or not pack or "seq" not in pack[0]:
        raise Unreadable("a pack that does not begin with a batch")
    base_time = Decimal(0)
    found = []
    for record in pack:
        base_time = record.get("bt", base_time)
        if "seq" in record:
            head = dict(record, lane="readings")
            unsettled = head.get("clock") == "unsettled"
            if unsettled and "boot_ns" not in head:
                raise Unreadable(f"number {head['seq']} is unsettled without boot_ns")
            origin = Decimal(head["boot_ns"]) / 10**9 if unsettled else None
            found.append((head, [], []))
        if record.get("n") == "batch" and record.get("vs") == "empty":
            continue
        if "n" not in record or not ("v" in record or "vs" in record):
            raise Unreadable("a record without name or value")
        time = record.get("t", 0) + (base_time if origin is None else origin)
        found[-1][1].append((sys.intern(record["n"]), record.get("v"), microseconds(time)))
        found[-1][2].append([record["n"], record.get("u"), record.get("v"), record.get("vs")])
    return found


def lane_batch(content, lane):
    if not isinstance(content, dict) or content.get("lane") != lane or content.get("v") != 1:
        raise Unreadable(f"not an object of version 1 and lane {lane}")
    unsettled = content.get("clock") == "unsettled"
    base = Decimal(content["boot_ns"]) / 10**9 if unsettled else content["bt"]
    items = [(item["kind"], item, microseconds(base + item["t"])) for item in content["items"]]
    bodies = [{key: value for key, value in item.items() if key != "t"} for item in content["items"]]
    return content, items, bodies


class Ranges:
    """Numbers, as ranges; asked for one at a time."""
    def __init__(self):
        self.ranges = []

    def add(self, first, last):
        self.ranges.append((first, last))

    def __contains__(self, number):
        return any(first <= number <= last for first, last in self.ranges)

    @property
    def last(self):
        return max((last for _, last in self.ranges), default=0)


class Stream:
    def __init__(self):
        self.batches = {lane: {} for lane in LANES}
        self.tombstoned = {lane: Ranges() for lane in LANES}
        self.skipped = {lane: Ranges() for lane in LANES}
        self.successor = None           # the item of the first event that names this one as `previous`
        self.told = defaultdict(int)    # readings by channel that never were in a batch, told by tombstones
        self.epochs = set()             # sensors whose counter began a new epoch

    def last_known(self, lane, known):
        told = (self.successor or {}).get("previous_last", {}).get(lane, 0)
        return max([told, known.get(lane, 0), self.tombstoned[lane].last, self.skipped[lane].last, *self.batches[lane]])


class Account:
    def __init__(self, allowed):
        self.allowed = allowed
        self.nodes = defaultdict(lambda: defaultdict(Stream))
        self.anchors = {}
        self.session = defaultdict(int)         # duplicate messages of the node's present session
        self.failures = []
        counts = ("messages", "delivered", "readings", "duplicates", "duplicate_messages", "duplicates_in_session",
                  "sessions", "broker_repeats", "tombstoned", "skipped", "in_window", "missing", "changed",
                  "ring_losses", "torn_rounds", "unannounced", "unreadable")
        self.figures = dict.fromkeys(counts, 0) | {"longest_silence": 0.0}

    def fail(self, text):
        self.failures.append(text)

    # --- taking messages ---------------------------------------------------------------------------------------------

    def take(self, topic, payload, is_repeat=False):
        if not topic.startswith(self.allowed.root + "/"):
            return
        parts = topic[len(self.allowed.root) + 1:].split("/")
        if parts[2:] == ["status"] and '"online"' in payload and not is_repeat:
            self.session["/".join(parts[:2])] = 0
            self.figures["sessions"] += 1
        if len(parts) != 3 or parts[2] not in ("readings", "history", *LANES):
            return
        self.figures["messages"] += 1
        node, kind = "/".join(parts[:2]), parts[2]
        try:
            content = json.loads(payload, parse_float=Decimal)
            found = senml_batches(content) if kind in ("readings", "history") else [lane_batch(content, kind)]
            again = sum([self.take_batch(node, *batch, is_repeat) for batch in found])
        except (Unreadable, ValueError, KeyError, TypeError, AttributeError) as error:
            self.figures["unreadable"] += 1
            return self.fail(f"{node} {kind}: unreadable: {type(error).__name__} {error}: {payload[:120]}")
        if is_repeat:
            self.figures["broker_repeats"] += 1
        elif again:
            self.figures["duplicates"] += again
            self.figures["duplicate_messages"] += 1
            self.session[node] += 1
            self.figures["duplicates_in_session"] = max(self.figures["duplicates_in_session"], self.session[node])

    def take_batch(self, node, head, items, identities, is_repeat):
        """1 for a number that was here before."""
        number, lane, name = head["seq"], head["lane"], head["stream"]
        if not isinstance(number, int) or number < 1:
            raise Unreadable(f"number {number}")
        stream = self.nodes[node][name]
        batch = Batch(head, items, identities)
        if "skipped" in head:
            stream.skipped[lane].add(*head["skipped"])
        before = stream.batches[lane].get(number)
        if before is not None:
            if before.differs(batch):
                self.figures["changed"] += 1
                self.fail(f"{node} {name} {lane} {number}: came again with other content")
            return 1
        stream.batches[lane][number] = batch
        self.figures["delivered"] += 1
        if lane == "readings":
            self.figures["readings"] += len(items)
            return 0
        batch.first_kind = batch.names[0] if batch.names else None
        batch.names, batch.values, batch.times = [], [], array("q")
        for position, (kind, item, _) in enumerate(items):
            self.take_item(node, name, number, position, lane, kind, item)
        return 0

    def take_item(self, node, name, number, position, lane, kind, item):
        streams = self.nodes[node]
        if kind == "tombstone":
            of = streams[item["stream"]]
            if "first" in item:
                of.tombstoned[item["lane"]].add(item["first"], item["last"])
            else:
                for channel, count in item["channels"].items():
                    of.told[channel] += count
                    self.figures["ring_losses"] += count
        elif kind == "anchor":
            self.anchors.setdefault(item["boot"], int(item["utc_at_boot_ns"]) // 1000)
        elif kind == "counter_epoch":
            streams[name].epochs.add(item["sensor"])
        elif kind == "stream":
            if (lane, number, position) != ("events", 1, 0) or item["stream"] != name:
                self.fail(f"{node} {name} {lane} {number}: an event of a stream that is not its first")
            if "previous" in item:
                streams[item["previous"]].successor = item

    # --- judging -----------------------------------------------------------------------------------------------------

    def utc(self, batch, time):
        """Seconds; None when nothing ties the batch's clock to UTC."""
        if time is None:
            return None
        if batch.clock != "unsettled":
            return time / 1e6
        return (self.anchors[batch.boot] + time) / 1e6 if batch.boot in self.anchors else None

    def judge(self):
        import judgements
        streams = sum(len(streams) for streams in self.nodes.values())
        for node, found in sorted(self.nodes.items()):
            judgements.Node(self, node, found).judge()
        allowed = self.allowed
        if not streams:
            self.fail("nothing was recorded")
        if allowed.power_cuts is None and allowed.streams not in (None, streams):
            self.fail(f"{streams} streams, expected {allowed.streams}: "
                      + ", ".join(name for found in self.nodes.values() for name in found))
        if allowed.duplicates is not None and self.figures["duplicate_messages"] > allowed.duplicates:
            self.fail(f"{self.figures['duplicate_messages']} messages repeat a number, allowed {allowed.duplicates}")
        if allowed.in_session is not None and self.figures["duplicates_in_session"] > allowed.in_session:
            self.fail(f"{self.figures['duplicates_in_session']} messages of one session repeat a number, allowed "
                      f"{allowed.in_session}")
        if self.figures["unannounced"] > allowed.unannounced:
            self.fail(f"{self.figures['unannounced']} streams that no first event names, allowed {allowed.unannounced}")
        self.figures["streams"], self.figures["nodes"] = streams, len(self.nodes)
        self.figures["longest_silence"] = round(self.figures["longest_silence"], 3)
        return self

    @property
    def line(self):
        figures = self.figures
        return (f"{'FAILED' if self.failures else 'ok'}: {figures['nodes']} nodes, {figures['streams']} streams: "
                f"{figures['delivered']} batches delivered with {figures['readings']} readings in "
                f"{figures['messages']} messages, {figures['duplicates']} duplicates in "
                f"{figures['duplicate_messages']} messages (at most {figures['duplicates_in_session']} in one of "
                f"{figures['sessions']} sessions), {figures['tombstoned']} tombstoned, "
                f"{figures['ring_losses']} ring losses told, {figures['skipped']} skipped, "
                f"{figures['in_window']} lost in the window, missing {figures['missing']}, "
                f"changed {figures['changed']}; {figures['torn_rounds']} rounds torn by kills, longest silence "
                f"{figures['longest_silence']} s")


def account(lines, allowed=None):
    result = Account(allowed or Allowed())
    for line in lines:
        line = line.rstrip("\n")
        if line.startswith("{"):
            try:
                message = json.loads(line)
                topic, payload, is_repeat = message["topic"], message["payload"], bool(message.get("dup"))
            except (ValueError, KeyError):
                result.fail(f"a line of the recording is damaged: {line[:120]}")
                continue
            result.take(topic, payload, is_repeat)
        elif line:
            topic, _, payload = line.partition(" ")
            result.take(topic, payload)
    return result.judge()


def main():
    if sys.argv[1:] == ["--self-test"]:
        import planted
        return 0 if planted.self_test() else 1
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("recordings", nargs="+")
    parser.add_argument("--root", default="cityedge/v1")
    parser.add_argument("--streams", type=int)
    parser.add_argument("--power-cuts")
    parser.add_argument("--unannounced", type=int, default=0)
    parser.add_argument("--slack", type=float, default=1.0)
    parser.add_argument("--known")
    parser.add_argument("--together", action="append", default=[])
    parser.add_argument("--lives")
    parser.add_argument("--duplicates", type=int)
    parser.add_argument("--in-session", type=int)
    parser.add_argument("--json")
    given = parser.parse_args()

    def content(path):
        with open(path, encoding="utf-8") as file:
            return [line for line in file if line.strip()]

    allowed = Allowed(root=given.root, streams=given.streams or 1, unannounced=given.unannounced, slack=given.slack,
                      together=[group.split(",") for group in given.together], duplicates=given.duplicates,
                      in_session=given.in_session)
    if given.power_cuts:
        allowed.power_cuts = [] if given.power_cuts == "-" else [float(line) for line in content(given.power_cuts)]
    if given.known:
        allowed.known = json.loads("".join(content(given.known)))
    if given.lives:
        allowed.lives = [json.loads(line) for line in content(given.lives)]

    def recorded():
        for path in given.recordings:
            with open(path, encoding="utf-8", errors="replace") as file:
                yield from (line for line in file if line.endswith("\n"))

    result = account(recorded(), allowed)
    print(result.line)
    for failure in result.failures[:SHOWN]:
        print("  " + failure)
    if len(result.failures) > SHOWN:
        print(f"  and {len(result.failures) - SHOWN} more")
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(result.figures | {"failures": len(result.failures)}, file)
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
