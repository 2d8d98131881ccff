"""Wrong inputs raise the documented error, with its fields, and a message that says what to do."""

from __future__ import annotations

import pathlib
import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest

import flashdelta
from flashdelta import DeviceIdentity, DeviceProfile, Identity, Segment

OLD, NEW = b"the old firmware" * 50, b"the new firmware" * 50
RANDOM = random.Random(1).randbytes(500)
HERON = Identity("heron", 2, 4, security_counter=7)


def patch() -> flashdelta.Patch:
    return flashdelta.diff(OLD, NEW, identity=HERON, threads=1)


CASES: list[
    tuple[Callable[[], Any], type[flashdelta.Error], type[Exception], dict[str, Any], str]
] = [
    (
        lambda: flashdelta.diff(OLD, NEW, ram=100),
        flashdelta.ProfileTooSmallError,
        ValueError,
        {"profile": "esp32", "ram": 100, "codec": "model"},
        r"ram=\d+ is enough",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, profile="small", codec="zstd"),
        flashdelta.CodecNotInProfileError,
        ValueError,
        {"codec": "zstd", "profile": "small", "allowed": ["raw", "lz4", "model"]},
        "leave out codec",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, isa="thumb", profile=DeviceProfile("x", 9999, isas=[])),
        flashdelta.IsaNotInProfileError,
        ValueError,
        {"isa": "thumb", "profile": "x"},
        "leave out isa",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, profile=DeviceProfile("x", 9999, codecs=[])),
        flashdelta.BadProfileError,
        ValueError,
        {},
        "no codec",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, progress=lambda _: False),
        flashdelta.CancelledError,
        Exception,
        {"kind": "cancelled"},
        "returned False",
    ),
    (
        lambda: flashdelta.diff(OLD, b""),
        flashdelta.DiffError,
        Exception,
        {"kind": "empty-new"},
        "the new file is empty; allow_empty=True permits it",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, new_elf=NEW),
        flashdelta.DiffError,
        Exception,
        {"kind": "no-elf"},
        "pass the ELF file",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, range=(5, 5)),
        flashdelta.OptionError,
        ValueError,
        {},
        "end is not above the start",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, fill=256),
        flashdelta.OptionError,
        ValueError,
        {},
        "expected 0 to 255",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, effort=10),
        flashdelta.OptionError,
        ValueError,
        {},
        "expected 1 to 9",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, threads=-1),
        flashdelta.OptionError,
        ValueError,
        {},
        "expected 0 to",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, ram=-1),
        flashdelta.OptionError,
        ValueError,
        {},
        "out of range",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, ram=1 << 40),
        flashdelta.OptionError,
        ValueError,
        {},
        "out of range",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, base=1 << 32),
        flashdelta.OptionError,
        ValueError,
        {},
        "out of range",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, codec="gzip"),  # type: ignore[arg-type]
        flashdelta.OptionError,
        ValueError,
        {},
        "choose one of raw, lz4",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, isa="z80"),  # type: ignore[arg-type]
        flashdelta.OptionError,
        ValueError,
        {},
        "choose one of none, thumb",
    ),
    (
        lambda: flashdelta.diff(OLD, NEW, profile="pdp11"),
        flashdelta.OptionError,
        ValueError,
        {},
        "known ones are tiny, small",
    ),
    (lambda: DeviceProfile("x", 1, page=3), flashdelta.OptionError, ValueError, {}, "power of two"),
    (lambda: Identity("x", 5, 4), flashdelta.OptionError, ValueError, {}, "above"),
    (
        lambda: flashdelta.apply(OLD, NEW),
        flashdelta.HeaderError,
        ValueError,
        {"kind": "not-a-patch", "offset": 0, "found": ord("t")},
        'should start with "FDP".*; pass one that flashdelta.diff made',
    ),
    (
        lambda: flashdelta.apply(patch(), OLD),
        flashdelta.HeaderError,
        ValueError,
        {"kind": "wrong-way-round"},
        "the old file is one; the old file comes first",
    ),
    (
        lambda: flashdelta.apply(NEW, patch()),
        flashdelta.WrongBaseError,
        flashdelta.ApplyError,
        {"kind": "already-new"},
        "the file that the patch leads to; there is nothing to do",
    ),
    (
        lambda: flashdelta.apply(OLD, b"FDP\x09" + bytes(100)),
        flashdelta.UnsupportedPatchError,
        flashdelta.DoesNotFitError,
        {"found": 9, "kind": "unsupported-version"},
        "update flashdelta, or make the patch with this version",
    ),
    (
        lambda: flashdelta.apply(OLD, patch()[:20] + b"?" + patch()[21:]),
        flashdelta.HeaderError,
        flashdelta.BadPatchError,
        {"kind": "checksum"},
        "get the patch again",
    ),
    (
        lambda: flashdelta.apply(OLD, patch()[:-1]),
        flashdelta.TruncatedError,
        EOFError,
        {"fed": len(patch()) - 1, "expected": len(patch())},
        "not complete.*; get the patch again, all of it",
    ),
    (
        lambda: flashdelta.apply(OLD, flashdelta.diff(OLD, RANDOM)[:-100] + bytes(100)),
        flashdelta.BadPatchError,
        ValueError,
        {},
        "get the patch again",
    ),
    (
        lambda: flashdelta.apply(OLD, bytes(patch()) + b"more"),
        flashdelta.TrailingInputError,
        ValueError,
        {"expected": len(patch())},
        "more were received; cut off what follows it, or get it again",
    ),
    (
        lambda: flashdelta.apply(OLD[::-1], patch()),
        flashdelta.OldMismatchError,
        flashdelta.WrongBaseError,
        {"expected": patch().info.old_digest},
        "slot holds.*; pass the image that the patch was made from, or get the patch for this one",
    ),
    (
        lambda: flashdelta.apply(OLD[:-1], patch()),
        flashdelta.OldTooShortError,
        flashdelta.WrongBaseError,
        {"expected": len(OLD), "found": len(OLD) - 1},
        "does not match.*; pass the image that the patch was made from",
    ),
    (
        lambda: flashdelta.verify(OLD, patch(), device=DeviceIdentity("egret", 3, 7)),
        flashdelta.WrongProductError,
        flashdelta.WrongDeviceError,
        {"patch": HERON.product, "device": flashdelta.product_id("egret")},
        "for product.*; get the patch for this device",
    ),
    (
        lambda: flashdelta.verify(OLD, patch(), device=DeviceIdentity("heron", 5, 7)),
        flashdelta.WrongHardwareError,
        flashdelta.WrongDeviceError,
        {"hardware_from": 2, "hardware_to": 4, "device": 5},
        "revisions 2 to 4.*; get the patch for this device",
    ),
    (
        lambda: flashdelta.verify(OLD, patch(), device=DeviceIdentity("heron", 3, 8)),
        flashdelta.RollbackError,
        flashdelta.WrongDeviceError,
        {"patch": 7, "device": 8},
        "does not go back; get a patch to a newer image",
    ),
    (
        lambda: flashdelta.verify(OLD, flashdelta.diff(OLD, NEW), device=DeviceIdentity("heron")),
        flashdelta.NoIdentityError,
        flashdelta.WrongDeviceError,
        {},
        "does not say which devices.*; make it with identity=Identity",
    ),
    (
        lambda: flashdelta.verify(OLD, patch(), ram=500),
        flashdelta.OutOfRamError,
        flashdelta.DoesNotFitError,
        {"found": 500},
        r"ram=\d+ is enough",
    ),
    (
        lambda: flashdelta.apply(OLD, patch(), limit=5),
        flashdelta.NewTooLongError,
        flashdelta.DoesNotFitError,
        {"needed": len(NEW), "capacity": 5},
        "room for only 5; give it more room: a limit",
    ),
    (
        lambda: patch().save("/no/such/folder/update.fdp"),
        flashdelta.FileMissingError,
        FileNotFoundError,
        {"filename": "/no/such/folder/update.fdp"},
        "make its folder first",
    ),
    (
        lambda: Segment(-1, b"x"),
        flashdelta.OptionError,
        ValueError,
        {},
        "address=-1 is out of range",
    ),
    (
        lambda: Segment(0xFFFF_FFFF, b"xx"),
        flashdelta.OptionError,
        ValueError,
        {},
        "beyond the 32-bit address space: cut it",
    ),
    (
        lambda: flashdelta.Image.from_bytes(b":0300300002337A1F\n:00000001FF\n"),
        flashdelta.ImageError,
        ValueError,
        {"kind": "bad-checksum", "line": 1, "column": 16, "expected": 0x1E, "found": 0x1F},
        "ignore_checksums=True",
    ),
]


