#!/usr/bin/env python3
"""What happens to the board of `month`, drawn from a seed: month-plan.py DAYS SEED FOLDER

Writes FOLDER/life-1/plan.json and FOLDER/life-2/plan.json, before and after the power cut: lists of [seconds of the
boot clock, what, ...] in the order of time. The days begin at BEGIN, so that the third local day of Europe/Madrid is
that of 25 October 2026, an hour longer than others.

Certain, in every plan of three days or more: broker outages of minutes and of hours; a mains failure across a window's
end, one across midnight UTC, one across the step of the clock, one across the kill of the agent, and one that goes
on until the power is cut; a step of the clock forwards and one back; one kill; one power cut, while online. Seven days
or more have a broker outage of a whole day. The rest is chance.
"""
import datetime
import json
import os
import random
import sys

BEGIN = datetime.datetime(2026, 10, 23, 20, 0, 7, tzinfo=datetime.timezone.utc)
HOUR, DAY = 3600, 86400
# Readings are taken on a grid of the boot clock; how far edges stay away from it and from a window's end.
EVERY, CLEAR, WINDOW_CLEAR = 60, 0.2, 3
# A pulse takes 30 ms.
PULSE = 0.035
FORWARD, BACK = 90, -1200
STEP_FORWARD, KILL, STEP_BACK = 6 * HOUR + 20, 16 * HOUR + 22, 54 * HOUR + 40
# The agent is away for so long after the kill, and from then on its checkpoints come so often.
RESTART, CHECKPOINT = 5, 600
# How long the board is dark after the power cut.
DARK = 2400
FIRST, LAST = 30, 10


