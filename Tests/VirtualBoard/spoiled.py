"""What check.py is worth: a small good run, made up here, must pass, and each way of spoiling it must be noticed by the
check that is there for it. Run by `check.py --self-test`.
"""
import json
import os
import tempfile
from decimal import Decimal

from check import BAD_NAME, BAD_ROOT, BASE_NAME, ROOT, WRONG_WIRING, Report, check


def synthetic():
    """A small good run: 3 s, 4 pulses, one outage, a duplicate, a late batch in history."""
    stream = "00000000000000aa"
    weather = {"from": 1000, "to": 1004, "temperature_milli": 21400, "pressure_kilo": Decimal("101.3245"),
               "humidity_milli": 47999}
    kernel = [dict(weather, weather=name, **{"from": 1000 + 10 * n, "to": 1009 + 10 * n})
              for n, name in enumerate(("spring", "winter", "summer"))]

    def senml(seq, time, volume, total, state):
        channels = [("water.volume", "m3", volume), ("water.total", "m3", total), ("mains.state", "/", state)]
        for sensor in ("air", "judge"):
            channels += [(sensor + ".temperature", "Cel", "21.41"), (sensor + ".pressure", "Pa", "101325.1"),
                         (sensor + ".humidity", "%RH", "48.02")]
        records = [{"n": name, "u": unit, "v": float(value)} for name, unit, value in channels]
        records[0].update({"bn": BASE_NAME, "bt": time, "stream": stream, "seq": seq, "clock": "trust-system"})
        return records

    def message(name, payload, **more):
        return dict({"topic": ROOT + name, "qos": 1, "retain": 0, "payload": json.dumps(payload)}, **more)

    status = message("status", {"state": "online", "stream": stream}, retain=1)
    recorded = [status]
    totals = ["0.01", "0.02", "0.02", "0.03", "0.03", "0.04"]
    volumes = ["0.01", "0.01", "0", "0.01", "0", "0.01"]
    for number, time in enumerate((1003, 1006, 1013, 1016, 1023, 1026)):
        batch = senml(number + 1, time, volumes[number], totals[number], 0 if number == 3 else 1)
        recorded.append(message("history" if number == 2 else "readings", batch))
    recorded.append(recorded[2])
    recorded.append(message("events", {"v": 1, "stream": stream, "lane": "events", "seq": 1,
                                       "items": [{"kind": "stream"}]}))
    window = {"kind": "contribution", "rev": 7, "win": {"start": 0, "len": 3600}}
    recorded.append(message("contributions", {"v": 1, "stream": stream, "lane": "contributions", "seq": 1, "items": [
        {"kind": "binding", "id": "5b0c", "slug": "en-en-ws-2c", "sensor": "water"},
        dict(window, b="5b0c", state={"amount": 40000}),
        dict(window, slug="ec-i-es-1c", sensor="mains", state={"le3": [1, 1, 1]})]}))
    # Two batches in one message: the second without readings. And a value after a gap in what was seen.
    empty = {"bt": 1027, "stream": stream, "seq": 7, "clock": "trust-system", "n": "batch", "vs": "empty"}
    recorded[6]["payload"] = json.dumps(json.loads(recorded[6]["payload"]) + [empty])
    spoil({"messages": recorded}, 4, lambda payload: payload[0].update(n="water.volume/uncertain"))
    facts = {"board_edges": "40", "board_chip": "0x60", "board_temperature": "21400", "board_pressure": "101.324531250",
             "board_humidity": "47999", "board_recorder": "heard", "validate_exit": "0", "pulses": "4",
             "litres_per_pulse": "10", "mains": "1,0,1", "stop_exit": "0", "stop_began": "1030.0", "stop_ended": "1030.4",
             "end": "agent", "bad_stop_exit": "0", "read_good": "0", "read_part": "69"}
    reads = {"read.good": ["water.volume       0.00 m³  good", "mains.state        1  good"],
             "read.part": ["water.volume       0.00 m³  good", "mains.state        1  good",
                           "air.pressure       bad: not available", "judge.pressure     bad: not available"]}
    for sensor in ("air", "judge"):
        reads["read.good"] += [f"{sensor}.temperature    21.40 °C  good", f"{sensor}.pressure    101325 Pa  good",
                               f"{sensor}.humidity       48.00 %RH  good"]
    for case, _, channel, reason, words in WRONG_WIRING:
        facts["read_" + case] = "69"
        reads["read." + case] = [f"{channel}  bad: {reason}", "; ".join(words)]
    reads["agent.bad.log"] = ["sensor water: lost: busy: (there): the line is taken by gpiomon; expected it free",
                              "sensor air: lost: busy: (there): a kernel driver holds the address; expected it free",
                              "sensor water: back"]
    bad = {"bn": BAD_NAME, "bt": 2000, "stream": "bb", "seq": 1, "clock": "trust-system", "n": "air.humidity/bad",
           "vs": "busy"}
    events = [{"kind": "sensor", "sensor": sensor, "state": "lost", "reason": "busy"} for sensor in ("water", "air")]
    events.append({"kind": "sensor", "sensor": "water", "state": "back"})
    for name, payload in (
            ("readings", [bad, *({"n": "judge.temperature", "u": "Cel", "v": 21.4, "t": n} for n in range(10))]),
            ("readings", [{**bad, "seq": 2, "n": "water.volume", "u": "m3", "v": 0.2}]),
            ("events", {"v": 1, "stream": "bb", "lane": "events", "seq": 1, "items": events})):
        recorded.append(dict(message(name, payload), topic=BAD_ROOT + name))
    return {**reads, "driven": facts, "kernel": kernel, "messages": recorded,
            "retained.online": [status, message("inventory", {}, retain=1)],
            "retained.offline": [message("status", {"state": "offline", "stream": stream}, retain=1)]}


