#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes the vectors of signed patches, from section 11 of docs/format.md alone.    make.py
[--check]

Needs `openssl` and the package `cryptography`: half of the signatures are made by each. `--check`
writes nothing; it checks every signature and digest that is there with `cryptography`, and that all
else is what would be written. NAME.json is as in ../vectors, and may have

    keys    the public keys of which one must have signed the patch
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent))

from decoder import apply, header as headers, host, sealed
from decoder.wire import Refused, crc32, number, sha256

VECTORS = here.parent / "vectors"
KEYS = {"ed25519": ["-algorithm", "ed25519"],
        "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "other-ed25519": ["-algorithm", "ed25519"],
        "other-p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]}


def openssl(*arguments, given=None):
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True,
                          check=True).stdout


def make_keys():
    """Keys are made once: everything else depends on them."""
    for name, kind in KEYS.items():
        path = here / f"{name}.pem"
        if not path.exists():
            path.write_bytes(openssl("genpkey", *kind))
            (here / f"{name}.pub.pem").write_bytes(openssl("pkey", "-in", str(path), "-pubout"))
        if "p256" in name:
            # As devices hold it: the end of its SubjectPublicKeyInfo.
            spki = openssl("pkey", "-in", str(path), "-pubout", "-outform", "DER")
            (here / f"{name}.point").write_bytes(spki[-65:])


class Key:
    def __init__(self, name):
        self.path = here / f"{name}.pem"
        self.private = serialization.load_pem_private_key(self.path.read_bytes(), None)
        self.algorithm = 1 if isinstance(self.private, ed25519.Ed25519PrivateKey) else 2
        spki = openssl("pkey", "-in", str(self.path), "-pubout", "-outform", "DER")
        self.key_id = sha256(spki)[:8]

    def sign(self, message, by):
        value = getattr(self, by)(message)
        if self.algorithm == 2:
            r, s = utils.decode_dss_signature(value)
            value = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return bytes([self.algorithm]) + self.key_id + value

    def cryptography(self, message):
        if self.algorithm == 1:
            return self.private.sign(message)
        return self.private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))

    def openssl(self, message):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "message"
            file.write_bytes(message)
            if self.algorithm == 1:
                return openssl("pkeyutl", "-sign", "-rawin", "-inkey", str(self.path), "-in",
                               str(file))
            return openssl("dgst", "-sha256", "-sign", str(self.path), str(file))


def fields(patch):
    """Where the features are, and where the chunk fields belong."""
    at = 5 if patch[4] < 0x80 else 6
    r = headers.HeaderReader(patch, at, headers.read(patch).length)
    features = r.varint()
    after_features = r.at
    r.u8(), r.u8(), r.varint(), r.varint(), r.varint(), r.varint()
    if features & headers.HOST:
        r.varint()
    return at, features, after_features, r.at


def seal(content):
    """A header: the length and the checksum around its fields."""
    length = 4 + 1 + len(content) + 4
    length += length >= 0x80
    start = b"FDP\0" + number(length) + content
    return start + crc32(start).to_bytes(4, "little")


def chunked(patch, log, features=0, root=None):
    """(header, table, body and host section) of a patch with chunks."""
    found = headers.read(patch)
    start, bits, after, at = fields(patch)
    rest = patch[found.start:]
    body, section = rest[:found.body], rest[found.body:]
    pieces = [body[i:i + (1 << log)] for i in range(0, len(body), 1 << log)]
    table = b"".join(sha256(piece)[:16] for piece in pieces + ([section] if section else []))
    chunk_fields = bytes([log]) + (sha256(table) if root is None else root)
    bits |= headers.CHUNKS | features
    content = number(bits) + patch[after:at] + chunk_fields + patch[at:found.length - 4]
    return seal(content), table, rest


def signed(patch, *signers, log=8, root=None, count=None, change=lambda header: header):
    """A patch with signatures; `change` is made to the header after they are."""
    header, table, rest = chunked(patch, log, headers.SIGNATURES, root)
    message = b"flashdelta patch" + sha256(header)
    entries = b"".join(key.sign(message, by) for key, by in signers)
    count = len(signers) if count is None else count
    return change(header) + bytes([count]) + entries + table + rest


def with_chunks(patch, log=8):
    return b"".join(chunked(patch, log))


def flipped(patch, at):
    changed = bytearray(patch)
    changed[at] ^= 0x10
    return bytes(changed)


