#!/usr/bin/env python3
"""An independent subscriber: writes down everything that a broker hands out, before it acknowledges it.

witness.py PORT FILE [TOPIC]      until SIGTERM; TOPIC defaults to cityedge/v1/#

MQTT 3.1.1 with a session that the broker keeps (clean session off) at QoS 1, so that what is published while it is away
comes later. A line is `{"tst": UTC seconds, "dup": 1 when the broker repeats it, "topic": ..., "payload": text}`; it is
in the file before the PUBACK is sent. Comes back by itself when the broker was away, and counts it when the broker no
longer knows the session: then messages may be lost between the two, and no campaign should trust the recording.
"""
import json
import signal
import socket
import struct
import sys
import threading
import time


def text(value):
    encoded = value.encode()
    return struct.pack(">H", len(encoded)) + encoded


def packet(kind, body):
    length, left = b"", len(body)
    while True:
        left, digit = left >> 7, left & 127
        length += bytes([digit | (128 if left else 0)])
        if not left:
            return bytes([kind]) + length + body


class Witness(threading.Thread):
    def __init__(self, port, path, topic="cityedge/v1/#", client="witness"):
        super().__init__(daemon=True)
        self.port, self.topic, self.client = port, topic, client
        self.file = open(path, "a", encoding="utf-8")
        self.received, self.newest_at = 0, time.time()
        self.sessions, self.forgotten = 0, 0
        self.is_online = False
        self.is_stopping = threading.Event()

    def run(self):
        while not self.is_stopping.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                    self.listen(connection)
            except (OSError, EOFError):
                pass
            self.is_online = False
            self.is_stopping.wait(0.05)
        self.file.close()

    def end(self):
        """Says goodbye; what the broker still has for it stays there."""
        self.is_stopping.set()
        self.join(10)

    def listen(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Protocol level 4, no flags: not a clean session; no keep-alive.
        connection.sendall(packet(0x10, text("MQTT") + bytes([4, 0, 0, 0]) + text(self.client)))
        connection.settimeout(0.2)
        self.buffer = b""
        while True:
            try:
                kind, body = self.next(connection)
            except socket.timeout:
                if self.is_stopping.is_set():
                    connection.sendall(packet(0xE0, b""))
                    return
                continue
            if kind >> 4 == 2:
                if body[1]:
                    raise EOFError(f"refused: {body[1]}")
                self.forgotten += self.sessions > 0 and not body[0] & 1
                self.sessions += 1
                if body[0] & 1:
                    self.is_online = True
                else:
                    connection.sendall(packet(0x82, b"\0\1" + text(self.topic) + b"\1"))
            elif kind >> 4 == 9:
                self.is_online = True
            elif kind >> 4 == 3:
                self.take(connection, kind, body)

    def next(self, connection):
        """The next packet; a time-out leaves what has come so far in the buffer."""
        while True:
            length, shift, place = 0, 0, 1
            while place < len(self.buffer):
                digit = self.buffer[place]
                length |= (digit & 127) << shift
                shift, place = shift + 7, place + 1
                if digit < 128:
                    if len(self.buffer) < place + length:
                        break
                    kind, body = self.buffer[0], self.buffer[place:place + length]
                    self.buffer = self.buffer[place + length:]
                    return kind, body
            received = connection.recv(1 << 16)
            if not received:
                raise EOFError
            self.buffer += received

    def take(self, connection, kind, body):
        size, = struct.unpack_from(">H", body)
        topic, rest = body[2:2 + size].decode(), body[2 + size:]
        quality = kind >> 1 & 3
        identifier, payload = (rest[:2], rest[2:]) if quality else (b"", rest)
        line = {"tst": round(time.time(), 3), "topic": topic, "payload": payload.decode(errors="replace")}
        if kind & 8:
            line["dup"] = 1
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()
        self.received += 1
        self.newest_at = time.time()
        if quality:
            connection.sendall(packet(0x40, identifier))


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    witness = Witness(int(sys.argv[1]), *sys.argv[2:])
    signal.signal(signal.SIGTERM, lambda *_: witness.is_stopping.set())
    signal.signal(signal.SIGINT, lambda *_: witness.is_stopping.set())
    witness.start()
    while witness.is_alive():
        witness.join(1)
    sys.exit(1 if witness.forgotten else 0)
