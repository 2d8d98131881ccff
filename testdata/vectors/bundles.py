# SPDX-License-Identifier: MIT OR Apache-2.0
"""Vectors of bundles, made by hand, for quirks.py."""
from decoder import bundle, recipes, zlib_codes
from decoder.archives import FOLDER, GZIP, TAR, WHOLE, Contents
from decoder.wire import crc32, number, sha256

from patches import raw, signed

TEXT = b"".join(b"line %d of a text in which much comes again and again\n" % (n * n)
                for n in range(12))
CHANGED = TEXT.replace(b"comes", b"goes").replace(b"line 9 ", b"LINE 9: ")


def recipe(level, blocks, misses=()):
    out = bytes([level]) + number(len(blocks)) + b"".join(blocks) + number(len(misses))
    return out + b"".join(misses)


def block(kind, count, codes=b""):
    return bytes([kind]) + number(count) + codes


def tokens_of(content, level):
    """The number of tokens that zlib would choose."""
    predictor, count = recipes.Predictor(content, level), 0
    while predictor.at < len(content):
        token = predictor.predict()
        predictor.advance(token, token)
        count += 1
    return count


def one_block(content, level):
    return recipe(level, [block(2, tokens_of(content, level))])


def member(method, data, old=None, expected=0, recipe_length=None, content=0, part=b"",
           inflated=False, gap=0, name=b"x"):
    head = method | (16 if inflated else 0) | (0 if recipe_length is None else 32)
    out = bytes([head]) + number(gap) + number(len(data))
    out += b"" if old is None else signed(old - expected)
    out += b"" if recipe_length is None else number(content) + number(recipe_length)
    out += number(len(part)) if method in (1, 3, 4, 5) else b""
    return out + number(len(name)) + name


def emit(old, new, containers, common, members, parts):
    """A bundle of these members and parts."""
    out = number(0) + bytes([containers[0] | containers[1] << 4])
    out += number(len(old)) + number(len(new))
    out += sha256(old)[:12] + sha256(new) + number(len(common)) + number(len(members))
    out += b"".join(members)
    length = len(out) + 9
    length += 1 if length >= 0x80 else 0
    out = b"FDB\0" + number(length) + out
    return out + crc32(out).to_bytes(4, "little") + common + b"".join(parts)


def common_patch(old, container, result):
    """The patch that makes the common result; it is all new."""
    contents = Contents(old, container)
    before = contents.template()
    for i in range(len(contents.members)):
        content = contents.content(i)
        before += content if len(content) <= bundle.SMALL else b""
    return raw(before, result, [("new", len(result))])


def gzip_file(stream):
    return b"\x1f\x8b\x08\x18" + bytes(6) + b"name\0note\0" + stream + bytes(8)


def gzip_levels():
    """A gzip archive that zlib compressed at level 1, and one at level 9, by a patch."""
    old = gzip_file(recipes.recreate(TEXT, one_block(TEXT, 1)))
    how = one_block(CHANGED, 9)
    stream = recipes.recreate(CHANGED, how)
    new = gzip_file(stream)
    part = raw(TEXT, CHANGED, [("old", 0, 12), ("new", len(CHANGED) - 12)])
    result = how + new[:20] + new[20 + len(stream):]
    members = [member(1, stream, 0, 0, len(how), len(CHANGED), part, True, gap=20)]
    return old, emit(old, new, (GZIP, GZIP), common_patch(old, GZIP, result), members, [part]), new


def with_misses(content, level, blocks):
    """A recipe in which every fifth match is one byte shorter, and every seventh a literal.

    A block is its type, its number of tokens, or of bytes if it is stored, and its codes; another
    one takes what is left.
    """
    predictor, misses, right, matches = recipes.Predictor(content, level), [], 0, 0
    parts = []
    for kind, most, codes in [*blocks, (2, len(content), b"")]:
        count = most if kind == 0 else 0
        if kind == 0:
            predictor.skip(count)
        while kind != 0 and count < most and predictor.at < len(content):
            count += 1
            predicted = token = predictor.predict()
            matches += 1 if predicted.distance else 0
            if predicted.length > 3 and matches % 5 == 0:
                token = recipes.Token(predicted.length - 1, predicted.distance)
            elif predicted.distance and matches % 7 == 0:
                token = recipes.Token(1, 0, content[predictor.at])
            if token == predicted:
                right += 1
            else:
                length = token.length - 2 if token.distance else 0
                misses.append(number(right) + number(length)
                              + (number(token.distance) if length else b""))
                right = 0
            predictor.advance(token, predicted)
        parts.append(block(kind, count, codes))
    return recipe(level, parts, misses)


