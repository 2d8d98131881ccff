"""Firmware over the air: commands and pieces of a patch come over MQTT, status goes back.

The protocol is that of bindings/mqtt/README.md. What is received is kept in a file, so that an
update goes on after a reset, too.
"""

import json
import time

from .agent import Agent, Esp32

__all__ = ["Esp32", "Fota"]


class Fota(Agent):
    """An agent for updates.

    `client` is an `umqtt.simple.MQTTClient`, or ours, that is not connected yet; `name` what the
    device is called there, and `version` what the running image says of itself. `folder` is where
    the patch and the record of the job are kept. `is_healthy()` tells whether a new image may stay:
    it is asked when the broker has been reached. An image that has not reached the broker `trial`
    milliseconds after its first start resets the board, and the bootloader goes back. Further
    arguments are those of `Applier`.
    """

    def __init__(
        self,
        client,
        name,
        version,
        board,
        folder="",
        is_healthy=None,
        window=8192,
        patience=3000,
        retry=5000,
        keepalive=60,
        trial=600000,
        **checks
    ):
        super().__init__(board, folder, is_healthy, trial, checks)
        self.client = client
        self.version = version
        self.window = window
        self.patience = patience
        self.retry = retry
        self.keepalive = keepalive * 500
        self.topic = "fleet/{}/".format(name)
        self.job = None
        self.messages = []
        client.set_callback(lambda topic, message: self.messages.append((topic, message)))
        client.set_last_will(self.topic + "online", b"0", True, 1)

    def run(self):
        """Runs until the board is reset; returns then, if that returns."""
        while True:
            try:
                self.connect()
                while True:
                    if self.step():
                        return
            except OSError as error:
                print("broker:", error)
                self.client.sock = None
                if self._is_lost():
                    self.board.reset()
                    return
                time.sleep_ms(self.retry)

    def connect(self):
        self.messages.clear()
        self._call(self.client.connect)
        self._connected()
        self._call(self.client.subscribe, self.topic + "command", 1)
        self._call(self.client.subscribe, self.topic + "piece", 0)

    def step(self):
        """Does what there is to do, and returns whether the board is to be reset."""
        now = time.ticks_ms()
        self._call(self.client.check_msg)
        if not self.messages:
            time.sleep_ms(5)
        while self.messages:
            topic, message = self.messages.pop(0)
            if topic.endswith(b"command"):
                self._command(message)
            elif self._piece(message):
                return True
        if self.job and time.ticks_diff(now, self.asked) > self.patience:
            # The control centre may be away; a connection that has died without a word is replaced.
            self.silent += 1
            if self.silent > 10:
                raise OSError("no answer")
            self._ask()
        if time.ticks_diff(now, self.pinged) > self.keepalive:
            self._call(self.client.ping)
            self.pinged = now
        return self.reset_wanted

    def _call(self, function, *arguments):
        """Clients raise all sorts of things when a connection ends in the middle of a packet."""
        try:
            return function(*arguments)
        except OSError:
            raise
        except Exception as error:
            raise OSError("{}: {}".format(type(error).__name__, error))

    def _connected(self):
        self.pinged = time.ticks_ms()
        self.silent = 0
        # What is under way when a connection is cut is lost: with a bad network little is.
        self.span = 1024
        self.reset_wanted = False
        self._call(self.client.publish, self.topic + "online", b"1", True, 1)
        if self.record.get("state") == "trial":
            self._end_trial()
        self._status(self.record.get("state", "idle"))
        if self.job:
            self._ask()

    def _end_trial(self):
        """This is the first start after an update: of the new image, or of the old one again."""
        if self.board.running != self.record["slot"]:
            self._finish("failed", "rolled-back")
        elif self.is_healthy():
            self.board.confirm()
            self._finish("done")
        else:
            self.reset_wanted = True
            self.board.reset()

    def _command(self, message):
        if not message:
            self.job = None
            return
        command = json.loads(message)
        if command["job"] == self.record.get("job") and self.record.get("state") != "taking":
            # It is done, or has failed: a retained command says so again and again.
            return
        if self.job and self.job["job"] == command["job"]:
            return
        if command["job"] != self.record.get("job"):
            self._drop()
            self._save({"job": command["job"], "state": "taking"})
        self.job = command
        error = self._begin()
        if error:
            return self._fail(error)
        self._status("taking")
        self._ask()

    def _ask(self):
        self.asked = time.ticks_ms()
        self.until = min(self.at + self.span, self.job["size"])
        request = {"job": self.job["job"], "at": self.at, "count": self.until - self.at}
        self._call(self.client.publish, self.topic + "request", json.dumps(request).encode())

    def _piece(self, message):
        """Takes a piece; one that is not the next, or of another job, does no harm."""
        if not self.job or int.from_bytes(message[:4], "big") != self.at:
            return False
        data = message[4:]
        if not data or self.at + len(data) > self.job["size"]:
            return False
        error = self._take(data)
        if error:
            self._fail(error)
            return False
        self.asked = time.ticks_ms()
        self.silent = 0
        if self.at == self.job["size"]:
            return self._complete()
        if self.at >= self.until:
            self.span = min(2 * self.span, self.window)
            self._status("taking")
            self._ask()
        return False

    def _complete(self):
        error = self._end(self.job["patch"])
        if error:
            self._fail(error)
            return False
        self._select({"job": self.job["job"], "state": "trial", "slot": self.board.other})
        self._status("trial")
        self._drop()
        self.board.reset()
        return True

    def _fail(self, kind):
        self._drop()
        self._finish("failed", kind)
        self._status("failed")

    def _finish(self, state, error=None):
        self._save({"job": self.record.get("job"), "state": state, "error": error})
        self.job = self.applier = None

    def _status(self, state):
        status = {"state": state, "version": self.version, "slot": self.board.running}
        for name in ("job", "error"):
            if self.record.get(name):
                status[name] = self.record[name]
        if self.job:
            status["at"] = self.at
            status["of"] = self.job["size"]
            status["made"] = self.applier.made
        self._call(self.client.publish, self.topic + "status", json.dumps(status).encode(), True, 1)
