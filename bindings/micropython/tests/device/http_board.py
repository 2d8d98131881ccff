"""A board that updates itself by HTTP, until that is done or has failed.

    micropython http_board.py FOLDER PORT TOKEN DIGEST POINT

Ends with 3 when the board resets.
"""

import sys
import time

from flashdelta.http import Http
from flashdelta.p256 import Keys
from two_slots import Board


def main(folder, port, token, digest, point):
    agent = Http(
        "127.0.0.1",
        int(port),
        token,
        digest,
        Board(folder + "/"),
        folder + "/",
        every=50,
        retry=50,
        trial=1500,
        timeout=30,
        verify=Keys(bytes(int(point[i : i + 2], 16) for i in range(0, 128, 2))),
    )
    while True:
        wait = agent.step()
        if wait is None:
            sys.exit(3)
        if agent.record.get("state") in ("done", "failed") and "report" not in agent.record:
            print(agent.record["state"])
            return
        time.sleep_ms(wait)


main(*sys.argv[1:])
