"""A fleet over a real broker: what goes wrong in the field, and that updates survive it."""

import shutil
import sys
import time

import paho.mqtt.client as paho
import pytest

from harness import DEVICE, MICROPYTHON, MQTT, Board, Broker, firmware, mosquitto, patch
from lossy import Lossy

sys.path.insert(0, str(MQTT))
from control_centre import ControlCentre  # noqa: E402

pytestmark = pytest.mark.skipif(mosquitto() is None, reason="no mosquitto")

# How a board is started, and the profile of its patches.
KINDS = {"micropython": (MICROPYTHON, "micropython"), "c": ([DEVICE], "small")}
# The numbers of C (docs/errors.md).
NUMBERS = {"old-mismatch": 401, "unsigned": 1001, "unknown-key": 1002, "wrong-chunk": 1005}
NEW = firmware("1.1", "esp32-1.1.bin")
OLD = firmware("1.0", "esp32-1.0.bin")


@pytest.fixture(params=KINDS)
def kind(request):
    if request.param == "c" and DEVICE is None:
        pytest.skip("no device in C: libmosquitto or PSA Crypto is not here")
    return request.param


class World:
    """A broker, the control centre and its boards."""

    def __init__(self, folder, kind):
        self.folder, self.kind = folder, kind
        self.command, self.profile = KINDS[kind]
        self.names = [f"heron-{i:02}" for i in range(24)]
        (folder / "broker").mkdir()
        users = {name: f"password of {name}" for name in [*self.names, "centre"]}
        self.broker = Broker(folder / "broker", users)
        self.broker.start()
        self.boards = {}
        self.centre = None

    def start_centre(self, patches, target="1.1"):
        self.centre = ControlCentre(patches, target)
        self.requests = []
        answer = self.centre._request

        def noted(device, request):
            if isinstance(request, dict):
                self.requests.append((device.name, request.get("at")))
            answer(device, request)

        self.centre._request = noted
        self.centre.start("127.0.0.1", self.broker.port, "centre", "password of centre")

    def board(self, image=OLD, port=None, name=None):
        name = name or self.names[len(self.boards)]
        folder = self.folder / name
        where = port or self.broker.port
        board = Board(folder, name, where, f"password of {name}", image, self.command)
        self.boards[name] = board
        board.start()
        return board

    def patch(self, old=OLD, new=NEW, **options):
        return patch(self.folder, old, new, self.profile, **options)

    def wait(self, done, what, seconds=240):
        if not self.centre.wait(done, seconds):
            states = {name: device.status for name, device in self.centre.devices.items()}
            logs = "".join(board.log()[-2000:] for board in self.boards.values())
            raise AssertionError(f"{what}: {states}\n{logs}")

    def command_all(self):
        """Once all boards are there."""
        self.wait(
            lambda d: all(n in d and d[n].online and d[n].status for n in self.boards), "online"
        )
        chosen = self.centre.command(self.boards)
        assert chosen == list(self.boards)

    def assert_failed(self, board, error):
        """The device has refused the patch, and runs what it ran."""
        status = self.centre.devices[board.name].status
        if self.kind == "c":
            error = str(NUMBERS.get(error, error))
        assert (status["state"], status["error"]) == ("failed", error), status
        assert status["version"] == "1.0"
        assert board.image()[: len(OLD)] == OLD

    def wait_over(self, seconds=240):
        self.wait(lambda _: all(map(self.centre.is_over, self.boards)), "over", seconds)

    def is_at(self, board, share):
        """Whether a device is in the middle of taking the patch."""
        status = self.centre.devices[board.name].status
        return status["state"] == "taking" and status["at"] >= share * status["of"]

    def close(self):
        for board in self.boards.values():
            if board.running:
                board.kill()
        if self.centre:
            self.centre.stop()
        if self.broker.process.poll() is None:
            self.broker.kill()


@pytest.fixture
def world(tmp_path, kind):
    world = World(tmp_path, kind)
    yield world
    world.close()


