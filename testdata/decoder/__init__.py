# SPDX-License-Identifier: MIT OR Apache-2.0
"""An independent decoder of the patches that docs/format.md specifies.

Written from that document alone, in plain Python, to prove that it suffices. It is slow, and it
makes nothing but new files from old ones and patches. `../decoder.py` runs it.

- `wire`: bytes, numbers and errors (section 1); `document`: the tables, read from the document
- `header` (2), `address_map` (3), `apply` (4)
- `predict` (5.1 to 5.5), `thumb`, `riscv`, `xtensa`, `tc32`, `mcs51` (5.6 to 5.10)
- `operations` (6), `coder` (7.1 to 7.5), `model` (7.6 to 7.9)
- `records`, `templates`, `host` (9)
- `archives`, `recipes`, `bundle` (10)
- `holes` (13)
"""
