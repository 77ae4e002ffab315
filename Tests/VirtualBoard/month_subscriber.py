"""The city's ears in `month`: an MQTT 3.1.1 subscriber with a persistent session and QoS 1 that never looks around in
between, because each wake-up of a mosquitto_sub (one a second) costs real time where the guest's time jumps.

A line of its file is `TOPIC PAYLOAD`, as mosquitto_sub -v writes it. It ends with its connection.
"""
import os
import socket
import struct
import threading

from sink import CONNACK, PUBACK, PUBLISH, Sink


def text(string):
    return struct.pack(">H", len(string)) + string.encode()


def packet(first, body):
    return bytes([first, len(body)]) + body         # none of ours is longer than 127 bytes


class Subscriber(threading.Thread):
    def __init__(self, port, pattern, path):
        super().__init__(daemon=True)
        self.file, self.trouble = open(path, "ab"), None
        self.connection = socket.create_connection(("127.0.0.1", port))
        # No clean session, no keep alive.
        self.connection.sendall(packet(0x10, text("MQTT") + b"\x04\x00\x00\x00" + text("judge")))
        self.connection.sendall(packet(0x82, b"\x00\x01" + text(pattern) + b"\x01"))

    def run(self):
        try:
            self.listen()
        except OSError:
            pass                                    # the broker went away
        except Exception as error:
            self.trouble = f"{type(error).__name__}: {error}"

    def listen(self):
        buffer = b""
        while received := self.connection.recv(1 << 16):
            buffer += received
            answers = b""
            while (found := Sink.first_packet(buffer)) is not None:
                kind, body, used = found
                buffer = buffer[used:]
                if kind >> 4 == PUBLISH:
                    answers += self.take(kind, body)
                elif kind >> 4 == CONNACK and body[1] != 0:
                    raise ValueError(f"refused with {body[1]}")
            self.file.flush()
            if answers:
                self.connection.sendall(answers)

    def take(self, kind, body):
        size, = struct.unpack_from(">H", body)
        topic, place, answer = body[2:2 + size], 2 + size, b""
        if kind >> 1 & 3:
            answer, place = packet(PUBACK << 4, body[place:place + 2]), place + 2
        self.file.write(topic + b" " + body[place:] + b"\n")
        return answer

    def sync(self):
        self.file.flush()
        os.fsync(self.file.fileno())
