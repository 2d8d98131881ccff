"""What goes to other processes comes back the same."""

from __future__ import annotations

import copy
import pickle

import cloudpickle
import pytest

import flashdelta
from flashdelta import DeviceIdentity, DeviceProfile, Identity, Image, Segment

OBJECTS = [
    DeviceProfile.linux(),
    DeviceProfile("heron", 12_345, page=8, isas=["thumb"]),
    Identity("heron", 1, 2, 3),
    DeviceIdentity(7, 8, 9),
    flashdelta.diff(b"old" * 99, b"new" * 99),
    flashdelta.diff(b"old" * 99, b"new" * 99, identity=Identity("heron")).info,
    flashdelta.diff(b"old" * 99, b"new" * 99).report,
    flashdelta.Patch(bytes(flashdelta.diff(b"old", b"new"))),
    Image([Segment(1, b"2")], entry=1),
    flashdelta.address_map(b"firmware"),
    flashdelta.DiffProgress("match", 0.5),
    flashdelta.ApplyProgress(False, 1, 2),
    {"profile": DeviceProfile.small(), "effort": 3},
]


@pytest.mark.parametrize("value", OBJECTS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(value: object, protocol: int) -> None:
    assert pickle.loads(pickle.dumps(value, protocol)) == value
    assert cloudpickle.loads(cloudpickle.dumps(value)) == value
    assert copy.deepcopy(value) == value


def test_a_patch_keeps_its_report() -> None:
    patch = flashdelta.diff(b"old" * 99, b"new" * 99)
    assert pickle.loads(pickle.dumps(patch)).report == patch.report is not None
    assert flashdelta.Patch(bytes(patch)).report is None


def test_errors_keep_notes_and_fields() -> None:
    error = flashdelta.FileMissingError(
        "no", kind="read", errno=2, strerror="none", filename="x", offset=None
    )
    error.add_note("pair 3")
    again = pickle.loads(pickle.dumps(error))
    assert (
        again.__notes__ == ["pair 3"]
        and again.errno == 2
        and again.filename == "x"
        and again.kind == "read"
    )


def test_values_compare_and_hash() -> None:
    assert DeviceProfile.named("tiny") == DeviceProfile.tiny() != DeviceProfile.small()
    assert len({DeviceProfile.tiny(), DeviceProfile.tiny(), DeviceProfile.small()}) == 2
    assert eval(repr(DeviceProfile.tiny())) == DeviceProfile.tiny()
    assert eval(repr(Identity(5, 1, 2, 3))) == Identity(5, 1, 2, 3)
    with pytest.raises(AttributeError):
        DeviceProfile.tiny().ram = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        flashdelta.diff(b"", b"x").info.ram = 3  # type: ignore[misc]
