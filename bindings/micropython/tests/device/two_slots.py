"""A simulated board: two slots in files, and a bootloader that goes back."""

_SIZE = 262144


class Slot:
    """As an `esp32.Partition`: what is written is erased first."""

    def __init__(self, path):
        self.file = open(path, "r+b")

    def ioctl(self, op, arg):
        return {4: _SIZE // 4096, 5: 4096}.get(op)

    def readblocks(self, number, buffer, offset=0):
        self.file.seek(number * 4096 + offset)
        self.file.readinto(buffer)

    def writeblocks(self, number, buffer):
        self.file.seek(number * 4096)
        self.file.write(buffer)
        self.file.flush()


class Board:
    def __init__(self, folder):
        self.path = folder + "boot"
        with open(self.path) as file:
            selected, state, before = file.read().split()
        # The bootloader: an image on trial that has not been confirmed is not started again.
        if state == "pending":
            selected, state = before, "valid"
        elif state == "new":
            state = "pending"
        self._write(selected, state, before)
        self.running = selected
        self.other = "ota_1" if selected == "ota_0" else "ota_0"
        self.old = Slot(folder + self.running)
        self.new = Slot(folder + self.other)

    def _write(self, *words):
        with open(self.path, "w") as file:
            file.write(" ".join(words))

    def select(self):
        self._write(self.other, "new", self.running)

    def confirm(self):
        self._write(self.running, "valid", self.other)

    def reset(self):
        pass
