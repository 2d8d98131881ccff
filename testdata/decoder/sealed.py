# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 11: chunks and signatures."""
from dataclasses import dataclass

from . import header as headers
from .wire import Refused, sha256

ED25519, P256 = 1, 2


@dataclass
class Signature:
    algorithm: int
    key_id: bytes
    value: bytes


def check_chunks(header, patch):
    """Whether every byte is what the header vouches for, if it has a chunk root."""
    if not header.chunk:
        return
    table = patch[header.table:header.start]
    if sha256(table) != header.root:
        raise Refused("wrong-table", "the chunk table")
    end = header.start + header.body
    pieces = [patch[at:min(at + header.chunk, end)]
              for at in range(header.start, end, header.chunk)]
    if header.host:
        pieces.append(patch[end:end + header.host])
    for i, piece in enumerate(pieces):
        if sha256(piece)[:16] != table[16 * i:16 * i + 16]:
            raise Refused("wrong-chunk", f"chunk {i}")


def message(header, patch):
    """What is signed."""
    return b"flashdelta patch" + sha256(patch[:header.length])


def signatures(header, patch):
    if len(patch) < header.table:
        raise Refused("truncated", "it ends in the signatures")
    start = header.length + 1
    for at in range(start, start + 73 * header.signatures, 73):
        yield Signature(patch[at], patch[at + 1:at + 9], patch[at + 9:at + 73])


def check_signature(patch, keys):
    """Whether the patch is signed with one of these public keys of the package `cryptography`."""
    header = headers.read(patch)
    error = "unsigned"
    for found in signatures(header, patch):
        key = keys.get((found.algorithm, found.key_id))
        if key is None:
            error = "unknown-key" if error == "unsigned" else error
        elif verify(found.algorithm, key, found.value, message(header, patch)):
            return
        else:
            error = "wrong-signature"
    raise Refused(error, "no signature is right")


def keys_of(pems):
    """Public keys by algorithm and id; needs the package `cryptography`."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    keys = {}
    for pem in pems:
        key = serialization.load_pem_public_key(pem)
        spki = key.public_bytes(serialization.Encoding.DER,
                                serialization.PublicFormat.SubjectPublicKeyInfo)
        algorithm = ED25519 if isinstance(key, ed25519.Ed25519PublicKey) else P256
        keys[algorithm, sha256(spki)[:8]] = key
    return keys


def verify(algorithm, key, value, signed):
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    try:
        if algorithm == ED25519:
            key.verify(value, signed)
        else:
            r, s = (int.from_bytes(half, "big") for half in (value[:32], value[32:]))
            key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
