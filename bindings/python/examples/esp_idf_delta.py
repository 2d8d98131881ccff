"""Deltas between two build folders of ESP-IDF.

    python esp_idf_delta.py build-1.4.1 build OUT --product heron

`idf.py build` leaves flasher_args.json, which says what goes where in the flash. Each file in it
that has changed becomes a patch; OUT gets them, and a manifest.json that says where they belong.
What is new is left for a full update.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flashdelta


def read_build(folder: Path) -> tuple[dict[str, int], str | None, str]:
    """What is flashed where: files and their offsets, the application among them, and the chip."""
    arguments: dict[str, Any] = json.loads((folder / "flasher_args.json").read_text())
    files = {name: int(offset, 0) for offset, name in arguments["flash_files"].items()}
    app = arguments.get("app", {}).get("file")
    return files, app, arguments.get("extra_esptool_args", {}).get("chip", "unknown")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Make patches between two build folders of ESP-IDF."
    )
    parser.add_argument("old", type=Path, help="the build that devices run")
    parser.add_argument("new", type=Path, help="the build that they shall run")
    parser.add_argument("out", type=Path, help="folder for the patches; made if it is not there")
    parser.add_argument("--product", help="devices of another product refuse the patches")
    parser.add_argument(
        "--ram", type=int, default=64 * 1024, help="RAM that the device has for it, in bytes"
    )
    options = parser.parse_args(arguments)

    try:
        old_files, _, _ = read_build(options.old)
        new_files, app, chip = read_build(options.new)
    except (OSError, KeyError, ValueError) as error:
        print(
            f"this is no build folder of ESP-IDF (run idf.py build first): {error}", file=sys.stderr
        )
        return 1
    identity = None if options.product is None else flashdelta.Identity(options.product)
    changed = [
        name
        for name in new_files
        if name in old_files
        and (options.old / name).read_bytes() != (options.new / name).read_bytes()
    ]
    for name in sorted(new_files.keys() - old_files.keys()):
        print(f"{name} is new: flash it whole")
    pairs = [(options.old / name, options.new / name) for name in changed]
    # The images of ESP-IDF say themselves which chip they are for, and where their code runs.
    patches = flashdelta.diff_many(pairs, ram=options.ram, identity=identity)
    options.out.mkdir(parents=True, exist_ok=True)
    parts: list[dict[str, object]] = []
    for name, (old, new), patch in zip(changed, pairs, patches, strict=True):
        flashdelta.verify(old, patch)
        file = Path(name).stem + ".fdp"
        patch.save(options.out / file)
        full = new.stat().st_size
        print(f"{name}: {len(patch):,} bytes in place of {full:,}")
        digests = {"sha256": hashlib.sha256(patch).hexdigest(), "new_sha256": patch.info.new_sha256}
        place = {"offset": new_files[name], "is_app": name == app, "size": len(patch)}
        parts.append({"file": name, "patch": file, **place, **digests})
    manifest = {"chip": chip, "product": options.product, "parts": parts}
    (options.out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
