"""The control centre of a fleet: commands, pieces of patches, and what has become of them, by MQTT.

    python control_centre.py --user centre --password-file centre.txt --target 1.1 \
        --patch 1.0=from-1.0.fdp --patch 0.9=from-0.9.fdp [--device heron-07 ...]

Needs paho-mqtt. Topics and messages are described in the README beside this file. The centre keeps
nothing: which patch a job is about is in the name of the job, all else is retained by the broker.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

PIECE = 1024
# The most that a device is sent for one request.
MOST = 64 << 10
# Digits of the digest of its patch that the name of a job starts with.
START = 16


@dataclasses.dataclass
class Device:
    """What a device has said last."""

    name: str
    online: bool = False
    status: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def version(self) -> str | None:
        return self.status.get("version")

    @property
    def state(self) -> str:
        return self.status.get("state", "unknown")


class ControlCentre:
    """`patches` are those that lead to `target`, by the version that they start from.

    `changed` is called with a device whenever that has said something, from the thread of the
    client.
    """

    def __init__(
        self,
        patches: dict[str, bytes],
        target: str,
        changed: Callable[[Device], None] = lambda device: None,
    ) -> None:
        self.patches = patches
        self.target = target
        self.changed = changed
        self.digests = {
            version: hashlib.sha256(patch).hexdigest() for version, patch in patches.items()
        }
        self.by_start = {self.digests[version][:START]: patches[version] for version in patches}
        self.devices: dict[str, Device] = {}
        self.jobs: dict[str, str] = {}
        self.sent = 0
        self._condition = threading.Condition()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="centre", clean_session=False
        )
        self.client.reconnect_delay_set(min_delay=1, max_delay=10)
        self.client.on_connect = self._on_connect
        self.client.on_message = self._on_message

    def start(self, host: str, port: int, user: str, password: str) -> None:
        """Connects, and stays connected: a broker that is not there is waited for."""
        self.client.username_pw_set(user, password)
        self.client.connect_async(host, port, keepalive=15)
        self.client.loop_start()

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def command(self, names: Iterable[str]) -> list[str]:
        """Has these devices updated: all that have said a version for which there is a patch.
        Returns which those are."""
        chosen = []
        with self._condition:
            for name in names:
                device = self.devices.get(name)
                version = device.version if device else None
                if version not in self.patches:
                    continue
                digest, size = self.digests[version], len(self.patches[version])
                # Another one each time: a device does not try the same job twice.
                job = f"{digest[:START]}-{secrets.token_hex(4)}"
                command = {"job": job, "patch": digest, "size": size, "target": self.target}
                self.jobs[name] = job
                self._publish(name, "command", json.dumps(command).encode(), retain=True)
                chosen.append(name)
        return chosen

    def wait(self, done: Callable[[dict[str, Device]], bool], timeout: float) -> bool:
        """Waits until `done`, called with all devices, is true."""
        with self._condition:
            return self._condition.wait_for(lambda: done(self.devices), timeout)

    def is_over(self, name: str) -> bool:
        """Whether the device has told how its job ended."""
        status = self.devices[name].status
        return status.get("job") == self.jobs.get(name) and status["state"] in ("done", "failed")

    def _publish(self, name: str, what: str, payload: bytes, retain: bool = False) -> None:
        self.client.publish(f"fleet/{name}/{what}", payload, qos=int(retain), retain=retain)

    def _on_connect(self, client: mqtt.Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if reason.is_failure:
            print(f"the broker refuses the control centre: {reason}", file=sys.stderr)
        client.subscribe([(f"fleet/+/{what}", 1) for what in ("online", "status", "request")])

    def _on_message(self, _: mqtt.Client, __: Any, message: mqtt.MQTTMessage) -> None:
        _, name, what = message.topic.split("/")
        with self._condition:
            device = self.devices.setdefault(name, Device(name))
            try:
                if what == "online":
                    device.online = message.payload == b"1"
                elif what == "status":
                    self._status(device, json.loads(message.payload))
                else:
                    return self._request(device, json.loads(message.payload))
            except (ValueError, KeyError, TypeError) as error:
                # What a device says may be anything.
                print(f"{name}: a bad {what}: {error}", file=sys.stderr)
                return
            self.changed(device)
            self._condition.notify_all()

    def _status(self, device: Device, status: dict[str, Any]) -> None:
        device.status = {**status, "state": str(status["state"])}
        if self.jobs.get(device.name) and self.is_over(device.name):
            # Nothing is left to be done: no device finds the command again.
            self._publish(device.name, "command", b"", retain=True)

    def _request(self, device: Device, request: dict[str, Any]) -> None:
        patch = self.by_start.get(str(request["job"]).split("-")[0])
        at, count = int(request["at"]), min(int(request["count"]), MOST)
        if patch is None or not 0 <= at < len(patch):
            return
        for offset in range(at, min(at + count, len(patch)), PIECE):
            piece = patch[offset : min(offset + PIECE, at + count)]
            self._publish(device.name, "piece", offset.to_bytes(4, "big") + piece)
            self.sent += len(piece)


def line(device: Device) -> str:
    """A device, for people."""
    status = device.status
    words = [f"{device.name:12}", "on " if device.online else "off", f"{device.version or '?':8}"]
    words.append(device.state)
    if status.get("of"):
        words.append(f"{status['at']:,} of {status['of']:,} bytes")
    if status.get("error"):
        words.append(str(status["error"]))
    return "  ".join(words)


def main() -> int:
    parser = argparse.ArgumentParser(description="Update a fleet over MQTT.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--user", default="centre")
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--target", required=True, help="the version that the patches lead to")
    parser.add_argument("--patch", action="append", required=True, metavar="VERSION=FILE")
    parser.add_argument("--device", action="append", help="only these; all that are there without")
    parser.add_argument("--listen", type=float, default=3, help="seconds to wait for devices")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds until it gives up")
    options = parser.parse_args()
    patches = {}
    for word in options.patch:
        version, _, path = word.partition("=")
        patches[version] = Path(path).read_bytes()
    centre = ControlCentre(patches, options.target, lambda device: print(line(device), flush=True))
    password = options.password_file.read_text().strip()
    centre.start(options.host, options.port, options.user, password)
    try:
        time.sleep(options.listen)
        chosen = centre.command(options.device or list(centre.devices))
        if not chosen:
            print("no device has a version that there is a patch for", file=sys.stderr)
            return 1
        over = centre.wait(lambda _: all(map(centre.is_over, chosen)), options.timeout)
        done = sum(centre.devices[name].state == "done" for name in chosen)
        print(f"{done} of {len(chosen)} devices run {options.target}; {centre.sent:,} bytes sent")
        return 0 if over and done == len(chosen) else 1
    except KeyboardInterrupt:
        return 130
    finally:
        centre.stop()


if __name__ == "__main__":
    sys.exit(main())