def resealed(header):
    """Another RAM, and the checksum that belongs to it."""
    at = 5 if header[4] < 0x80 else 6
    changed = bytearray(header)
    changed[at + 3] += 1
    return bytes(changed[:-4]) + crc32(bytes(changed[:-4])).to_bytes(4, "little")


def base(name):
    entry = json.loads((VECTORS / f"{name}.json").read_text())
    return entry, *((VECTORS / entry[key]).read_bytes() for key in ("old", "patch", "new"))


def vectors():
    """name: (what, kind, old, patch, new or error, keys)"""
    ed, p256, other, other_p256 = (Key(name) for name in KEYS)
    found = {}

    def put(of, name, what, patch, error=None, keys=()):
        entry, old, _, new = base(of)
        found[name] = (what, entry["kind"], old, patch, error or new, keys)

    riscv, uf2 = base("drawn-riscv")[2], base("files-uf2")[2]
    made, ssl = "cryptography", "openssl"
    image = lambda *a, **k: put("drawn-riscv", *a, **k)
    file = lambda *a, **k: put("files-uf2", *a, **k)
    image("chunks", "Chunks of 256 bytes, no signature.", with_chunks(riscv))
    image("chunks-of-64-kib", "The largest chunks: one.", with_chunks(riscv, 16))
    file("chunks-and-host-section", "The host section has a digest of its own.", with_chunks(uf2))
    for name, key in (("ed25519", ed), ("p256", p256)):
        for by in (made, ssl):
            image(f"signed-{name}-{by}", f"Signed by {by}.", signed(riscv, (key, by)), keys=[name])
    file("signed-host-section", "A signature vouches for the host section, too.",
         signed(uf2, (ed, made)), keys=["ed25519"])
    both = signed(riscv, (ed, ssl), (p256, made))
    image("signed-twice", "One of two signatures is by the key that is trusted.", both,
          keys=["p256"])
    image("signed-twice-one-wrong", "The wrong one of two does no harm.",
          flipped(both, headers.read(both).length + 40), keys=["ed25519", "p256"])
    image("signed-four-times", "As many signatures as there may be.",
          signed(riscv, (other, made), (p256, made), (other_p256, made), (ed, made)),
          keys=["ed25519"])
    image("signature-not-asked-for", "A signature that nobody asks for is not looked at.",
          flipped(signed(riscv, (ed, made)), headers.read(both).length + 40))
    nine = bytearray(both)
    nine[headers.read(both).length + 1] = 9
    image("signed-by-the-future", "An algorithm without a name is no reason to refuse.",
          bytes(nine),
          keys=["p256"])
    bad(image, file, riscv, uf2, (ed, made), (p256, made), (other, made))
    return found