def judge(run):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in run.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                if name == "driven":
                    file.writelines(f"{key}={value}\n" for key, value in content.items())
                elif name.startswith(("read.", "agent.")):
                    file.writelines(line + "\n" for line in content)
                else:
                    file.writelines(json.dumps(line, default=float) + "\n" for line in content)
        report = Report(quiet=True)
        check(folder, report)
        return report


def spoil(run, number, change):
    """Changes the payload of a recorded message."""
    message = dict(run["messages"][number])
    payload = json.loads(message["payload"])
    change(payload)
    message["payload"] = json.dumps(payload)
    run["messages"][number] = message


def self_test():
    def value(name, new):
        def change(payload):
            for record in payload:
                if record["n"] == name:
                    record["v"] = new
        return change

    # What is spoiled, a word of the check that must fail, how.
    spoilers = (
        ("a lost batch", "no gap", lambda run: run["messages"].pop(3)),
        ("a lost first batch", "no gap", lambda run: run["messages"].pop(1)),
        ("a pulse too many", "sum to", lambda run: spoil(run, 1, value("water.volume", 0.02))),
        ("a total that disagrees", "last total", lambda run: spoil(run, 6, value("water.total", 0.05))),
        ("a total that falls", "never falls", lambda run: spoil(run, 4, value("water.total", 0.01))),
        ("a missed outage", "sequence", lambda run: spoil(run, 4, value("mains.state", 1))),
        ("a temperature off by 0.03", "our driver: temp", lambda run: spoil(run, 5, value("air.temperature", 21.43))),
        ("a pressure off by 3 Pa", "kernel's driver: press", lambda run: spoil(run, 1, value("judge.pressure", 101328))),
        ("a humidity off by 0.06", "our driver: humid", lambda run: spoil(run, 6, value("air.humidity", 48.06))),
        ("a wrong unit", "our driver: press", lambda run: spoil(run, 6, lambda payload: payload[4].update(u="hPa"))),
        ("a duplicate with another value", "same batch", lambda run: spoil(run, 7, value("water.volume", 0.02))),
        ("a bad reading", "is bad",
         lambda run: spoil(run, 1, lambda payload: payload[3].update(v=None, vs="no acknowledge"))),
        ("a reading called bad that has a value", "good or uncertain",
         lambda run: spoil(run, 1, lambda payload: payload[3].update(n="air.temperature/bad"))),
        ("a batch without time", "has its time",
         lambda run: spoil(run, 5, lambda payload: payload[0].update(clock="unsettled"))),
        ("a gap before an empty batch", "no gap", lambda run: spoil(run, 6, lambda payload: payload[-1].update(seq=8))),
        ("a second stream", "keeps the stream", lambda run: spoil(run, 8, lambda payload: payload.update(stream="bb"))),
        ("a gap in the events", "lane events", lambda run: spoil(run, 8, lambda payload: payload.update(seq=2))),
        ("events that begin otherwise", "first event",
         lambda run: spoil(run, 8, lambda payload: payload["items"][0].update(kind="anchor"))),
        ("a contribution given out twice", "revision above", lambda run: run["messages"].append(dict(
            run["messages"][9], payload=run["messages"][9]["payload"].replace('"seq": 1', '"seq": 2')))),
        ("water that the KPI misses", "millilitres",
         lambda run: spoil(run, 9, lambda payload: payload["items"][1]["state"].update(amount=30000))),
        ("an outage that the KPI misses", "KPIs: outages",
         lambda run: spoil(run, 9, lambda payload: payload["items"][2]["state"].update(le3=[0, 0, 0]))),
        ("a held line told twice", "lines of water",
         lambda run: run["agent.bad.log"].append("sensor water: lost: busy")),
        ("a held line told without its holder", "what is wrong with water",
         lambda run: run["agent.bad.log"].__setitem__(0, "sensor water: lost: busy")),
        ("a held chip that is not told", "events of air",
         lambda run: spoil(run, 12, lambda payload: payload["items"].pop(1))),
        ("a held chip that gives values", "that the kernel holds",
         lambda run: spoil(run, 10, lambda payload: payload[0].update(n="air.humidity", v=48, vs=None))),
        ("sensors that stop with others", "other sensors", lambda run: spoil(run, 10, lambda payload: payload.pop())),
        ("a line never taken up", "20 pulses", lambda run: run["messages"].pop(11)),
        ("a sensor that read misses", "read: exit", lambda run: run["driven"].update(read_good="69")),
        ("a temperature read off by 0.03", "read: air.temp", lambda run: run["read.good"].__setitem__(
            2, "air.temperature    21.43 °C  good")),
        ("a pressure read without unit", "read: judge.press", lambda run: run["read.good"].__setitem__(
            6, "judge.pressure    101325  good")),
        ("an absent chip that passes", "absent chip", lambda run: run["driven"].update(read_no_chip="0")),
        ("a held address without its reason", "kernel driver holds", lambda run: run["read.held"].pop()),
        ("a taken line under another quality", "another program holds", lambda run: run["read.taken"].__setitem__(
            0, "water.volume  bad: not available")),
        ("no events", "both published", lambda run: run["messages"].pop(8)),
        ("no retained status", "while online", lambda run: run["retained.online"].pop(0)),
        ("no retained inventory", "inventory", lambda run: run["retained.online"].pop(1)),
        ("a status that stays online", "says offline", lambda run: run.update({"retained.offline": run["retained.online"]})),
        ("a status of another stream", "names the stream", lambda run: run["retained.online"].__setitem__(
            0, dict(run["retained.online"][0], payload='{"state": "online", "stream": "bb"}'))),
        ("QoS 0", "QoS 1", lambda run: run["messages"].__setitem__(2, dict(run["messages"][2], qos=0))),
        ("a slow end", "SIGTERM: seconds", lambda run: run["driven"].update(stop_ended="1032.5")),
        ("an end by a signal", "exit code", lambda run: run["driven"].update(stop_exit="139")),
        ("a config refused", "validate", lambda run: run["driven"].update(validate_exit="78")),
        ("no end", "its end", lambda run: run["driven"].pop("end")),
        ("a failure in the guest", "the run", lambda run: run["driven"].update(failed="the agent is not ready")),
        ("a deaf board", "gpiomon", lambda run: run["driven"].update(board_edges="39")),
        ("a kernel that measures otherwise", "the data sheet's", lambda run: run["driven"].update(board_humidity="49000")),
        ("nothing recorded", "both published", lambda run: run["messages"].clear()),
        ("no weather", "kernel measured", lambda run: run["kernel"].clear()),
        ("an empty folder", "its end", lambda run: run.clear()),
    )
    report = Report()
    report.equal("a good run passes", judge(synthetic()).failures, [])
    for name, word, change in spoilers:
        run = synthetic()
        change(run)
        failures = judge(run).failures
        noticed = any(word in failure for failure in failures)
        report.true(f"noticed: {name}", noticed, True if noticed else failures, f"a failed '{word}'")
    return report.end()
