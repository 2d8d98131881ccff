"""What agents for updates share, however the patch comes: what survives a reset, and the board.

Of the board this wants `old` and `new` (block devices), `running` and `other` (names of the slots),
`select()`, `confirm()` and `reset()`: `Esp32` has them.
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


class Agent:
    """The record of a job, and the patch as far as it has come, in files of `folder`.

    `is_healthy()` tells whether a new image may stay. One that has not reached the other side
    `trial` milliseconds after its first start resets the board, and the bootloader goes back.
    """

    def __init__(self, board, folder, is_healthy, trial, checks):
        self.board = board
        self.is_healthy = is_healthy or (lambda: True)
        self.trial = trial
        self.started = time.ticks_ms()
        self.checks = checks
        self.patch_path = folder + "update.fdp"
        self.record_path = folder + "update.json"
        self.record = self._load()
        self.applier = None

    def _is_lost(self):
        """An image on trial that has not reached the other side in time."""
        waited = time.ticks_diff(time.ticks_ms(), self.started)
        return self.record.get("state") == "trial" and waited > self.trial

    def _begin(self, again=True):
        """Begins, or goes on with what is in the file. Returns the kind of an error."""
        self.applier = Applier(self.board.old, self.board.new, **self.checks)
        self.at = 0
        self.hash = hashlib.sha256()
        try:
            with open(self.patch_path, "rb") as file:
                while True:
                    data = file.read(_PIECE)
                    if not data:
                        break
                    self._feed(data)
        except Error as error:
            # The file may have been torn; what comes anew says whether it was that.
            self._drop()
            if again and error.kind not in ("old-mismatch", "unsigned", "unknown-key"):
                return self._begin(False)
            return error.kind
        except OSError:
            # There is no file yet.
            pass
        return None

    def _feed(self, data):
        try:
            self.applier.feed(data)
        except OSError:
            # Not the connection, which is an OSError, too.
            raise Error("flash")
        self.hash.update(data)
        self.at += len(data)

    def _take(self, data):
        """Takes the next bytes of the patch, and keeps them. Returns the kind of an error."""
        try:
            self._feed(data)
        except Error as error:
            return error.kind
        with open(self.patch_path, "ab") as file:
            file.write(data)
        return None

    def _end(self, digest):
        """The patch is complete, and has to have this SHA-256. Returns the kind of an error."""
        if binascii.hexlify(self.hash.digest()).decode() != digest:
            return "wrong-patch"
        try:
            self.applier.finish()
        except (Error, OSError) as error:
            return error.kind if isinstance(error, Error) else "flash"
        return None

    def _select(self, record):
        """The record is there before the slot is selected: whatever starts next knows of it."""
        self._save(record)
        self.board.select()

    def _drop(self):
        _remove(self.patch_path)

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