def spell(out):
    """Codes like the fixed ones, without a single repetition but the last: the header, its bits."""
    literals = [7, 7] + [8] * 142 + [9] * 112 + [7] * 24 + [8] * 6
    distances = [4, 4] + [5] * 28
    used = {8: 1, 9: 2, 7: 3, 5: 4, 4: 5, 16: 5}
    out.put(len(literals) - 257, 5)
    out.put(len(distances) - 1, 5)
    out.put(15, 4)
    for code in zlib_codes.ORDER:
        out.put(used.get(code, 0), 3)
    codes = zlib_codes.codes_of([used.get(n, 0) for n in range(19)])
    for length in literals + distances[:-6]:
        out.put(*codes[length])
    out.put(*codes[16])
    out.put(3, 2)
    bits = len(out.out) * 8 + out.bits
    return out.finish(), bits


def folder(*files):
    out = b"FDT\0"
    for path, content in files:
        out += number(len(path)) + path + number(len(content)) + content
    return out


def folder_of_all_methods():
    """A folder: a file that stays, one by a patch, a small one, new ones."""
    old = folder((b"a/same", b"it stays"), (b"b", TEXT), (b"empty", b""))
    files = [(b"a/same", b"it stays"), (b"b", CHANGED), (b"c", b"small"), (b"d", TEXT[::-1]),
             (b"e", b"verbatim")]
    new = folder(*files)
    patch = raw(TEXT, CHANGED, [("old", 0, 12), ("new", len(CHANGED) - 12)])
    full = raw(b"", files[3][1], [("new", len(TEXT))])
    gaps, at = [], 0
    template = b""
    for _, content in files:
        start = new.index(content, at)
        gaps.append(start - at)
        template += new[at:start]
        at = start + len(content)
    members = [
        member(0, files[0][1], 0, 0, gap=gaps[0]),
        member(1, CHANGED, 1, 1, part=patch, gap=gaps[1]),
        member(2, b"small", gap=gaps[2]),
        member(3, files[3][1], part=full, gap=gaps[3]),
        member(4, b"verbatim", part=b"verbatim", gap=gaps[4]),
    ]
    common = common_patch(old, FOLDER, template + b"small")
    return old, emit(old, new, (FOLDER, FOLDER), common, members, [patch, full, b"verbatim"]), new


def tar_file(*entries):
    out = b""
    for kind, content in entries:
        head = b"name".ljust(124, b"\0") + b"%011o\0" % len(content) + bytes(20)
        head = head[:148] + b" " * 8 + kind + bytes(512 - 157)
        head = head[:148] + b"%06o\0 " % sum(head) + head[156:]
        out += head + content + bytes(-len(content) % 512)
    return out + bytes(1024)


def tar_of_bundles():
    """A tar archive with a pax header, a folder, and a member that is a bundle of its own."""
    old_inner, inner, new_inner = folder_of_all_methods()
    pax = b"19 path=other/name\n"
    old = tar_file((b"x", pax), (b"0", old_inner), (b"5", b""))
    new = tar_file((b"x", pax), (b"0", new_inner), (b"5", b""))
    start = 1536
    template = new[:start] + new[start + len(new_inner):]
    common = common_patch(old, TAR, template)
    members = [member(5, new_inner, 0, 0, part=inner, gap=start)]
    return old, emit(old, new, (TAR, TAR), common, members, [inner]), new


def quirks_of_deflate():
    """Blocks of all types, codes that zlib would not make, and tokens that it would not choose."""
    codes, bits = spell(zlib_codes.BitWriter())
    blocks = [(0, 100, b""), (1, 20, b""), (3, 60, number(bits) + codes), (0, 0, b"")]
    return whole(TEXT + CHANGED, with_misses(TEXT + CHANGED, 6, blocks))


def quirks_of_level_1():
    """Tokens that level 1 would not choose: what it remembers depends on those that are there."""
    blocks = [(1, 50, b""), (0, 30, b"")]
    return whole(TEXT + CHANGED, with_misses(TEXT + CHANGED, 1, blocks))


def whole(content, how):
    """The content of the old file, deflated in the new one."""
    stream = recipes.recreate(content, how)
    common = common_patch(content, WHOLE, how)
    members = [member(0, stream, 0, 0, len(how), len(content))]
    return content, emit(content, stream, (WHOLE, WHOLE), common, members, []), stream


def level(n):
    def make():
        return whole(TEXT + CHANGED, one_block(TEXT + CHANGED, n))
    make.__name__ = f"level_{n}"
    make.__doc__ = f"A deflate stream as zlib makes it at level {n}."
    return make


MADE = [gzip_levels, quirks_of_deflate, quirks_of_level_1, folder_of_all_methods, tar_of_bundles,
        level(2), level(5), level(8)]