@pytest.mark.parametrize(("call", "error", "base", "fields", "message"), CASES)
def test_documented_errors(
    call: Callable[[], Any],
    error: type[flashdelta.Error],
    base: type[Exception],
    fields: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(error, match=message) as caught:
        call()
    raised = caught.value
    assert isinstance(raised, base) and isinstance(raised, flashdelta.Error)
    assert {name: getattr(raised, name) for name in fields} == fields
    assert isinstance(raised.kind, str) and raised.kind != "error"
    # As processes hand it over.
    again = pickle.loads(pickle.dumps(raised))
    assert type(again) is type(raised) and str(again) == str(raised)
    assert {name: getattr(again, name) for name in fields} == fields


@pytest.mark.parametrize(
    "call",
    [
        lambda: flashdelta.diff(OLD, NEW, effort="6"),  # type: ignore[arg-type]
        lambda: flashdelta.diff(OLD, NEW, ram=16.0),  # type: ignore[arg-type]
        lambda: flashdelta.diff(OLD, NEW, ram=True and "x"),  # type: ignore[arg-type]
        lambda: flashdelta.diff(OLD, NEW, codec=3),  # type: ignore[arg-type]
        lambda: flashdelta.diff(OLD, NEW, profile=3),  # type: ignore[arg-type]
        lambda: flashdelta.diff(OLD, NEW, identity="heron"),  # type: ignore[arg-type]
        lambda: flashdelta.diff(OLD, NEW, progress=3),  # type: ignore[arg-type]
        lambda: flashdelta.diff(OLD, NEW, speed=3),  # type: ignore[call-arg]
        lambda: flashdelta.apply(OLD, patch(), device="heron"),  # type: ignore[arg-type]
        lambda: flashdelta.apply(OLD, patch(), progress="no"),  # type: ignore[arg-type]
        lambda: DeviceProfile("x", 1, codecs="raw"),  # type: ignore[arg-type]
        lambda: flashdelta.Image.from_bytes("text"),  # type: ignore[arg-type]
        lambda: flashdelta.Image([(0, b"text")]),  # type: ignore[list-item]
        lambda: Segment(0, "text"),  # type: ignore[arg-type]
        lambda: flashdelta.Image.from_bytes(b"", speed=3),  # type: ignore[call-arg]
    ],
)
def test_wrong_types_are_type_errors(call: Callable[[], Any]) -> None:
    with pytest.raises(TypeError):
        call()


def test_absurd_workspaces_are_refused() -> None:
    # The header claims 1 GiB of RAM, and its checksum is right.
    absurd = bytes.fromhex(
        "46445000410000008080800200d00f0501e3b0c44298fc1c149afbf4c8"
        + 32 * "00"
        + "eadfa0c800219a1f01"
    )
    assert flashdelta.Patch(absurd).info.ram == 1 << 30
    for apply in (flashdelta.apply, flashdelta.verify):
        with pytest.raises(flashdelta.OutOfRamError) as caught:
            apply(b"", absurd)
        assert caught.value.kind == "workspace-too-small"
    applier = flashdelta.Applier(b"")
    with pytest.raises(flashdelta.OutOfRamError):
        applier.feed(absurd)


def test_a_range_leaves_out_what_is_outside() -> None:
    # 4 bytes at 0, and 2 at 0x40, which no device of this range holds.
    old = b":0400000000010203F6\n:020040000405B5\n:00000001FF\n"
    new = b":0400000000010204F5\n:020040000405B5\n:00000001FF\n"
    patch = flashdelta.diff(old, new, range=(0, 0x40))
    assert patch.info.new_size == 4
    assert flashdelta.apply(old, patch) == new


def test_one_of_several_memories_is_read() -> None:
    segment = Segment(0x1000_0000, bytes(range(256)))
    for family, other in [(7, 8), (8, 7)]:
        both = [flashdelta.Image([segment]).to_bytes("uf2", family=number) for number in (7, 8)]
        image = flashdelta.Image.from_bytes(both[family - 7], family=family)
        assert image.segments == (segment,)
        with pytest.raises(flashdelta.ImageError):
            flashdelta.Image.from_bytes(both[family - 7], family=other)
    # A signature, as some tools append it.
    signed = b":0400000000010203F6\n:020000FDABCD89\n:00000001FF\n"
    with pytest.raises(flashdelta.ImageError) as caught:
        flashdelta.Image.from_bytes(signed)
    assert caught.value.kind == "unknown-record"
    assert flashdelta.Image.from_bytes(signed, unknown_records=True).segments[0].data == b"\0\1\2\3"
    changed = signed.replace(b"10203F6", b"10204F5")
    patch = flashdelta.diff(signed, changed, read={"unknown_records": True})
    assert flashdelta.apply(signed, patch) == changed and patch.info.new_size == 4
    for wrong in ({"board": 1 << 16}, {"image": 0}, {"family": -1}):
        with pytest.raises(flashdelta.OptionError):
            flashdelta.diff(signed, changed, read=wrong)  # type: ignore[arg-type]


def test_a_profile_may_be_named_by_its_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "heron.toml"
    path.write_text('like = "small"\nram = 9000')
    assert flashdelta.diff(OLD, NEW, profile=str(path)) == flashdelta.diff(
        OLD, NEW, profile=DeviceProfile.load(path)
    )
    with pytest.raises(flashdelta.OptionError, match="a file that describes one"):
        flashdelta.diff(OLD, NEW, profile=str(tmp_path / "none.toml"))


def test_a_profile_keeps_all_that_its_file_says(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "heron.toml"
    path.write_text('like = "small"\nslot = "256KiB"\nscratch = 2\n')
    heron = DeviceProfile.load(path)
    assert (heron.slot, heron.scratch) == (256 << 10, 2)
    # As for the program, what may be asked for is that of the profile it is like.
    assert heron.codecs_on_request == DeviceProfile.small().codecs_on_request == ("raw", "lz4")
    assert flashdelta.diff(OLD, NEW, profile=heron, codec="lz4").info.codec == "lz4"
    with pytest.raises(flashdelta.DiffError):
        flashdelta.diff(OLD, NEW, profile=heron.replace(codecs=["model"]), codec="lz4")


def test_warnings_have_a_kind() -> None:
    with pytest.warns(flashdelta.FlashdeltaWarning, match="the same as the old file") as told:
        flashdelta.diff(OLD, OLD)
    assert [warning.message.kind for warning in told] == ["same"]  # type: ignore[union-attr]


def test_kinds_are_those_of_the_document() -> None:
    document = pathlib.Path(__file__).parents[3] / "docs" / "errors.md"
    rows = [
        line.split("|")[1:-1]
        for line in document.read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    # Those of fleets have fewer columns: they have one class in Python.
    listed = {row[0].strip().strip("`"): row[4].strip().strip("`") for row in rows if len(row) == 7}
    assert len(listed) > 100
    for name in set(listed.values()) - {"-"}:
        assert issubclass(getattr(flashdelta, name), flashdelta.Error), name
    for call, _, _, _, _ in CASES:
        with pytest.raises(flashdelta.Error) as caught:
            call()
        # "option": wrong arguments, which only Python looks at.
        if caught.value.kind not in ("option", "write"):
            assert listed[caught.value.kind] == type(caught.value).__name__, caught.value.kind


def test_a_missing_file_is_both() -> None:
    for kind in (FileNotFoundError, OSError, flashdelta.FileError, flashdelta.Error):
        with pytest.raises(kind):
            flashdelta.Image.open("/no/such/file")


def test_every_error_is_documented_and_public() -> None:
    found = {flashdelta.Error}
    todo = [flashdelta.Error]
    while todo:
        for cls in todo.pop().__subclasses__():
            found.add(cls)
            todo.append(cls)
    for cls in found:
        assert (
            cls.__doc__
            and getattr(flashdelta, cls.__name__) is cls
            and cls.__module__ == "flashdelta"
        )
