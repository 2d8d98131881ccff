# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 10: bundles."""
from dataclasses import dataclass

from . import apply, host, recipes
from .archives import MOST_MEMBERS, WHOLE_FOLDER, Contents
from .wire import Reader, Refused, crc32, sha256

SAME, PATCH, COMMON, FULL, VERBATIM, BUNDLE = range(6)
MOST_LEVELS = 3
MOST_OF_A_NAME = 1024
SMALL = 4096


@dataclass
class Member:
    method: int
    old_inflated: bool
    gap: int
    size: int
    content: int
    old: int = None
    recipe: int = None
    part: int = 0


@dataclass
class Info:
    length: int
    old_container: int
    old_size: int
    new_size: int
    old_digest: bytes
    new_digest: bytes
    common: int
    members: list

    def template(self):
        return self.new_size - sum(m.size for m in self.members)


def read(bundle):
    if bundle[:3] != b"FDB"[:len(bundle)]:
        raise Refused("not-a-bundle", "it does not start with FDB")
    r = Reader(bundle, "truncated", 3)
    version = r.u8()
    if version:
        raise Refused("unsupported-version", f"version {version}")
    length = r.varint()
    if length > len(bundle):
        raise Refused("truncated", "the header is not complete")
    r.kind = "bad-field"
    r.require(r.at + 4 <= length, "header length")
    if crc32(bundle[:length - 4]) != int.from_bytes(bundle[length - 4:length], "little"):
        raise Refused("checksum", "checksum of the header")
    r.end = length - 4
    info = fields(r, length)
    total = length + info.common + sum(m.part for m in info.members)
    if len(bundle) < total:
        raise Refused("truncated", f"{total} bytes are stated")
    if len(bundle) > total:
        raise Refused("trailing-input", f"{total} bytes are stated")
    return info


def fields(r, length):
    features = r.varint()
    if features:
        raise Refused("unknown-feature", f"features {features:#x}")
    containers = r.u8()
    r.require(max(containers & 15, containers >> 4) <= WHOLE_FOLDER, "containers")
    info = Info(length, containers & 15, r.varint(), r.varint(), r.bytes(12), r.bytes(32),
                r.varint(), [])
    r.require(max(info.old_size, info.new_size) < 1 << 31, "sizes")
    expected = left = 0
    left = info.new_size
    count = r.varint()
    r.require(count <= MOST_MEMBERS, "number of members")
    for _ in range(count):
        member = read_member(r, expected)
        expected = expected if member.old is None else member.old + 1
        left -= member.gap + member.size
        r.require(left >= 0, "size of a member")
        info.members.append(member)
    r.require(r.left() == 0, "end of the header")
    return info


def read_member(r, expected):
    head = r.u8()
    method = head & 15
    r.require(method <= BUNDLE and head < 64, "method")
    gap, size = r.varint(), r.varint()
    m = Member(method, bool(head & 16), gap, size, size)
    if method in (SAME, PATCH, BUNDLE):
        m.old = expected + r.signed()
    if head & 32:
        m.content, m.recipe = r.varint(), r.varint()
        r.require(m.content <= 1032 * size, "content of a member")
    if method in (PATCH, FULL, VERBATIM, BUNDLE):
        m.part = r.varint()
    length = r.varint()
    r.require(length <= MOST_OF_A_NAME, "length of a name")
    try:
        r.bytes(length).decode()
    except UnicodeDecodeError:
        raise r.damaged("name") from None
    return m


def new_file(old, bundle, level=0):
    """The file that a bundle makes of an old one."""
    if level > MOST_LEVELS:
        raise Refused("too-deep", "bundles in bundles")
    info = read(bundle)
    if len(old) != info.old_size or sha256(old)[:12] != info.old_digest:
        raise Refused("old-mismatch", "the old file is another one")
    new = Builder(info, Contents(old, info.old_container), bundle, level).run()
    if sha256(new) != info.new_digest:
        raise Refused("new-mismatch", "the new file is wrong")
    return new


class Builder:
    def __init__(self, info, old, bundle, level):
        self.info, self.old, self.level = info, old, level
        self.body = Reader(bundle, "bad-field", info.length)
        recipe_bytes = sum(m.recipe or 0 for m in info.members)
        small = sum(m.content for m in info.members if m.method == COMMON)
        length = recipe_bytes + info.template() + small
        result = self.common_result(self.body.bytes(info.common), length)
        template = recipe_bytes + info.template()
        self.recipes = Reader(result, "bad-field", 0, recipe_bytes)
        self.template = Reader(result, "bad-field", recipe_bytes, template)
        self.small = Reader(result, "bad-field", template)

    def common_result(self, patch, length):
        if not patch and not length:
            return b""
        old = self.old.template()
        for i in range(len(self.old.members)):
            content = self.old.content(i)
            old += content if len(content) <= SMALL else b""
        return self.patched(old, patch, length)

    def patched(self, old, patch, length):
        try:
            header, _, section = apply.read(patch)
            if not section and header.new_size != length:
                raise Refused("member", "the size that a patch makes")
            return host.new_file(old, patch)
        except Refused as fault:
            raise Refused("member", str(fault)) from fault

    def run(self):
        out = b""
        for m in self.info.members:
            out += self.template.bytes(m.gap)
            content = self.content(m)
            if len(content) != m.content:
                raise Refused("bad-field", "size of a member")
            if m.recipe is not None:
                content = recipes.recreate(content, self.recipes.bytes(m.recipe))
                if len(content) != m.size:
                    raise Refused("bad-field", "size of a member")
            out += content
        return out + self.template.rest()

    def content(self, m):
        part = self.body.bytes(m.part)
        if m.method == SAME:
            return self.old_content(m)
        if m.method == PATCH:
            return self.patched(self.old_content(m), part, m.content)
        if m.method == FULL:
            return self.patched(b"", part, m.content)
        if m.method == COMMON:
            return self.small.bytes(m.content)
        if m.method == VERBATIM:
            return part
        return self.nested(m, part)

    def nested(self, m, part):
        try:
            if read(part).new_size != m.content:
                raise Refused("bad-field", "size of a member")
            return new_file(self.old_content(m), part, self.level + 1)
        except Refused as fault:
            raise Refused("nested", str(fault)) from fault

    def old_content(self, m):
        if not 0 <= m.old < len(self.old.members):
            raise Refused("bad-field", "old member")
        return self.old.content(m.old) if m.old_inflated else self.old.raw(m.old)