def updated(world, board, image=NEW):
    assert board.image()[: len(image)] == image
    assert (board.folder / "boot").read_text().split()[1] == "valid"
    status = world.centre.devices[board.name].status
    assert status["state"] == "done" and status["version"] == "1.1", status
    assert board.resets == 1


def test_an_update(world):
    world.start_centre({"1.0": world.patch()})
    board = world.board()
    start = time.monotonic()
    world.command_all()
    world.wait_over()
    updated(world, board)
    size = len(world.centre.patches["1.0"])
    assert world.centre.sent == size
    print(f"{world.kind}: {size} bytes, {time.monotonic() - start:.1f} s")


def test_twenty_devices_of_three_versions_at_once(world):
    images = {
        "0.9": firmware("0.9", "esp32-1.0.bin")[:-400] + bytes(400),
        "1.0": OLD,
        "1.0b": firmware("1.0b", "esp32-1.1.bin")[:40000],
    }
    world.start_centre({version: world.patch(old=image) for version, image in images.items()})
    for i in range(20):
        world.board(list(images.values())[i % 3])
    start = time.monotonic()
    world.command_all()
    world.wait_over()
    for board in world.boards.values():
        updated(world, board)
    print(f"{world.kind}: {world.centre.sent} bytes, {time.monotonic() - start:.1f} s")


def test_a_killed_device_goes_on_where_it_was(world):
    world.start_centre({"1.0": world.patch()})
    board = world.board()
    world.command_all()
    world.wait(lambda _: world.is_at(board, 0.3), "taking")
    board.kill()
    world.wait(lambda d: not d[board.name].online, "last will")
    told, before = world.centre.devices[board.name].status["at"], len(world.requests)
    board.start()
    world.wait_over()
    updated(world, board)
    size = len(world.centre.patches["1.0"])
    # It went on after what it had told before, and nothing of that came a second time.
    assert world.requests[-1][0] == board.name and told > 0
    again = [at for name, at in world.requests[before:] if name == board.name]
    assert min(again) >= told, (told, world.requests)


def test_a_killed_broker(world):
    world.start_centre({"1.0": world.patch()})
    board = world.board()
    world.command_all()
    world.wait(lambda _: world.is_at(board, 0.4), "taking")
    world.broker.kill()
    time.sleep(0.5)
    world.broker.start()
    world.wait_over()
    updated(world, board)


def test_a_killed_control_centre(world):
    patches = {"1.0": world.patch()}
    world.start_centre(patches)
    board = world.board()
    world.command_all()
    world.wait(lambda _: world.is_at(board, 0.4), "taking")
    job = world.centre.jobs[board.name]
    world.centre.stop()
    world.start_centre(patches)
    world.centre.jobs[board.name] = job
    world.wait(lambda d: board.name in d and world.centre.is_over(board.name), "over")
    updated(world, board)


def test_a_fifth_of_all_segments_is_lost(world):
    lossy = Lossy(world.broker.port, 0.2)
    world.start_centre({"1.0": world.patch()})
    board = world.board(port=lossy.port)
    world.command_all()
    world.wait_over()
    updated(world, board)
    assert lossy.cuts > 3, lossy.cuts
    print(f"{world.kind}: {lossy.cuts} connections cut, {world.centre.sent} bytes sent")
    lossy.stop()


@pytest.mark.parametrize(
    ("what", "error"),
    [("base", "old-mismatch"), ("key", "unknown-key"), ("unsigned", "unsigned")],
)
def test_a_patch_that_is_refused(world, what, error):
    old = OLD[:-1] + b"?" if what == "base" else OLD
    signed = world.patch(old=old, key="other-p256.pem" if what == "key" else "p256.pem")
    if what == "unsigned":
        signed = (world.folder / "plain.fdp").read_bytes()
    world.start_centre({"1.0": signed})
    board = world.board()
    world.command_all()
    world.wait_over()
    world.assert_failed(board, error)
    assert board.resets == 0
    # Nothing was written, and no more was taken than it takes to know.
    assert (board.folder / "ota_1").read_bytes() == b"\xff" * len(board.image())
    assert world.centre.sent <= 8192