def bad(image, file, riscv, uf2, ed, p256, other):
    one = signed(riscv, ed)
    start = headers.read(one)
    image("bad-unsigned", "A signature is required.", riscv, "unsigned", ["ed25519"])
    image("bad-chunks-unsigned", "Chunk digests are no signature.", with_chunks(riscv), "unsigned",
          ["ed25519", "p256"])
    image("bad-key", "Signed by a key that is not trusted.", signed(riscv, other), "unknown-key",
          ["ed25519", "p256"])
    image("bad-signature", "A bit of the signature is wrong.", flipped(one, start.length + 50),
          "wrong-signature", ["ed25519"])
    image("bad-p256-signature", "A bit of the signature is wrong.",
          flipped(signed(riscv, p256), start.length + 50), "wrong-signature", ["p256"])
    image("bad-signed-header",
          "The header was changed after it was signed, its checksum made right.",
          signed(riscv, ed, change=resealed), "wrong-signature", ["ed25519"])
    swapped = bytearray(one)
    swapped[start.length + 1] = 2
    image("bad-algorithm", "A key belongs to one algorithm.", bytes(swapped), "unknown-key",
          ["ed25519"])
    swapped[start.length + 1] = 3
    image("bad-algorithm-unknown", "Nobody knows this algorithm.", bytes(swapped), "unknown-key",
          ["ed25519"])
    zero = bytearray(signed(riscv, p256))
    zero[start.length + 10:start.length + 74] = bytes(64)
    image("bad-zero-signature", "r and s are 0, which no signature has.", bytes(zero),
          "wrong-signature", ["p256"])
    image("bad-stripped",
          "The signature was taken away, and the header made one of an unsigned patch.",
          with_chunks(riscv), "unsigned", ["ed25519"])
    for name, patch, keys in (("", with_chunks(riscv), ()), ("signed-", one, ["ed25519"])):
        found = headers.read(patch)
        image(f"bad-{name}table", "A bit of the chunk table is wrong.",
              flipped(patch, found.table + 20),
              "wrong-table", keys)
        image(f"bad-{name}chunk", "A bit of the second chunk is wrong.",
              flipped(patch, found.start + 300),
              "wrong-chunk", keys)
        image(f"bad-{name}cut", "The last byte is missing.", patch[:-1], "truncated", keys)
        image(f"bad-{name}cut-table", "It ends in the chunk table.", patch[:found.table + 20],
              "truncated", keys)
    file("bad-signed-host-section", "A bit of the host section is wrong.",
         flipped(signed(uf2, ed), -9), "wrong-chunk", ["ed25519"])
    image("bad-root", "The root is not that of the table.", signed(riscv, ed, root=bytes(32)),
          "wrong-table", ["ed25519"])
    image("bad-cut-signature", "It ends in the signature.", one[:start.length + 30], "truncated",
          ["ed25519"])
    image("bad-cut-count", "It ends with the header.", one[:start.length], "truncated", ["ed25519"])
    image("bad-count-0", "Signed by nobody.", signed(riscv, ed, count=0), "bad-number", ["ed25519"])
    image("bad-count-5", "More signatures than there may be.", signed(riscv, *[ed] * 5),
          "too-large",
          ["ed25519"])
    for log, error in ((7, "bad-number"), (17, "too-large"), (0, "bad-number"), (255, "too-large")):
        header = bytearray(with_chunks(riscv))
        at = fields(with_chunks(riscv))[3]
        header[at] = log
        end = headers.read(with_chunks(riscv)).length
        header[end - 4:end] = crc32(bytes(header[:end - 4])).to_bytes(4, "little")
        image(f"bad-chunk-size-{log}", f"Chunks of 2^{log} bytes.", bytes(header), error)


def outcome(kind, old, patch, keys):
    """What the independent decoder makes of it."""
    try:
        if keys:
            pems = [(here / f"{key}.pub.pem").read_bytes() for key in keys]
            sealed.check_signature(patch, sealed.keys_of(pems))
        return (apply.new_image if kind == "patch" else host.new_file)(old, patch)
    except Refused as error:
        return error.kind


def files_of(found):
    files, names = {}, {}

    def put(name, data):
        if data not in names:
            names[data] = name
            files[name] = data
        return names[data]

    for name, (what, kind, old, patch, new, keys) in found.items():
        entry = {"what": what, "kind": kind, "old": put(f"{name}.old", old),
                 "patch": put(f"{name}.patch", patch)}
        if keys:
            entry["keys"] = [f"{key}.pub.pem" for key in keys]
        if isinstance(new, str):
            entry["error"] = new
        else:
            entry["new"] = put(f"{name}.new", new)
        files[f"{name}.json"] = (json.dumps(entry, indent=2) + "\n").encode()
    return files


def is_random(name):
    """OpenSSL's signatures on P-256 differ each time."""
    return "p256-openssl" in name


def main():
    check = "--check" in sys.argv[1:]
    if not check:
        make_keys()
    found = vectors()
    files = files_of(found)
    for name, data in files.items():
        path = here / name
        if check and not (path.exists() and (is_random(name) or path.read_bytes() == data)):
            sys.exit(f"{name} is not what make.py writes")
        if not check and not (is_random(name) and path.exists()):
            path.write_bytes(data)
    for name, (_, kind, old, patch, new, keys) in found.items():
        if is_random(name):
            patch = (here / f"{name}.patch").read_bytes()
        if outcome(kind, old, patch, keys) != new:
            sys.exit(f"{name}: {outcome(kind, old, patch, keys)}")
    known = (
        set(files) | {"make.py"} | {f"{key}{end}" for key in KEYS for end in (".pem", ".pub.pem")}
    )
    known |= {f"{key}.point" for key in KEYS if "p256" in key}
    extra = {path.name for path in here.iterdir()} - known
    if extra:
        sys.exit(f"not of make.py: {sorted(extra)}")
    print(f"{len(found)} vectors, {len(files)} files")


if __name__ == "__main__":
    main()
