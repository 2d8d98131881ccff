"""Signed patches and chunks."""

from __future__ import annotations

import json
import pathlib
import stat

import pytest

import flashdelta

OLD = bytes(range(256)) * 40
NEW = OLD[:5000] + b"a new part of the firmware" + OLD[4900:]
SIGNED = pathlib.Path(__file__).parents[3] / "testdata" / "signed"


def patch(**options: object) -> flashdelta.Patch:
    return flashdelta.diff(OLD, NEW, ram=16384, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", ["ed25519", "p256"])
def test_only_what_a_trusted_key_has_signed(algorithm: flashdelta.SignatureAlgorithm) -> None:
    key, other = flashdelta.generate_key(algorithm), flashdelta.generate_key(algorithm)
    signed = flashdelta.sign(patch(), key.private)
    assert flashdelta.signatures(signed) == [(algorithm, key.key_id)]
    assert flashdelta.apply(OLD, signed) == NEW
    assert flashdelta.apply(OLD, signed, key=[other.public, key.public]) == NEW
    assert flashdelta.verify(OLD, signed, key=key.public).signature_count == 1
    with pytest.raises(flashdelta.UnknownKeyError) as caught:
        flashdelta.apply(OLD, signed, key=other.public)
    assert (caught.value.kind, caught.value.key_id) == ("unknown-key", key.key_id)
    with pytest.raises(flashdelta.UnsignedError):
        flashdelta.verify(OLD, patch(), key=key.public)
    with pytest.raises(flashdelta.WrongChunkError) as wrong:
        flashdelta.apply(OLD, bytes(signed)[:-1] + bytes([bytes(signed)[-1] ^ 1]), key=key.public)
    assert wrong.value.end == len(bytes(signed))


def test_the_push_applier_has_the_same_policy() -> None:
    key = flashdelta.generate_key()
    signed = bytes(flashdelta.sign(patch(), key.private))
    with flashdelta.Applier(OLD, key=key.public) as applier:
        for i in range(0, len(signed), 7):
            applier.feed(signed[i : i + 7])
        assert applier.finish() == NEW
    with (
        flashdelta.Applier(OLD, key=key.public) as applier,
        pytest.raises(flashdelta.UnsignedError),
    ):
        applier.feed(bytes(patch()))


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_a_wrong_chunk_is_named_and_fed_again(size: int) -> None:
    key = flashdelta.generate_key()
    signed = bytes(flashdelta.sign(patch(chunks=256), key.private))
    mended = 0
    for at in range(200, len(signed), 37):
        damaged = bytearray(signed)
        damaged[at] ^= 1
        with flashdelta.Applier(OLD, key=key.public) as applier:
            try:
                for i in range(0, len(signed), size):
                    applier.feed(bytes(damaged[i : i + size]))
            except flashdelta.WrongChunkError as wrong:
                if wrong.start is None:
                    # The table: that is the end.
                    with pytest.raises(flashdelta.MisuseError):
                        applier.feed(signed)
                    continue
                assert wrong.end is not None and wrong.start <= at < wrong.end
                applier.feed(signed[wrong.start :])
                assert applier.finish() == NEW
                mended += 1
            except flashdelta.NotAuthenticError:
                pass
    assert mended > 0


def test_a_signature_may_be_made_elsewhere() -> None:
    message = flashdelta.sign_message(patch())
    assert len(message) == 48 and message.startswith(b"flashdelta patch")
    key = flashdelta.generate_key()
    made = flashdelta.sign(patch(), key.private)
    signature = bytes(made)[-len(bytes(patch())) - 200 :]  # not one
    with pytest.raises(flashdelta.KeyFileError):
        flashdelta.attach_signature(patch(), signature, key.public)
    with pytest.raises(flashdelta.WrongSignatureError):
        flashdelta.attach_signature(patch(), bytes(64), key.public)


def test_keys_in_files(tmp_path: pathlib.Path) -> None:
    key = flashdelta.generate_key("p256")
    key.save(tmp_path / "release.pem")
    assert stat.S_IMODE((tmp_path / "release.pem").stat().st_mode) == 0o600
    with pytest.raises(flashdelta.FileError):
        key.save(tmp_path / "release.pem")
    signed = flashdelta.sign(patch(), tmp_path / "release.pem")
    flashdelta.verify(OLD, signed, key=tmp_path / "release.pub.pem")
    assert flashdelta.key_id(tmp_path / "release.pub.pem") == key.key_id
    with pytest.raises(flashdelta.KeyFileError, match="private key"):
        flashdelta.verify(OLD, signed, key=key.private)


def test_chunks() -> None:
    assert patch().info.chunk_size == 0
    info = patch(chunks=256).info
    assert info.chunk_size == 256 and info.chunk_ram >= 256
    assert patch(chunks="auto").info.chunk_size >= 256
    for chunks in (300, 128):
        with pytest.raises(flashdelta.OptionError):
            patch(chunks=chunks)


@pytest.mark.skipif(not SIGNED.exists(), reason="the repository's test data is not there")
def test_the_vectors_of_the_repository() -> None:
    seen = 0
    for path in SIGNED.glob("*.json"):
        vector = json.loads(path.read_text())
        keys = [SIGNED / name for name in vector.get("keys", [])] or None
        old, data = (SIGNED / vector["old"]).read_bytes(), (SIGNED / vector["patch"]).read_bytes()
        if "new" in vector:
            assert flashdelta.apply(old, data, key=keys) == (SIGNED / vector["new"]).read_bytes(), (
                path.name
            )
        else:
            with pytest.raises(flashdelta.ApplyError) as caught:
                flashdelta.apply(old, data, key=keys)
            expected = vector["error"].replace("too-large", "field-too-large")
            assert caught.value.kind == expected, path.name
        seen += 1
    assert seen > 40
