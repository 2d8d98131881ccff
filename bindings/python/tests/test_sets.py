"""Component sets."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess

import pytest

import flashdelta
from flashdelta import DeviceIdentity, Identity, sets

RADIO = bytes(range(256)) * 12
MOTOR = RADIO[:2000] + b"a new part of the firmware" + RADIO[1900:]
LOGO = b"a picture" * 40
HELD = {"child-3": RADIO}


@pytest.fixture(scope="module")
def components(old_path: pathlib.Path, new_path: pathlib.Path) -> list[sets.Component]:
    return [
        sets.Component("child", sets.Child(3), old=RADIO, new=MOTOR),
        sets.Component("data", sets.Name("logo"), new=LOGO, absent=True, hardware=(3, 4)),
        sets.Component("data", sets.Address(0x9000), new=b"certificates", required=True),
        sets.Component("application", sets.Partition("ota"), old=old_path, new=new_path),
    ]


@pytest.fixture(scope="module")
def update(components: list[sets.Component]) -> bytes:
    return sets.create(components, ram=16384, identity=Identity("heron", 2, 4, security_counter=7))


@pytest.fixture
def held(old: bytes) -> dict[str, bytes]:
    return {"child-3": RADIO, "0x9000": b"certificates", "ota": old}


def test_all_of_it_is_new_or_nothing(update: bytes, held: dict[str, bytes], new: bytes) -> None:
    device = DeviceIdentity("heron", hardware=3)
    got = sets.apply(held, update, device=device)
    assert got == {"child-3": MOTOR, "logo": LOGO, "0x9000": b"certificates", "ota": new}
    # Hardware that has no display, and a device that has been updated already.
    assert "logo" not in sets.apply(held, update, device=DeviceIdentity("heron", hardware=2))
    assert sets.apply(got, update, device=device) == got
    sets.verify(update, old=held, device=device)
    for wrong, error in (
        ({**held, "child-3": MOTOR[:-1]}, flashdelta.WrongBaseError),
        ({**held, "logo": b"something"}, flashdelta.WrongBaseError),
        ({name: held[name] for name in ("child-3", "ota")}, flashdelta.WrongBaseError),
    ):
        with pytest.raises(error):
            sets.apply(wrong, update, device=device)
    with pytest.raises(flashdelta.WrongDeviceError) as caught:
        sets.verify(update, old=held, device=DeviceIdentity("egret", hardware=3))
    assert caught.value.kind == "wrong-product"


def test_facts_are_those_of_the_program(
    update: bytes, tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]
) -> None:
    facts = sets.info(update)
    assert facts["identity"] == {
        "product": flashdelta.product_id("heron"),
        "hardware_from": 2,
        "hardware_to": 4,
        "security_counter": 7,
    }
    assert [part["target"] for part in facts["components"]] == [
        {"child": 3, "name": ""},
        {"name": "logo"},
        {"address": 0x9000},
        {"partition": "ota"},
    ]
    assert [part["precondition"] for part in facts["components"]][1:3] == ["absent", "any"]
    path = tmp_path / "update.fds"
    path.write_bytes(update)
    assert flashdelta._native.main(["flashdelta", "set", "info", "--json", str(path)]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document.pop("set") == str(path)
    assert document == facts == sets.info(path)


@pytest.mark.parametrize("algorithm", ["ed25519", "p256"])
def test_only_what_a_trusted_key_has_signed(
    update: bytes, held: dict[str, bytes], new: bytes, algorithm: flashdelta.SignatureAlgorithm
) -> None:
    key, other = flashdelta.generate_key(algorithm), flashdelta.generate_key(algorithm)
    device = DeviceIdentity("heron", hardware=4)
    signed = sets.sign(update, key.private)
    assert sets.info(signed)["signatures"] == [{"algorithm": algorithm, "key_id": key.key_id.hex()}]
    sets.verify(signed, key=[other.public, key.public])
    assert sets.apply(held, signed, key=key.public, device=device)["ota"] == new
    for unwanted, trusted in ((update, key.public), (signed, other.public)):
        with pytest.raises(flashdelta.NotAuthenticError):
            sets.apply(held, unwanted, key=trusted, device=device)
        with pytest.raises(flashdelta.NotAuthenticError):
            sets.verify(unwanted, key=trusted)
    for at in (len(signed) - 1, len(signed) // 2, 30):
        damaged = bytearray(signed)
        damaged[at] ^= 1
        with pytest.raises(flashdelta.Error):
            sets.verify(bytes(damaged), key=key.public)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no OpenSSL")
def test_signatures_made_by_openssl(update: bytes, tmp_path: pathlib.Path) -> None:
    key = flashdelta.generate_key("p256")
    key.save(tmp_path / "release.pem")
    command = ["openssl", "dgst", "-sha256", "-sign", str(tmp_path / "release.pem")]
    made = subprocess.run(
        command, input=sets.sign_message(update), stdout=subprocess.PIPE, check=True
    ).stdout
    signed = sets.attach_signature(update, made, key.public)
    sets.verify(signed, key=key.public)
    with pytest.raises(flashdelta.NotAuthenticError):
        sets.attach_signature(
            sets.sign(update, flashdelta.generate_key().private),
            made,
            flashdelta.generate_key("p256").public,
        )


def test_a_description_and_a_folder(tmp_path: pathlib.Path, old: bytes, new: bytes) -> None:
    device = tmp_path / "device"
    device.mkdir()
    (device / "ota").write_bytes(old)
    (device / "notes.txt").write_text("as it was")
    (tmp_path / "new.bin").write_bytes(new)
    description = tmp_path / "update.toml"
    description.write_text(
        '[[component]]\nkind = "application"\npartition = "ota"\nold = "device/ota"\n'
        'new = "new.bin"\n'
    )
    update = sets.create(description, ram=16384)
    assert sets.apply_folder(device, update, tmp_path / "updated") == {"ota": "ota"}
    assert (tmp_path / "updated" / "ota").read_bytes() == new
    assert (tmp_path / "updated" / "notes.txt").read_text() == "as it was"
    sets.verify(update, old=device)
    (device / "ota").write_bytes(new[:-1])
    with pytest.raises(flashdelta.WrongBaseError):
        sets.apply_folder(device, update, tmp_path / "not-there")
    assert not (tmp_path / "not-there").exists()


def test_two_releases(tmp_path: pathlib.Path, old: bytes, new: bytes) -> None:
    for release, image, boot in (("1.0", old, True), ("1.1", new, False)):
        folder = tmp_path / release
        folder.mkdir()
        (folder / "app.bin").write_bytes(image)
        (folder / "boot.bin").write_bytes(RADIO)
        parts = [{"path": "app.bin", "offset": 0x10000}]
        if boot:
            parts.append({"path": "boot.bin", "offset": 0})
        manifest = {
            "name": "heron",
            "version": release,
            "builds": [{"chipFamily": "ESP32-C3", "parts": parts}],
        }
        (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.warns(flashdelta.FlashdeltaWarning, match="does not remove 0x0") as told:
        update = sets.create(tmp_path / "1.0" / "manifest.json", tmp_path / "1.1" / "manifest.json")
    assert [warning.message.kind for warning in told] == ["not-removed"]  # type: ignore[union-attr]
    assert sets.apply({"0x10000": old}, update) == {"0x10000": new}
    with pytest.raises(flashdelta.OptionError) as caught:
        sets.create(tmp_path / "1.0" / "manifest.json", tmp_path / "1.0" / "manifest.json")
    assert caught.value.kind == "set-unchanged"


def test_what_cannot_be_is_refused() -> None:
    part = sets.Component("data", sets.Name("logo"), new=LOGO)
    for components, kind in (
        ([], "component-count"),
        ([part, part], "component-twice"),
        ([sets.Component("data", sets.Name(""), new=LOGO)], "bad-component-name"),
        (
            [sets.Component("data", sets.Name("logo"), new=LOGO, hardware=(4, 3))],
            "bad-hardware-range",
        ),
        ([sets.Component("picture", sets.Name("logo"), new=LOGO)], "option"),  # type: ignore[arg-type]
        ([sets.Component("data", sets.Name("logo"), new=LOGO, old=LOGO, absent=True)], "option"),
    ):
        with pytest.raises(flashdelta.OptionError) as caught:
            sets.create(components)
        assert caught.value.kind == kind
    with pytest.raises(TypeError, match="target must be"):
        sets.create([sets.Component("data", "logo", new=LOGO)])  # type: ignore[arg-type]
    with pytest.raises(flashdelta.BadPatchError) as bad:
        sets.info(b"not a set")
    assert bad.value.kind == "not-a-set"
