"""A simulated ESP32 that runs MicroPython: two slots in files, and a bootloader that goes back.

    micropython board.py FOLDER NAME PORT PASSWORD POINT

Ends with 3 when the board resets.
"""

import sys

from flashdelta.fota import Fota
from flashdelta.mqtt import MQTTClient
from flashdelta.p256 import Keys

_SIZE = 262144


class Slot:
    """As an `esp32.Partition`: what is written is erased first."""

    def __init__(self, path):
        self.file = open(path, "r+b")

    def ioctl(self, op, arg):
        return {4: _SIZE // 4096, 5: 4096}.get(op)

    def readblocks(self, number, buffer, offset=0):
        self.file.seek(number * 4096 + offset)
        self.file.readinto(buffer)

    def writeblocks(self, number, buffer):
        self.file.seek(number * 4096)
        self.file.write(buffer)
        self.file.flush()


class Board:
    def __init__(self, folder):
        self.path = folder + "boot"
        with open(self.path) as file:
            selected, state, before = file.read().split()
        # The bootloader: an image on trial that has not been confirmed is not started again.
        if state == "pending":
            selected, state = before, "valid"
        elif state == "new":
            state = "pending"
        self._write(selected, state, before)
        self.running = selected
        self.other = "ota_1" if selected == "ota_0" else "ota_0"
        self.old = Slot(folder + self.running)
        self.new = Slot(folder + self.other)

    def _write(self, *words):
        with open(self.path, "w") as file:
            file.write(" ".join(words))

    def select(self):
        self._write(self.other, "new", self.running)

    def confirm(self):
        self._write(self.running, "valid", self.other)

    def reset(self):
        pass


def main(folder, name, port, password, point):
    board = Board(folder + "/")
    image = bytearray(32)
    board.old.readblocks(0, image)
    words = bytes(image).split(b"\0")[0].decode().split()
    if "deaf" in words:
        port = "9"
    client = MQTTClient(name, "127.0.0.1", int(port), name, password, keepalive=5, timeout=5)
    Fota(
        client,
        name,
        words[1],
        board,
        folder + "/",
        is_healthy=lambda: "sick" not in words,
        patience=500,
        retry=50,
        keepalive=5,
        trial=1500,
        verify=Keys(bytes(int(point[i : i + 2], 16) for i in range(0, 128, 2))),
    ).run()
    sys.exit(3)


main(*sys.argv[1:])
