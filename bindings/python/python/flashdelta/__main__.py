"""The program `flashdelta`: the same as the Rust binary, in this process."""

import sys

from . import _native


def main() -> int:
    """Run the program with the arguments of this process.

    It takes over Ctrl-C for the process, so this is for the end of a program, not for its middle.

    Returns
    -------
    int
        The exit code; ``flashdelta --help`` lists them.
    """
    sys.stdout.flush()
    return _native.main(["flashdelta", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
