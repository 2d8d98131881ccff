"""Keys and signatures."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from typing import Literal, NamedTuple, Union, cast

from . import _native
from ._arguments import as_bytes
from ._errors import FileError, OptionError
from ._patch import Patch
from ._types import BytesLike, FilePath, Source

#: Algorithms of signatures: Ed25519 (RFC 8032), and ECDSA on the curve P-256 with SHA-256.
SignatureAlgorithm = Literal["ed25519", "p256"]

#: A key: the path of a PEM file, or its text as `bytes`, or a `KeyPair`'s half.
Key = Union[FilePath, BytesLike]


class KeyPair(NamedTuple):
    """A new key, both halves in PEM as OpenSSL reads it."""

    #: PKCS#8: for whoever signs, and nobody else.
    private: bytes
    #: SubjectPublicKeyInfo: for devices, and whoever checks patches.
    public: bytes

    @property
    def key_id(self) -> bytes:
        """What signatures name the key by: 8 bytes."""
        return key_id(self.public)

    def save(self, path: FilePath) -> None:
        """Write both halves, the private one readable by you only. Files that are there are not
        replaced.

        Parameters
        ----------
        path : str or os.PathLike
            Where the private key goes; the public one goes beside it, with ``.pub.pem`` for
            ``.pem``.
        """
        private = pathlib.Path(os.fsdecode(path))
        public = (
            private.with_suffix(".pub.pem")
            if private.suffix == ".pem"
            else pathlib.Path(f"{private}.pub.pem")
        )
        for name, data, mode in ((private, self.private, 0o600), (public, self.public, 0o644)):
            try:
                descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            except OSError as error:
                raise FileError(
                    f"cannot write {name}: {error.strerror}",
                    kind="write",
                    errno=error.errno,
                    strerror=error.strerror,
                    filename=str(name),
                ) from error
            with open(descriptor, "wb") as file:
                file.write(data)


def generate_key(algorithm: SignatureAlgorithm = "ed25519") -> KeyPair:
    """Make a key that signs patches.

    Parameters
    ----------
    algorithm : {"ed25519", "p256"}
        What it is for.

    Examples
    --------
    >>> import flashdelta
    >>> key = flashdelta.generate_key()
    >>> patch = flashdelta.diff(b"the old firmware", b"the new firmware")
    >>> signed = flashdelta.sign(patch, key.private)
    >>> flashdelta.verify(b"the old firmware", signed, key=key.public).signature_count
    1
    >>> flashdelta.verify(b"the old firmware", patch, key=key.public)
    Traceback (most recent call last):
        ...
    flashdelta.UnsignedError: the patch is not signed, and a signature is required...
    """
    private, public = _native.generate_key(algorithm)
    return KeyPair(private.encode(), public.encode())


def sign(patch: Source, key: Key) -> Patch:
    """Sign a patch; it may be signed already. No byte of what is decoded changes; one without chunk
    digests gets them.

    Parameters
    ----------
    patch : bytes-like, str or os.PathLike
        The patch.
    key : bytes, str or os.PathLike
        The private key in PEM, or the path of its file.

    Returns
    -------
    Patch
        The same patch with one more signature, at most four.
    """
    return Patch(_native.sign_patch(patch, pem(key)))


def sign_message(patch: Source) -> bytes:
    """What is to be signed, 48 bytes: for keys that are in a hardware module or with a service. See
    `attach_signature`.

    Parameters
    ----------
    patch : bytes-like, str or os.PathLike
        The patch.
    """
    return _native.sign_message(patch)


def attach_signature(patch: Source, signature: bytes, key: Key) -> Patch:
    """Attach a signature that was made somewhere else over `sign_message`. It is checked.

    Parameters
    ----------
    patch : bytes-like, str or os.PathLike
        The patch.
    signature : bytes
        64 bytes; for P-256 also in DER, as OpenSSL and services write it.
    key : bytes, str or os.PathLike
        The public key in PEM, or the path of its file.
    """
    return Patch(_native.attach_signature(patch, as_bytes("signature", signature), pem(key)))


def signatures(patch: Source) -> list[tuple[str, bytes]]:
    """Algorithm and key id of each signature of a patch. They are not checked: `verify` with a key
    does that.

    Parameters
    ----------
    patch : bytes-like, str or os.PathLike
        The patch.
    """
    return [(algorithm, bytes(key)) for algorithm, key in _native.signatures(patch)]


def key_id(key: Key) -> bytes:
    """What signatures name a public key by: the first 8 bytes of the SHA-256 of its
    SubjectPublicKeyInfo.

    Parameters
    ----------
    key : bytes, str or os.PathLike
        The public key in PEM, or the path of its file.
    """
    return bytes(_native.key_fields(pem(key), False)[1])


def pem(key: Key) -> str:
    """The text of a key."""
    if isinstance(key, (str, os.PathLike)):
        data = _native.read_file(key)
    else:
        data = as_bytes("key", key)
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise OptionError(
            "key: expected the path of a PEM file, or its text as bytes", kind="option"
        ) from None


def pems(key: Key | Sequence[Key] | None) -> list[str]:
    """The texts of the keys that are trusted."""
    if key is None:
        return []
    if isinstance(key, (list, tuple)):
        if not key:
            raise OptionError("key: the list of trusted keys is empty", kind="option")
        return [pem(one) for one in key]
    return [pem(cast(Key, key))]
