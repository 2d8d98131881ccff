"""An update that arrives in small chunks over MQTT.

    python mqtt_update.py serve --host broker update.fdp
    python mqtt_update.py update --host broker slot-a.bin slot-b.bin

The device asks for the chunk at an offset, feeds it to the applier, and asks for the next: it never
holds more than one, and what QoS 1 delivers twice does no harm. Needs paho-mqtt.
"""

from __future__ import annotations

import argparse
import queue
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

import flashdelta

REQUEST, CHUNK = "heron/update/request", "heron/update/chunk"


def connect(host: str, port: int) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect(host, port)
    return client


class Server:
    """Answers requests for chunks of a patch. A message is the offset, 4 bytes, big-endian; an
    answer is that and the bytes."""

    def __init__(self, host: str, port: int, patch: flashdelta.Patch, chunk: int) -> None:
        self.patch, self.chunk, self.sent = patch, chunk, 0
        self.client = connect(host, port)
        self.client.on_message = self._answer
        self.client.subscribe(REQUEST, qos=1)
        self.client.loop_start()

    def _answer(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        offset = int.from_bytes(message.payload[:4], "big")
        self.sent += 1
        client.publish(CHUNK, message.payload[:4] + self.patch[offset : offset + self.chunk], qos=1)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.client.loop_stop()
        self.client.disconnect()


def update(host: str, port: int, old: Path, new: Path, timeout: float = 60) -> flashdelta.PatchInfo:
    """Update from one slot into the other; the new image appears there when it is complete and
    verified."""
    chunks: queue.Queue[bytes] = queue.Queue()
    client = connect(host, port)
    client.on_message = lambda _client, _data, message: chunks.put(bytes(message.payload))
    # Ask only when the broker knows that answers go here.
    client.on_subscribe = lambda *_: chunks.put(b"")
    client.subscribe(CHUNK, qos=1)
    client.loop_start()
    try:
        with flashdelta.Applier(old, new) as applier:
            offset = 0
            progress = applier.progress
            while not progress.done:
                message = chunks.get(timeout=timeout)
                if message == offset.to_bytes(4, "big"):
                    # There is no more. finish() tells that the patch was cut short.
                    break
                if message and int.from_bytes(message[:4], "big") == offset:
                    progress = applier.feed(message[4:])
                    offset += len(message) - 4
                elif message:
                    # Delivered twice.
                    continue
                if not progress.done:
                    client.publish(REQUEST, offset.to_bytes(4, "big"), qos=1)
            info = applier.info
            applier.finish()
    finally:
        client.loop_stop()
        client.disconnect()
    assert info is not None, "a finished update has a header"
    return info


def main() -> int:
    parser = argparse.ArgumentParser(description="Update a device over MQTT.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="hand out a patch until Ctrl-C")
    serve.add_argument("patch", type=Path)
    serve.add_argument("--chunk", type=int, default=512, help="bytes in a chunk")
    take = commands.add_parser("update", help="fetch the patch and apply it")
    take.add_argument("old", type=Path)
    take.add_argument("new", type=Path)
    options = parser.parse_args()
    if options.command == "update":
        info = update(options.host, options.port, options.old, options.new)
        print(f"{options.new}: {info.new_size:,} bytes, SHA-256 {info.new_sha256}")
        return 0
    with Server(options.host, options.port, flashdelta.Patch.load(options.patch), options.chunk):
        try:
            while True:
                queue.Queue[None]().get(timeout=3600)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
