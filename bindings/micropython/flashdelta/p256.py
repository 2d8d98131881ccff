"""Signatures by P-256 (ECDSA with SHA-256), in plain MicroPython: it has large numbers.

`Keys` is the `verify` of an Applier. Nothing here is secret, so nothing takes care of time.
"""

import hashlib

_P = (1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)
# A public key as SubjectPublicKeyInfo in DER: this, and the two coordinates.
_DER = b"0Y0\x13\x06\x07*\x86H\xce=\x02\x01\x06\x08*\x86H\xce=\x03\x01\x07\x03B\0\x04"
_P256 = 2


class Keys:
    """The keys that are trusted: each the 64 bytes x, y of a public key.

    `tail -c 64` of `openssl pkey -pubin -in KEY.pub.pem -outform DER` gives them.
    """

    def __init__(self, *points):
        self._points = {}
        for point in points:
            x = int.from_bytes(point[:32], "big")
            y = int.from_bytes(point[32:], "big")
            if len(point) != 64 or x >= _P or (y * y - x * x * x + 3 * x - _B) % _P:
                raise ValueError("no public key for P-256")
            self._points[hashlib.sha256(_DER + point).digest()[:8]] = (x, y, 1)

    def __call__(self, key, algorithm, message, signature):
        point = self._points.get(key)
        if point is None or algorithm != _P256:
            return None
        return verify(point, hashlib.sha256(message).digest(), signature)


def verify(point, digest, signature):
    """Whether the signature (r, s: 32 bytes each, big-endian) of the digest is by this key."""
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    if not (0 < r < _N and 0 < s < _N):
        return False
    w = pow(s, _N - 2, _N)
    u = int.from_bytes(digest, "big") * w % _N
    v = r * w % _N
    both = _add(_G, point)
    sum = None
    for i in range(255, -1, -1):
        sum = _double(sum)
        bits = (u >> i & 1) + 2 * (v >> i & 1)
        if bits:
            sum = _add(sum, (_G, point, both)[bits - 1])
    if sum is None:
        return False
    z = pow(sum[2], _P - 2, _P)
    return sum[0] * z * z % _P % _N == r


def _double(a):
    """Points are (x / z^2, y / z^3); None is the one at infinity."""
    if a is None:
        return None
    x, y, z = a
    if not y:
        return None
    yy = y * y % _P
    s = 4 * x * yy % _P
    zz = z * z % _P
    m = 3 * (x - zz) * (x + zz) % _P
    x = (m * m - 2 * s) % _P
    return x, (m * (s - x) - 8 * yy * yy) % _P, 2 * y * z % _P


def _add(a, b):
    if a is None:
        return b
    if b is None:
        return a
    x, y, z = a
    u, v, w = b
    zz = z * z % _P
    ww = w * w % _P
    x = x * ww % _P
    h = (u * zz - x) % _P
    y = y * w * ww % _P
    r = (v * z * zz - y) % _P
    if not h:
        return None if r else _double(a)
    hh = h * h % _P
    hhh = h * hh % _P
    x = x * hh % _P
    t = (r * r - hhh - 2 * x) % _P
    return t, (r * (x - t) - y * hhh) % _P, h * z * w % _P
