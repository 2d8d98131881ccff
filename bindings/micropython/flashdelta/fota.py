"""Firmware over the air: commands and pieces of a patch come over MQTT, status goes back.

The protocol is that of bindings/mqtt/README.md. Of the board this wants `old` and `new` (block
devices), `running` and `other` (names of the slots), `select()`, `confirm()` and `reset()`:
`Esp32` has them. What is received is kept in a file, so that an update goes on after a reset, too.
"""

import binascii
import hashlib
import json
import os
import time

from .applier import Applier
from .errors import Error

_PIECE = 512


class Esp32:
    """The two slots of an ESP32 with `CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE`."""

    def __init__(self):
        from esp32 import Partition

        self.old = Partition(Partition.RUNNING)
        self.new = self.old.get_next_update()
        self.running = self.old.info()[4]
        self.other = self.new.info()[4]

    def select(self):
        self.new.set_boot()

    def confirm(self):
        self.old.mark_app_valid_cancel_rollback()

    def reset(self):
        import machine

        machine.reset()


class Fota:
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
        self.client = client
        self.board = board
        self.version = version
        self.is_healthy = is_healthy or (lambda: True)
        self.window = window
        self.patience = patience
        self.retry = retry
        self.keepalive = keepalive * 500
        self.trial = trial
        self.started = time.ticks_ms()
        self.checks = checks
        self.patch_path = folder + "update.fdp"
        self.record_path = folder + "update.json"
        self.topic = "fleet/{}/".format(name)
        self.record = self._load()
        self.job = None
        self.applier = None
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
                waited = time.ticks_diff(time.ticks_ms(), self.started)
                if self.record.get("state") == "trial" and waited > self.trial:
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
            _remove(self.patch_path)
            self._save({"job": command["job"], "state": "taking"})
        self.job = command
        self._start()

    def _start(self, again=True):
        """Begins, or goes on with what is in the file."""
        self.applier = Applier(self.board.old, self.board.new, **self.checks)
        self.at = 0
        self.hash = hashlib.sha256()
        try:
            with open(self.patch_path, "rb") as file:
                while True:
                    data = file.read(_PIECE)
                    if not data:
                        break
                    self._take(data)
        except Error as error:
            # The file may have been torn; what comes anew says whether it was that.
            _remove(self.patch_path)
            if again and error.kind not in ("old-mismatch", "unsigned", "unknown-key"):
                return self._start(False)
            return self._fail(error.kind)
        except OSError:
            # There is no file yet.
            pass
        self._status("taking")
        self._ask()

    def _take(self, data):
        try:
            self.applier.feed(data)
        except OSError:
            # Not the connection, which is an OSError, too.
            raise Error("flash")
        self.hash.update(data)
        self.at += len(data)

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
        try:
            self._take(data)
        except Error as error:
            self._fail(error.kind)
            return False
        with open(self.patch_path, "ab") as file:
            file.write(data)
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
        if binascii.hexlify(self.hash.digest()).decode() != self.job["patch"]:
            self._fail("wrong-patch")
            return False
        try:
            self.applier.finish()
        except (Error, OSError) as error:
            self._fail(error.kind if isinstance(error, Error) else "flash")
            return False
        # The record is there before the slot is selected: whatever starts next knows of it.
        self._save({"job": self.job["job"], "state": "trial", "slot": self.board.other})
        self.board.select()
        self._status("trial")
        _remove(self.patch_path)
        self.board.reset()
        return True

    def _fail(self, kind):
        _remove(self.patch_path)
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

    def _load(self):
        for path in (self.record_path, self.record_path + ".new"):
            try:
                with open(path) as file:
                    return json.load(file)
            except (OSError, ValueError):
                # Not there, or torn: the other one counts.
                pass
        return {}

    def _save(self, record):
        """The one before stays until this one is complete."""
        with open(self.record_path + ".new", "w") as file:
            json.dump(record, file)
        try:
            os.rename(self.record_path + ".new", self.record_path)
        except OSError:
            # FAT replaces nothing. Until it is renamed the new one counts by itself.
            _remove(self.record_path)
            os.rename(self.record_path + ".new", self.record_path)
        self.record = record


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass
