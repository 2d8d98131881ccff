# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sections 7.6 to 7.9: the model codec."""
from .coder import HITS, Coder
from .predict import DISTANCE, DISTANCE_BACK, EXACT, PLAIN, WORD, Predictor
from .wire import MASK, Refused

OLD, NEW = "old", "new"
CERTAIN = 65506
# Where the direct slots begin.
LEAVE, PREFIX, JUMP, SPACE, EXPECTED, RECENT, TOLD = 0, 8, 24, 56, 58, 60, 64
SAME_DISTANCE, BACK, OLD_DISTANCES, NEW_DISTANCES = 65, 66, 67, 209
RETARGET, ALTERNATIVE, REPEAT, DIFFERENCES, SAME, CALM, ANY = 280, 298, 316, 352, 494, 558, 686
HIT_SETS, RUN_SETS, LITERAL_SETS, LITERALS_SETS = 0, 20, 28, 36
CORRECTION_SETS, INDEX_SETS = 44, 52


def decode(header, old, body):
    """The image that the body makes."""
    return Model(header, old, body).run()


def to_front(values, value, places):
    """Puts a value first; what was before its place moves back by one."""
    place = values.index(value) if value in values else places - 1
    del values[place]
    values.insert(0, value)


class Model:
    def __init__(self, header, old, body):
        self.coder, self.body = Coder(body, header.slots), body
        self.p, self.old, self.size = Predictor(header, old), old, header.made_size
        self.order, self.new_size = header.order, header.new_size
        self.new = bytearray()
        self.copying, self.space, self.source, self.age = False, OLD, 0, 0
        self.literals = self.run_length = self.distance = 0
        self.alignments, self.retargets = [0] * 4, [0] * 2
        self.history = [0] * 18
        self.phase = self.opcode = 0
        self.lesson = None

    def run(self):
        idle = 0
        while len(self.new) < self.size:
            before = len(self.new)
            self.step()
            idle = idle + 1 if len(self.new) == before else 0
            if idle > 4:
                raise Refused("damaged", "too many steps that write nothing")
        if self.size and self.coder.at < len(self.body):
            raise Refused("damaged", "bytes of the body are left")
        if not self.size and self.body:
            raise Refused("damaged", "a body for an empty image")
        return bytes(self.new)

    def step(self):
        if self.copying:
            if self.space == OLD:
                self.copy_old()
            else:
                self.copy_new()
        elif self.coder.plain(JUMP + min(self.literals, 31)):
            self.jump()
        else:
            self.literal()

    def stretch(self, at):
        """Where the stretch at hand ends, and what of the old image is before it is gone."""
        if self.order is None:
            return self.size, 0
        return self.order.at(at, self.size, self.new_size)

    # Bytes of the new image.

    def put_part(self, data):
        """Bytes that are no whole unit of a copy."""
        for byte in data:
            if self.phase == 0:
                self.opcode = byte
            self.phase += 1
            if self.unit_ends(byte):
                self.phase, self.opcode = 0, self.opcode & 15
            self.new.append(byte)

    def unit_ends(self, byte):
        at, phase = len(self.new), self.phase
        if self.p.isa is None or not self.p.new_space.at(at).code:
            return at & 3 == 3
        if self.p.name == "thumb":
            return phase > 3 or (phase == 2 and byte < 0xE8)
        if self.p.name == "riscv":
            return phase > 3 or (phase == 2 and self.opcode & 3 != 3)
        if self.p.name == "xtensa":
            return phase > 2 or (phase == 2 and 8 <= self.opcode & 15 <= 13)
        if self.p.name == "tc32":
            return phase > 1
        return phase >= self.p.isa.length_of(self.opcode)

    def put_unit(self, data):
        self.new += data
        self.phase, self.opcode = 0, data[0] & 15

    # Steps.

    def literal(self):
        ghost = 0
        place, (_, floor) = self.source + self.literals, self.stretch(len(self.new))
        if self.space == OLD and floor <= place < self.p.size:
            ghost = self.old[place]
        c = self.coder
        contexts = (c.context(1, self.phase, 0), c.context(3, self.opcode, self.phase),
                    c.context(5, ghost, min(self.literals, 1)))
        other = LITERALS_SETS + min(self.literals, 7)
        byte = c.byte(contexts, LITERAL_SETS, lambda bit: other)
        self.put_part([byte])
        self.literals += 1

    def copy_new(self):
        q = self.new[self.source]
        if self.age:
            slots = (ANY, self.coder.hit_slot(22, q, 0),
                     self.coder.hit_slot(23, min(self.age, 15), 0))
            if not self.coder.mixed(slots, (HIT_SETS + 18, self.run_set()), HITS):
                self.copying = False
                return
        self.put_part([q])
        self.age, self.source = self.age + 1, self.source + 1

    def run_set(self):
        return RUN_SETS + min(self.run_length.bit_length(), 7)

    def copy_old(self):
        """A unit, and those before it that are certain hits, but 8 at most."""
        limit, _ = self.stretch(len(self.new))
        for _ in range(8):
            if len(self.new) >= limit or not self.copy_unit():
                return

    def copy_unit(self):
        """Copies a unit from the old image. Returns whether it was a certain hit."""
        at = len(self.new)
        if not self.stretch(at)[1] <= self.source < self.p.size:
            self.copying = False
            return False
        unit = self.p.find(self.source, self.size - at)
        address = self.p.new_space.address(at)
        forecast = self.p.forecast(unit, address)
        data = forecast.data
        hit, certain = self.hit(unit, forecast.trust)
        if not hit:
            if self.age and self.coder.plain(LEAVE + (unit.form & 7)):
                self.leave(data)
                return False
            data = self.correct(unit, forecast, address)
        self.p.learn(unit, forecast, data, address)
        self.teach(at)
        self.put_unit(data)
        self.age, self.source = self.age + 1, self.source + len(data)
        return hit and certain

    def hit(self, unit, trust):
        """Whether the unit is as predicted, and whether that was certain."""
        c = self.coder
        calm = CALM + 4 * (unit.cls & 31) + trust if self.run_length >= 16 else None
        certain = False
        if calm is not None and c.odds[calm] >= 1664:
            certain = True
            bit = c.decode(CERTAIN)
            if not bit:
                c.learn(calm, bit, 15)
        elif calm is not None and c.odds[calm] >= 1280:
            bit = c.plain(calm, 15)
        else:
            bit = self.mixed_hit(unit, trust)
            if calm is not None:
                c.learn(calm, bit, 15)
        self.run_length = self.run_length + 1 if bit else 0
        if not (bit and certain):
            self.history[unit.form] = (self.history[unit.form] << 1 | (1 - bit)) & 0xFF
        return bit, certain

    def mixed_hit(self, unit, trust):
        history = (self.history[unit.form] & 15) << 8 | trust
        slots = (ANY, self.coder.hit_slot(12, self.p.key(unit), len(unit.data)),
                 self.coder.hit_slot(13, history, unit.form << 8 | unit.cls))
        k = 19 if unit.form == PLAIN and unit.cls else unit.form
        return self.coder.mixed(slots, (HIT_SETS + k, self.run_set()), HITS)

    def leave(self, data):
        length, n = len(data), 0
        while n + 1 < length and self.coder.plain(PREFIX + 4 * (length & 3) + n):
            n += 1
        self.put_part(data[:n])
        self.source += n
        self.copying = False

    def teach(self, at):
        """What the start of a copy teaches the shift map (section 7.8)."""
        if self.lesson and at - self.lesson[1] >= 24:
            source, since = self.lesson
            old = self.p.old_space.address(source)
            self.p.map.learn(old, (self.p.new_space.address(since) - old) & MASK)
            self.lesson = None

    # Jumps (section 7.7).

    def jump(self):
        few = 1 if self.literals else 0
        at = len(self.new)
        if self.coder.plain(SPACE + few):
            if not self.coder.plain(SAME_DISTANCE):
                self.distance = self.coder.unsigned(NEW_DISTANCES) + 1
            self.space, self.source, limit = NEW, (at - self.distance) & MASK, at
        else:
            self.source, limit = self.old_source(at, few) & MASK, self.p.size
            self.space = OLD
            to_front(self.alignments, (at - self.source) & MASK, 4)
            self.p.reset()
            self.lesson = (self.source, at)
        if self.source >= limit:
            raise Refused("damaged", f"copy outside at {at}")
        self.copying, self.age, self.literals = True, 0, 0

    def old_source(self, at, few):
        c = self.coder
        expected = self.source if self.space == OLD else (at - self.alignments[0]) & MASK
        if c.plain(EXPECTED + few):
            return expected
        for i, alignment in enumerate(self.alignments):
            if (at - alignment) & MASK != expected and c.plain(RECENT + i):
                return at - alignment
        if c.plain(TOLD):
            return self.told(at, expected)
        if c.plain(BACK):
            return at - self.alignments[1] + c.signed(OLD_DISTANCES + 71)
        return expected + c.signed(OLD_DISTANCES)

    def told(self, at, expected):
        here = self.p.new_space.address(at)
        found = None
        for key in self.p.map.keys:
            ahead = (key + self.p.map.shifts[key] - here) & MASK
            if found is None or ahead < found[0]:
                found = ahead, key
        if found and found[0] < 4096:
            offset = self.p.old_space.offset_of((found[1] - found[0]) & MASK)
            if offset is not None:
                return offset
        return expected

    # Corrections (section 7.9).

    def correct(self, unit, forecast, address):
        if unit.form != PLAIN:
            target = self.p.decode(unit, forecast.data, address)
            if target is not None:
                data = self.correct_target(unit, forecast, address, target)
                if data is not None:
                    return data
        return self.correct_bytes(unit, forecast.data)

    def correct_target(self, unit, forecast, address, target):
        c = self.coder
        shift = self.p.map.look_above(unit.target)
        if shift is not None and self.p.map.look_up(unit.target)[1] != EXACT:
            other = self.p.encode(unit, (unit.target + shift) & MASK, address)
            if other is not None and other != forecast.data and c.plain(ALTERNATIVE + unit.form):
                return other
        if not c.plain(RETARGET + unit.form):
            return None
        difference = self.difference(unit.form)
        data = self.p.encode(unit, (target + difference) & MASK, address)
        return forecast.data if data is None else data

    def difference(self, form):
        scale = self.p.scale(form)
        found = None
        for i, value in enumerate(self.retargets):
            if value & ((1 << scale) - 1) == 0 and self.coder.plain(REPEAT + 18 * i + form):
                found = value
                break
        if found is None:
            common = form in (WORD, DISTANCE, DISTANCE_BACK)
            value = self.coder.signed(DIFFERENCES + (71 if common else 0)) << scale
            self.retargets = [value & MASK, self.retargets[0]]
            return value
        if i == 1:
            self.retargets.reverse()
        return found

    def correct_bytes(self, unit, forecast):
        c = self.coder
        flags, last, key = 1, 0, self.p.key(unit)
        out = bytearray()
        for i, byte in enumerate(forecast):
            same = c.plain(SAME + 4 * (flags & 15) + (len(forecast) & 3))
            flags = 2 * flags + same
            if same:
                out.append(byte)
                continue
            contexts = (c.context(30, 0, 0), c.context(32, last, i), c.context(34, i, key))
            other = INDEX_SETS + 2 * i + (1 if last else 0)
            last = c.byte(contexts, CORRECTION_SETS, lambda bit: other)
            out.append((byte + last) & 0xFF)
        return bytes(out)