def test_a_forged_piece(world):
    """The header and the signature are right, and a byte in the middle is not."""
    forged = bytearray(world.patch())
    forged[len(forged) // 2] ^= 1
    world.start_centre({"1.0": bytes(forged)})
    board = world.board()
    world.command_all()
    world.wait_over()
    world.assert_failed(board, "wrong-chunk")
    assert board.resets == 0


def test_an_image_that_is_sick_is_left(world):
    world.start_centre({"1.0": world.patch(new=firmware("1.1", "esp32-1.1.bin", "sick"))})
    board = world.board()
    world.command_all()
    world.wait_over()
    world.assert_failed(board, "rolled-back")
    assert board.resets == 2
    # A broker keeps what is retained: the device must not begin anew when it finds the command.
    job = world.centre.jobs[board.name]
    board.kill()
    board.start()
    world.wait(lambda d: d[board.name].online, "online")
    time.sleep(1)
    assert world.centre.devices[board.name].status["job"] == job and board.resets == 2


def test_an_image_that_does_not_reach_the_broker_is_left(world):
    world.start_centre({"1.0": world.patch(new=firmware("1.1", "esp32-1.1.bin", "deaf"))})
    board = world.board()
    world.command_all()
    world.wait_over()
    world.assert_failed(board, "rolled-back")
    assert board.resets == 2


def test_nobody_speaks_for_another(world):
    """Without a password nobody is heard; a device that is taken over can do nothing to others."""
    world.start_centre({"1.0": world.patch()})
    board = world.board()
    world.wait(lambda d: board.name in d and d[board.name].status, "status")
    for user, password in (("heron-05", "wrong"), (None, None)):
        refused = []
        stranger = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="stranger")
        stranger.on_connect = lambda _c, _u, _f, reason, _p: refused.append(reason.is_failure)
        if user:
            stranger.username_pw_set(user, password)
        stranger.connect("127.0.0.1", world.broker.port)
        stranger.loop_start()
        deadline = time.monotonic() + 10
        while not refused and time.monotonic() < deadline:
            time.sleep(0.05)
        stranger.loop_stop()
        assert refused[0] is True
    thief = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="thief")
    thief.username_pw_set("heron-05", "password of heron-05")
    heard = []
    thief.on_message = lambda _c, _u, message: heard.append(message.topic)
    thief.connect("127.0.0.1", world.broker.port)
    thief.loop_start()
    thief.subscribe("fleet/#", 1)
    bad = b'{"job": "x", "patch": "", "size": 1}'
    thief.publish(f"fleet/{board.name}/command", bad, qos=1).wait_for_publish(5)
    thief.publish(f"fleet/{board.name}/status", b'{"state": "done"}', qos=1).wait_for_publish(5)
    own = thief.publish("fleet/heron-05/status", b'{"state": "idle"}', qos=1)
    own.wait_for_publish(5)
    world.wait(lambda d: "heron-05" in d, "what it may say is heard")
    time.sleep(0.3)
    thief.loop_stop()
    assert heard == []
    assert world.centre.devices[board.name].status["state"] == "idle"


def test_what_devices_say_may_be_anything(world):
    world.start_centre({"1.0": world.patch()})
    liar = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="liar")
    liar.username_pw_set("heron-23", "password of heron-23")
    liar.connect("127.0.0.1", world.broker.port)
    liar.loop_start()
    for payload in (b"", b"{", b"[]", b"{}", b'{"job": 1, "at": -1, "count": 9e9}', b"\xff"):
        for what in ("status", "request", "online"):
            liar.publish(f"fleet/heron-23/{what}", payload, qos=1).wait_for_publish(5)
    liar.loop_stop()
    board = world.board()
    world.command_all()
    world.wait_over()
    updated(world, board)
