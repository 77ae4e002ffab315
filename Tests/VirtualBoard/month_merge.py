"""The platform's join of contributions, written from the record's description alone (the top of
Sources/KPIs/Record/Contribution.swift): a second opinion on what the project's own code adds up.

`Merged.add(topic, payload)` takes messages in any order and as often as they come. Of one key in one stream the highest
correction, then the highest revision stays; streams add (`total`).
"""
import json


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def content_hash(item):
    content = {key: value for key, value in item.items() if key not in ("h", "kind", "stream", "t")}
    return fnv1a(json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def whole(item, binding):
    """The compact form, which cites what its batch says once, made whole again."""
    item = {key: value for key, value in item.items() if key != "b"}
    said = {key: value for key, value in binding.items() if key not in ("id", "kind", "t", "type")}
    item = {**said, **item, "state": {"type": binding["type"], **item.get("state", {})}}
    item.setdefault("final", True)
    item.setdefault("period", "-")
    cov = item.setdefault("cov", {})
    cov.setdefault("exp_s", item["win"]["len"])
    cov.setdefault("from_s", 0)
    cov.setdefault("to_s", cov["exp_s"])
    cov.setdefault("valid_s", cov["to_s"] - cov["from_s"])
    cov.setdefault("flags", {})
    state = item["state"]
    if state["type"] == "level":
        state.setdefault("above", [0, 0])
        state.setdefault("events", 0)
    if state["type"] in ("level", "sound"):
        state.setdefault("n_s", cov["valid_s"])
    return item


class Window:
    """What one stream says of one window."""
    def __init__(self, stream, item):
        self.stream, self.item, self.hash = stream, item, item["h"]
        self.start, self.length = item["win"]["start"], item["win"]["len"]
        self.state, self.coverage, self.is_final = item["state"], item["cov"], item["final"]
        self.rank = (item.get("correction", 0), item["rev"])

    @property
    def flags(self):
        return self.coverage["flags"]

    @property
    def valid_through(self):
        """UTC seconds."""
        return self.start + (self.coverage["to_s"] if self.coverage["valid_s"] else 0)


class Merged:
    def __init__(self):
        self.windows, self.bindings, self.streams = {}, {}, []
        self.messages = self.revisions = self.duplicates = self.compact = 0
        self.faults, self.kinds = [], {}

    def add(self, payload):
        batch = json.loads(payload)
        if batch["v"] != 1 or batch["lane"] != "contributions":
            return self.faults.append(f"version {batch['v']} of lane {batch['lane']}")
        self.messages += 1
        for item in batch["items"]:
            kind = item["kind"]
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            if kind == "binding":
                self.bindings[batch["node"], item["id"]] = item
            elif kind in ("contribution", "correction"):
                if "b" in item:
                    self.compact += 1
                    item = whole(item, self.bindings[batch["node"], item["b"]])
                self.take(batch["node"], item.get("stream", batch["stream"]), item)

    def take(self, node, stream, item):
        if stream not in self.streams:
            self.streams.append(stream)
        window = Window(stream, item)
        if (hash := content_hash(item)) != window.hash:
            self.faults.append(f"{item['slug']} {window.start}: the hash of its content is {hash}, told {window.hash}")
        key = (node, stream, item["sensor"], item["slug"], item["series"], window.start, window.length)
        known = self.windows.get(key)
        if known is not None and known.rank == window.rank:
            self.duplicates += 1
            if known.hash != window.hash:
                self.faults.append(f"{item['slug']} {window.start}: two contents of revision {window.rank[1]}")
        elif known is None or known.rank < window.rank:
            self.revisions += known is not None
            self.windows[key] = window
        else:
            self.revisions += 1

    def of(self, slug):
        """All windows of an indicator, in order of time and then of streams as they came."""
        return sorted((window for key, window in self.windows.items() if key[3] == slug),
                      key=lambda window: (window.start, self.streams.index(window.stream)))
