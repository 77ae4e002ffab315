"""The city, seen from inside the virtual board: the smallest MQTT server that can bear witness of a power cut.

A broker inside the guest would lose, at the cut, what it had acknowledged and not yet handed on. This one writes each
PUBLISH to a file of the host and syncs it, and only then sends the PUBACK: what is in the file is what the city has.
It takes one client at a time, MQTT 5 and 3.1.1, QoS 0 and 1, and keeps no session. It can be away ("off": the
connection is reset and nothing listens) or hang ("hang": connections stay, nothing is read or answered).

A line of the file is as Tests/Campaigns/account.py takes it: `{"tst": UTC seconds, "topic": ..., "payload": text}`.
"""
import json
import os
import socket
import struct
import threading
import time

CONNECT, CONNACK, PUBLISH, PUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 12, 13, 14
# How often it looks whether its state was changed.
LOOK_SECONDS = 0.02
SEND_SECONDS = 5


class Ended(Exception):
    """The connection is over."""


def variable_integer(data, place):
    """(value, the place after it); None when it is not whole yet (MQTT 5 section 1.5.5)."""
    value, shift = 0, 0
    while place < len(data):
        value |= (data[place] & 127) << shift
        shift, place = shift + 7, place + 1
        if data[place - 1] < 128:
            return value, place
    return None


class Sink(threading.Thread):
    def __init__(self, port, path):
        super().__init__(daemon=True)
        self.port, self.file = port, open(path, "a", encoding="utf-8")
        self.state, self.messages = "off", 0
        self.trouble = None

    def run(self):
        try:
            while True:
                while self.state == "off":
                    time.sleep(LOOK_SECONDS)
                with socket.create_server(("127.0.0.1", self.port)) as listener:
                    listener.settimeout(LOOK_SECONDS)
                    self.listen(listener)
        except Exception as error:
            self.trouble = f"{type(error).__name__}: {error}"

    def listen(self, listener):
        while self.state != "off":
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(LOOK_SECONDS)
            try:
                self.serve(connection)
            except (Ended, OSError):
                pass
            if self.state == "off":
                # A reset, as from a host that went away.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    def serve(self, connection):
        buffer, version = b"", 5
        while self.state != "off":
            if self.state == "hang":
                time.sleep(LOOK_SECONDS)
                continue
            try:
                received = connection.recv(1 << 16)
            except TimeoutError:
                continue
            if not received:
                raise Ended
            buffer += received
            answers, goodbye = b"", False
            while (packet := self.first_packet(buffer)) is not None:
                kind, body, used = packet
                buffer = buffer[used:]
                if kind >> 4 == CONNECT:
                    version = body[6]
                    answers += bytes([CONNACK << 4, 3, 0, 0, 0] if version == 5 else [CONNACK << 4, 2, 0, 0])
                elif kind >> 4 == PUBLISH:
                    answers += self.take(kind, body, version)
                elif kind >> 4 == PINGREQ:
                    answers += bytes([PINGRESP << 4, 0])
                elif kind >> 4 == DISCONNECT:
                    goodbye = True
            self.file.flush()
            os.fsync(self.file.fileno())
            connection.settimeout(SEND_SECONDS)
            connection.sendall(answers)
            connection.settimeout(LOOK_SECONDS)
            if goodbye:
                raise Ended

    @staticmethod
    def first_packet(buffer):
        """(first byte, body, bytes used), or None when it has not come whole."""
        length = variable_integer(buffer, 1) if len(buffer) >= 2 else None
        if length is None or len(buffer) < length[1] + length[0]:
            return None
        end = length[1] + length[0]
        return buffer[0], buffer[length[1]:end], end

    def take(self, kind, body, version):
        """Writes the message down; its acknowledgement, to be sent when that is on the host."""
        size, = struct.unpack_from(">H", body)
        topic, place = body[2:2 + size].decode(), 2 + size
        identifier = b""
        if kind >> 1 & 3:
            identifier, place = body[place:place + 2], place + 2
        if version == 5:
            length, place = variable_integer(body, place)
            place += length
        line = {"tst": round(time.time(), 3), "topic": topic, "payload": body[place:].decode(errors="replace")}
        self.file.write(json.dumps(line) + "\n")
        self.messages += 1
        return bytes([PUBACK << 4, 2]) + identifier if identifier else b""
