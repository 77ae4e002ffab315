"""What `chips-init` is made of: the machine, the kernel's drivers, the program that plays the chips."""
import ctypes
import errno
import fcntl
import glob
import os
import socket
import struct
import subprocess
import time

RB_POWER_OFF = 0x4321FEDC
libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    pass


def mount(what, where, kind):
    os.makedirs(where, exist_ok=True)
    # Busy: the kernel has mounted it already, as some do with devtmpfs.
    if libc.mount(what.encode(), where.encode(), kind.encode(), 0, b"") != 0 and ctypes.get_errno() != errno.EBUSY:
        raise Failed(f"mount {what} on {where}: {os.strerror(ctypes.get_errno())}")


def loopback_up():
    SIOCSIFFLAGS, IFF_UP = 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as some:
        fcntl.ioctl(some, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def off():
    os.sync()
    libc.reboot(ctypes.c_int(RB_POWER_OFF))


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def load_buses(module, count):
    """i2c-user with so many adapters; the plan takes their numbers for granted."""
    subprocess.run(["insmod", module, f"buses={count}"], check=True)
    for bus in range(count):
        name = text(f"/sys/bus/i2c/devices/i2c-{bus}/name")
        if name != f"i2c-user {bus}":
            raise Failed(f"/dev/i2c-{bus} is {name!r}, not i2c-user's bus {bus}")


def add_multiplexer(device, bus, address):
    """Each of its branches becomes a bus, numbered from the first free number on."""
    with open(f"/sys/bus/i2c/devices/i2c-{bus}/new_device", "w", encoding="ascii") as file:
        file.write(f"{device} {address:#x}\n")
    first = len(glob.glob("/sys/bus/i2c/devices/i2c-*")) - 8
    branches = [os.path.basename(os.path.realpath(f"/sys/bus/i2c/devices/{bus}-{address:04x}/channel-{branch}"))
                for branch in range(8)]
    if branches != [f"i2c-{first + branch}" for branch in range(8)]:
        raise Failed(f"the branches of {device} are {branches}")


class Chips:
    """The program that plays them; every order is answered before the next."""

    def __init__(self, program, buses, chips, log):
        self.process = subprocess.Popen(
            [program, str(buses)] + [f"{bus}:{address}:{driver}" for bus, address, driver in chips],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1)
        self.answered("start")

    def answered(self, line):
        answer = self.process.stdout.readline().strip()
        if answer != "ok":
            raise Failed(f"virtual-chips, {line}: {answer or 'ended'}")

    def order(self, *words):
        line = " ".join(str(word) for word in words)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        self.answered(line)

    def end(self):
        self.process.stdin.close()
        if (code := self.process.wait(10)) != 0:
            raise Failed(f"virtual-chips ended with {code}")

    def surround(self, world):
        for name, value in world.items():
            self.order(name, *(value if isinstance(value, list) else [value]))


class Twin:
    """A chip that the kernel's own driver holds."""

    def __init__(self, plan):
        self.device = plan["device"]
        self.node = f"/sys/bus/i2c/devices/{plan['bus']}-{plan['address']:04x}"
        self.files = plan["files"]
        with open(f"/sys/bus/i2c/devices/i2c-{plan['bus']}/new_device", "w", encoding="ascii") as file:
            file.write(f"{self.device} {plan['address']:#x}\n")
        # The same class may hold parts of a chip (a regulator's GPIO chip): any folder with the files will do.
        for _ in range(100):
            if self.folder():
                break
            time.sleep(0.1)
        for name, value in plan["setup"].items():
            with open(os.path.join(self.folder() or "/nowhere", name), "w", encoding="ascii") as file:
                file.write(value)

    def folder(self):
        found = [*glob.glob(self.node + "/iio:device*"), *glob.glob(self.node + "/hwmon/hwmon*"),
                 *glob.glob(self.node + "/gpiochip*")]
        return found[0] if found else None

    def read(self):
        """File → what is in it, or why it cannot be read."""
        folder = self.folder()
        if not folder:
            return {"": "no driver bound"}
        found = {}
        for name in self.files:
            try:
                if name.startswith("line"):
                    found[name] = str(line_value("/dev/" + os.path.basename(folder), int(name[4:])))
                else:
                    found[name] = text(os.path.join(folder, name))
            except OSError as error:
                found[name] = f"{error.strerror}"
        return found


class Broker:
    """mosquitto, and a recorder of all that is published."""

    def __init__(self, out):
        with open("/run/mosquitto.conf", "w", encoding="ascii") as file:
            file.write("listener 1883 127.0.0.1\nallow_anonymous true\nuser root\nmax_queued_messages 0\n")
        self.messages = os.path.join(out, "messages")
        with open(os.path.join(out, "mosquitto.log"), "w", encoding="utf-8") as log:
            subprocess.Popen(["mosquitto", "-c", "/run/mosquitto.conf"], stdout=log, stderr=log)
        with open(self.messages, "w", encoding="utf-8") as file:
            self.until("mosquitto listens", lambda: socket.create_connection(("127.0.0.1", 1883), 1).close() or True)
            subprocess.Popen(["mosquitto_sub", "-h", "127.0.0.1", "-V", "mqttv5", "-k", "3600", "-q", "1",
                              "-t", "cityedge/v1/#", "-t", "board/#", "-F", "%j"], stdout=file)
        self.until("the recorder hears", self.is_heard)

    def is_heard(self):
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-t", "board/test", "-m", "heard"], check=True)
        return self.recorded("heard")

    def recorded(self, what):
        return what in text(self.messages)

    @staticmethod
    def until(what, holds):
        for _ in range(300):
            try:
                if holds():
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise Failed(f"30 s, and not yet: {what}")


def line_value(chip, offset):
    """The level of one line of a GPIO chip (linux/gpio.h, version 1 of its interface)."""
    GET_LINEHANDLE, GET_VALUES, INPUT = 0xC16CB403, 0xC040B408, 1
    with open(chip, "rb", buffering=0) as device:
        request = bytearray(struct.pack("=I252xI64x32sIi", offset, INPUT, b"judge", 1, 0))
        fcntl.ioctl(device, GET_LINEHANDLE, request)
        line = struct.unpack_from("=i", request, 360)[0]
        try:
            values = bytearray(64)
            fcntl.ioctl(line, GET_VALUES, values)
            return values[0]
        finally:
            os.close(line)
