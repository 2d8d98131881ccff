"""A real broker, and simulated boards as processes of their own."""

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
MQTT = HERE.parent
ROOT = MQTT.parents[1]
SIGNED = ROOT / "testdata/signed"
SLOT = 262144


def mosquitto():
    """The broker: that of the system, or what set-up has unpacked."""
    beside = ROOT / "target/tools/bin"
    return shutil.which("mosquitto", path=f"{os.environ['PATH']}:{beside}:/usr/sbin")


def password_line(user, password):
    """As `mosquitto_passwd` writes it."""
    salt = hashlib.sha256(user.encode()).digest()[:12]
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


def lasting_port():
    """A free port for a broker that is to come, and to come again: none that the system gives to
    whoever asks for any (Linux begins at 32768)."""
    for port in range(28000 + os.getpid() % 4000, 32768):
        try:
            socket.create_server(("127.0.0.1", port)).close()
            return port
        except OSError:
            continue
    raise AssertionError("no port is free")


class Broker:
    """Mosquitto with the configuration of the folder `broker`, on a port of its own."""

    def __init__(self, folder, users):
        self.folder = folder
        self.port = lasting_port()
        # It drops root's rights for those of a user that need not be there.
        owner = f"user {os.environ.get('USER', 'root')}\n" if os.geteuid() == 0 else ""
        configuration = (MQTT / "broker/mosquitto.conf").read_text()
        assert "listener 1883" in configuration
        configuration = configuration.replace("listener 1883", f"listener {self.port}")
        (folder / "mosquitto.conf").write_text(owner + configuration)
        shutil.copy(MQTT / "broker/acl.txt", folder)
        lines = "".join(password_line(user, password) for user, password in users.items())
        (folder / "passwords.txt").write_text(lines)
        for name in ("acl.txt", "passwords.txt"):
            (folder / name).chmod(0o600)
        self.process = None

    def start(self):
        log = open(self.folder / "log.txt", "ab")
        self.process = subprocess.Popen(
            [mosquitto(), "-c", "mosquitto.conf", "-v"], cwd=self.folder, stdout=log, stderr=log
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                assert self.process.poll() is None, (self.folder / "log.txt").read_text()
                time.sleep(0.05)
        raise AssertionError("the broker does not start")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Board:
    """A simulated device. It is started again whenever it resets, as a board would."""

    def __init__(self, folder, name, port, password, image, command):
        self.folder, self.name = folder, name
        folder.mkdir()
        (folder / "ota_0").write_bytes(image.ljust(SLOT, b"\xff"))
        (folder / "ota_1").write_bytes(b"\xff" * SLOT)
        (folder / "boot").write_text("ota_0 valid ota_1")
        point = (SIGNED / "p256.point").read_bytes()[-64:].hex()
        self.command = [*command, folder, name, str(port), password, point]
        self.process = None
        self.resets = 0
        self.running = False
        self.thread = None
        self.lock = threading.Lock()

    def start(self):
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        package = MQTT.parent / "micropython"
        path = f"{package}:{package / 'tests/device'}:.frozen"
        environment = {**os.environ, "MICROPYPATH": path}
        while True:
            with open(self.folder / "log.txt", "ab") as log:
                with self.lock:
                    if not self.running:
                        return
                    self.process = subprocess.Popen(
                        self.command, env=environment, stdout=log, stderr=log
                    )
                code = self.process.wait()
            if code != 3:
                self.running = False
                return
            self.resets += 1

    def kill(self):
        """The power goes, at any moment."""
        with self.lock:
            self.running = False
            if self.process:
                self.process.kill()
        self.thread.join()

    def image(self):
        """The image that is started next."""
        return (self.folder / (self.folder / "boot").read_text().split()[0]).read_bytes()

    def log(self):
        return (self.folder / "log.txt").read_text()


def firmware(version, of, *words):
    """An image that says its version, and what is wrong with it."""
    head = " ".join(("heron", version, *words)).encode()
    return head.ljust(32, b"\0") + (ROOT / "testdata/firmware" / of).read_bytes()


def flashdelta(*arguments):
    program = os.environ.get("FLASHDELTA_BINARY") or ROOT / "target/release/flashdelta"
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def patch(folder, old, new, profile, key="p256.pem"):
    """A signed patch between two images."""
    paths = [folder / name for name in ("old", "new", "plain.fdp", "signed.fdp")]
    paths[0].write_bytes(old)
    paths[1].write_bytes(new)
    flashdelta("diff", *paths[:2], "-o", paths[2], "--profile", profile)
    flashdelta("sign", paths[2], "--key", SIGNED / key, "-o", paths[3])
    return paths[3].read_bytes()


# The device in C, which the step of the gate has built; None where it could not be.
DEVICE = os.environ.get("FLASHDELTA_MQTT_DEVICE")
MICROPYTHON = [
    str(Path(sys.executable).with_name("micropython")),
    "-X",
    "heapsize=160k",
    str(HERE / "board.py"),
]
