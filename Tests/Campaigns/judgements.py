"""What account.py concludes of one node once everything has been taken: numbers, counters, rounds, silences."""
from bisect import bisect_left
from collections import defaultdict

LANES = ("readings", "contributions", "events", "security")
NUMBERS_SHOWN = 12


def runs(numbers):
    """[1, 2, 3, 7] -> [(1, 3), (7, 7)]"""
    found = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def shown(numbers):
    parts = [str(first) if first == last else f"{first} to {last}" for first, last in runs(numbers)]
    more = [f"and {len(parts) - NUMBERS_SHOWN} ranges more"] if len(parts) > NUMBERS_SHOWN else []
    return ", ".join(parts[:NUMBERS_SHOWN] + more)


def plain(name):
    """The channel without its quality."""
    return name.partition("/")[0]


class Node:
    def __init__(self, account, name, streams):
        self.account, self.allowed, self.figures = account, account.allowed, account.figures
        self.name, self.streams = name, streams
        self.begun = {}
        for stream_name, stream in streams.items():
            times = [account.utc(batch, batch.first) for lane in LANES for batch in stream.batches[lane].values()]
            self.begun[stream_name] = min([time for time in times if time is not None], default=None)

    def order(self, name):
        """By the first time known; a stream of which nothing came stands before the one that names it, or at the very
        beginning when only tombstones do; one whose clock never settled stands last."""
        stream = self.streams[name]
        if self.begun[name] is not None:
            return self.begun[name]
        if stream.successor is not None:
            return self.begun.get(stream.successor["stream"]) or 0
        return float("inf") if any(stream.batches.values()) else 0

    def judge(self):
        # Sorting keeps what came first before what came later: of two with one time the one that is named stands first.
        order = sorted(reversed(list(self.streams)), key=self.order)
        for name in order:
            stream = self.streams[name]
            self.judge_numbers(name, stream, is_present=name == order[-1])
            self.judge_first_event(name, stream)
            self.judge_counters(name, stream)
            self.judge_rounds(name, stream)
        self.judge_silences()

    def fail(self, stream, text):
        self.account.fail(f"{self.name} {stream} {text}")

    # --- numbers -----------------------------------------------------------------------------------------------------

    def judge_numbers(self, name, stream, is_present):
        is_cut = self.allowed.power_cuts is not None and not is_present
        if is_cut and stream.successor is None:
            self.figures["unannounced"] += 1
        cut = self.cut(stream) if is_cut else None
        for lane in LANES:
            delivered, tombstoned, skipped = stream.batches[lane], stream.tombstoned[lane], stream.skipped[lane]
            last = stream.last_known(lane, self.allowed.known.get(name, {}))
            absent = [number for number in range(1, last + 1) if number not in delivered]
            given_up = [number for number in absent if number in tombstoned]
            self.figures["tombstoned"] += len(given_up)
            left_empty = [number for number in absent if number not in tombstoned and number in skipped]
            self.figures["skipped"] += len(left_empty)
            absent = [number for number in absent if number not in tombstoned and number not in skipped]
            if absent and is_cut:
                absent = self.beyond_window(name, stream, lane, absent, cut)
            if absent:
                self.figures["missing"] += len(absent)
                self.fail(name, f"{lane}: missing {shown(absent)} of 1 to {last}")
        if cut is not None and self.allowed.power_cuts:
            self.judge_tail(name, stream, cut)

    def newest(self, stream, lanes=LANES):
        times = [self.account.utc(batch, batch.last) for lane in lanes for batch in stream.batches[lane].values()]
        return max([time for time in times if time is not None], default=None)

    def cut(self, stream):
        """The moment that ended the stream, in UTC seconds: the first cut written down after its newest time."""
        newest = self.newest(stream)
        if newest is None:
            return None
        later = [cut for cut in sorted(self.allowed.power_cuts) if cut >= newest - self.allowed.slack]
        return later[0] if later else newest

    def window(self, stream):
        return float((stream.successor or {}).get("loss_window_s", 0))

    def beyond_window(self, name, stream, lane, absent, cut):
        """What of the absent numbers a power cut may not have taken. Numbers of a lane are in the order of their times:
        an absent one is no newer than the oldest record of the next that came."""
        if stream.successor is None:
            self.fail(name, f"{lane}: {shown(absent)} lost, and no later stream names this one: an untold loss")
            return absent
        numbers = sorted(stream.batches[lane])
        beyond = []
        for number in absent:
            place = bisect_left(numbers, number)
            after = stream.batches[lane][numbers[place]] if place < len(numbers) else None
            newest = self.account.utc(after, after.first) if after else None
            if newest is not None and newest < cut - self.window(stream) - self.allowed.slack:
                beyond.append(number)
        self.figures["in_window"] += len(absent) - len(beyond)
        return beyond

    def judge_tail(self, name, stream, cut):
        """With the moment of the cut known: readings older than the loss window must have come."""
        newest = self.newest(stream, ("readings",))
        if newest is not None and newest < cut - self.window(stream) - self.allowed.slack:
            self.fail(name, f"readings: the newest is {cut - newest:.3f} s older than the power cut, loss window "
                      f"{self.window(stream):g} s")

    def judge_first_event(self, name, stream):
        """That a stream event is a first event is checked as it comes; here that the first event is one."""
        first = stream.batches["events"].get(1)
        if first is not None and first.first_kind != "stream":
            self.fail(name, f"events 1: the first event is {first.first_kind}, expected stream")

    # --- readings ----------------------------------------------------------------------------------------------------

    def readings(self, stream, names):
        """(number, name, value, microseconds) of these channels in the order of the lane."""
        for number in sorted(stream.batches["readings"]):
            batch = stream.batches["readings"][number]
            for name, value, time in zip(batch.names, batch.values, batch.times):
                if plain(name) in names:
                    yield number, name, value, time

    def channels(self, stream):
        return {plain(name) for batch in stream.batches["readings"].values() for name in batch.names}

    def judge_counters(self, name, stream):
        """`X.total` and the one other channel of a counter X: total = total before + amount, wherever no number between
        the two was given up. A reading lost inside of a batch shows here, and a pulse counted twice or not at all."""
        channels = self.channels(stream)
        for total in sorted(channel for channel in channels if channel.endswith(".total")):
            sensor = total.partition(".")[0]
            amounts = [channel for channel in channels if channel.startswith(sensor + ".") and channel != total]
            if len(amounts) != 1 or sensor in stream.epochs:
                continue
            amount, before, before_number = None, None, None
            for number, channel, value, time in self.readings(stream, {total, amounts[0]}):
                if value is None:
                    continue
                if plain(channel) != total:
                    amount = (value, time)
                    continue
                if amount is None or amount[1] != time:
                    self.fail(name, f"readings {number}: {total} {value} without its {amounts[0]}")
                elif before not in (None, value - amount[0]) and self.is_whole(stream, before_number, number):
                    self.fail(name, f"readings {number}: {total} is {value} after {before}, but {amounts[0]} "
                              f"{amount[0]}")
                before, before_number, amount = value, number, None

    def is_whole(self, stream, first, last):
        """No number between the two is absent; both came."""
        return last - first < 2 or all(number in stream.batches["readings"] for number in range(first + 1, last))

    def judge_rounds(self, name, stream):
        """Channels that are measured together come together, in their order. A kill may end a round early; whatever
        else is absent was lost between the sensor and the batch."""
        for group in self.allowed.together:
            place = {channel: index for index, channel in enumerate(group)}
            if any(stream.told[channel] for channel in group):
                continue
            ended, expected, before, last = set(), 0, 0, None
            for number, channel, _, time in self.readings(stream, place):
                found = place[plain(channel)]
                if not self.is_whole(stream, before, number):
                    expected = found
                if found != expected:
                    if found == 0:
                        self.judge_torn_round(name, group, stream, last, ended)
                    else:
                        self.fail(name, f"readings {number}: {plain(channel)} where {group[expected]} should be: a "
                                  "reading was lost")
                expected, before, last = (found + 1) % len(group), number, (number, time)
            if expected:
                self.judge_torn_round(name, group, stream, last, ended)

    def judge_torn_round(self, name, group, stream, last, ended):
        self.figures["torn_rounds"] += 1
        number, time = last
        moment = self.account.utc(stream.batches["readings"][number], time)
        near = [index for index, life in enumerate(self.allowed.lives)
                if moment is not None and abs(life["to"] - moment) <= self.allowed.slack]
        if not near:
            self.fail(name, f"readings {number}: a round of {group[0]} ends early, and no life ended then")
        elif ended.issuperset(near):
            self.fail(name, f"readings {number}: another round of {group[0]} ends early, and no other life ended then")
        ended.update([index for index in near if index not in ended][:1])

    def judge_silences(self):
        """A living agent measures: between its first reading and its end no channel is silent for longer than its
        `every` and the slack, unless tombstones told losses of the channel."""
        if not self.allowed.lives:
            return
        times, told = defaultdict(list), defaultdict(int)
        for stream in self.streams.values():
            for channel, count in stream.told.items():
                told[channel] += count
            for batch in stream.batches["readings"].values():
                for channel, time in zip(batch.names, batch.times):
                    moment = self.account.utc(batch, time)
                    if moment is not None:
                        times[plain(channel)].append(moment)
        for channel in times:
            times[channel].sort()
        for life in self.allowed.lives:
            for channel, every in life.get("every", {}).items():
                if told[channel]:
                    continue
                found = times[channel]
                inside = found[bisect_left(found, life["from"]):bisect_left(found, life["to"])]
                for before, after in zip(inside, inside[1:] + [life["to"]]):
                    silence = after - before - every
                    self.figures["longest_silence"] = max(self.figures["longest_silence"], silence)
                    if silence > self.allowed.slack:
                        self.account.fail(f"{self.name} {channel}: silent for {after - before:.3f} s from "
                                          f"{before:.3f} on, and no tombstone tells of it")
                # A life may end before its first reading: starting takes a moment.
                if not inside and life["to"] - life["from"] > life.get("start", 5) + self.allowed.slack:
                    self.account.fail(f"{self.name} {channel}: nothing of a life of "
                                      f"{life['to'] - life['from']:.3f} s from {life['from']:.3f} on")