class Plan:
    def __init__(self, days, seed):
        self.chance = random.Random(seed)
        self.end = days * DAY
        # Some hours before the end, while the broker has long been there.
        self.cut = int((days - 0.5) * DAY) + 60 * self.chance.randint(0, 20) + self.chance.randint(5, 50)
        # The supply has been away for so long by then; not since before the last checkpoint, for that is the earliest
        # begin that the next boot can tell.
        self.buffered = self.chance.randint(10, max(11, int(self.cut - KILL - RESTART) % CHECKPOINT - 5))
        self.broker, self.mains = [], []

    def utc(self, moment):
        """Seconds since BEGIN on the wall clock; after the cut the second life counts for itself."""
        return moment + (FORWARD if moment >= STEP_FORWARD else 0) + (BACK if moment >= STEP_BACK else 0)

    def draw_broker(self):
        chance = self.chance
        self.broker = [(3 * HOUR + 7, 7 * 60), (10 * HOUR + 31, 2 * HOUR), (28 * HOUR + 3, 9 * HOUR),
                       (self.cut + 4 * HOUR, 20 * 60)]
        if self.end >= 7 * DAY:
            self.broker.append((5 * DAY + 11, DAY))
        for day in range(3, int(self.end / DAY)):
            if chance.random() < 0.7:
                length = 60 * 3 * 80 ** chance.random()                    # 3 minutes to 4 hours
                self.try_broker(day * DAY + chance.uniform(0, 20 * HOUR), length)
        self.broker.sort()

    def try_broker(self, begin, length):
        end = begin + length
        is_free = all(end + HOUR < other or begin > other + long + HOUR for other, long in self.broker)
        # Online for an hour at the least when the power is cut, and at the end.
        is_apart = (end < self.cut - HOUR or begin > self.cut + 2 * HOUR) and end < self.end - HOUR
        if is_free and is_apart:
            self.broker.append((begin, length))

    def draw_mains(self):
        chance = self.chance
        self.mains = [
            (STEP_FORWARD - 300, 1500), (KILL - 70, 600), (27 * HOUR + 40 * 60, 70 * 60),
            (1 * HOUR + 600, chance.randint(20, 170)), (4 * HOUR + 100, chance.randint(185, 295)),
            (9 * HOUR + 850, 120), (12 * HOUR + 5, 3 * HOUR), (45 * HOUR + 7, chance.randint(2, 20))]
        for day in range(0, int(self.end / DAY)):
            for _ in range(chance.randint(1, 3)):
                length = chance.choice([(20, 178), (183, 297), (303, 3000), (3000, 3 * HOUR)])
                self.try_mains(day * DAY + chance.uniform(600, 23 * HOUR), chance.randint(*length))
        # A fraction that rounds to the whole second, whatever tick an edge comes with.
        self.mains = sorted((self.clear_of_window(begin), length + 0.3) for begin, length in self.mains)

    def try_mains(self, begin, length):
        end = begin + length
        # Nothing new around a kill, a step or the cut.
        kept = [(KILL - 600, 1500), (STEP_FORWARD - 600, 3000), (STEP_BACK - 3000, 6000), (self.cut - HOUR, 2 * HOUR),
                (self.end - HOUR, 2 * HOUR)]
        if all(end + 900 < other or begin > other + long + 900 for other, long in self.mains + kept):
            self.mains.append((begin, length))

    def clear_of_window(self, moment):
        past = (self.utc(moment) + BEGIN.timestamp()) % 900
        if moment > self.cut:
            return moment               # its wall clock is not known yet; the judge takes it from the books
        return moment + WINDOW_CLEAR if past < WINDOW_CLEAR or past > 900 - WINDOW_CLEAR else moment

    def pulses(self, begin, end, kept):
        """Singles and bursts of two meters, none on the readings' grid, none while the agent is not there. The last
        minutes have some of each: a power cut that takes nothing proves nothing."""
        chance = self.chance
        moments = [(end - back, meter) for back in range(20, 400, 37) for meter in ("water", "energy")]
        quarter = begin
        while quarter < end:
            busy = chance.choice([0.1, 0.5, 1, 1, 2])
            for meter, usual in (("water", 36), ("energy", 18)):
                left = int(usual * busy * chance.uniform(0.5, 1.5))
                while left > 0:
                    size = min(left, chance.randint(5, 40) if chance.random() < 0.08 else 1)
                    moment = quarter + chance.uniform(0, 900)
                    for _ in range(size):
                        moments.append((moment, meter))
                        moment += chance.uniform(PULSE, 0.06)
                    left -= size
            quarter += 900
        moments.sort()
        result, free = [], begin
        for moment, meter in moments:
            moment = max(moment, free)
            past = moment % EVERY
            if past > EVERY - CLEAR - PULSE or past < CLEAR:
                moment += (CLEAR - past) % EVERY
            if any(first <= moment <= last for first, last in kept) or moment > end:
                continue
            result.append([round(moment, 4), meter])
            free = moment + PULSE
        return result

    def life(self, begin, end, special):
        events, kept = list(special), [(moment - 2, moment + 20) for moment, *_ in special[:-1]]
        for outages, (off, on) in ((self.broker, (["broker_off"], ["broker_on"])),
                                   (self.mains, (["mains", False], ["mains", True]))):
            for start, length in outages:
                if begin <= start < end:
                    first, last = start - begin, start - begin + length
                    events += [[first, *off], [last, *on]]
                    kept += [(first - 1, first + 1), (last - 1, last + 3)]
        events += self.pulses(FIRST, end - begin - 1, kept)
        return sorted(events, key=lambda event: event[0])

    def lives(self):
        self.draw_broker()
        self.draw_mains()
        first = self.life(0, self.cut, [
            [STEP_FORWARD, "step", FORWARD], [KILL, "kill"], [STEP_BACK, "step", BACK],
            [self.cut - self.buffered, "mains", False], [self.cut, "cut"]])
        begin = self.cut + DARK
        second = self.life(begin, self.end, [[self.end - begin + LAST, "end"]])
        return first, second


def main():
    days, seed, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    for number, events in enumerate(Plan(days, seed).lives(), 1):
        os.mkdir(os.path.join(folder, f"life-{number}"))
        with open(os.path.join(folder, f"life-{number}", "plan.json"), "w", encoding="utf-8") as file:
            json.dump(events, file)


if __name__ == "__main__":
    main()
