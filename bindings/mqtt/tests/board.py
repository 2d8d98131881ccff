"""A simulated ESP32 that runs MicroPython: two slots in files, and a bootloader that goes back.

    micropython board.py FOLDER NAME PORT PASSWORD POINT

Ends with 3 when the board resets.
"""

import sys

from flashdelta.fota import Fota
from flashdelta.mqtt import MQTTClient
from flashdelta.p256 import Keys
from two_slots import Board


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
        patience=5000,
        retry=50,
        keepalive=5,
        trial=10000,
        verify=Keys(bytes(int(point[i : i + 2], 16) for i in range(0, 128, 2))),
    ).run()
    sys.exit(3)


main(*sys.argv[1:])
