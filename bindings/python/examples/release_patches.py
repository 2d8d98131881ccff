"""Patches from the last releases of a product to its newest one.

    python release_patches.py RELEASES OUT --product heron --profile small

RELEASES holds heron-1.0.0.bin, heron-1.0.1.bin, ... OUT gets a patch for each of the last five
before the newest, an index.json for the update server, a table.md for the release notes, and a plot
of the sizes. Needs matplotlib.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import flashdelta


class Release(NamedTuple):
    order: tuple[int, ...]
    version: str
    path: Path


def releases_of(folder: Path, product: str) -> list[Release]:
    """The releases of a product, oldest first."""
    found: list[Release] = []
    for path in folder.glob(f"{product}-*.bin"):
        version = path.stem.removeprefix(f"{product}-")
        if re.fullmatch(r"\d+(\.\d+)*", version):
            found.append(Release(tuple(map(int, version.split("."))), version, path))
    return sorted(found)


def write_table(
    path: Path, olds: list[Release], newest: Release, patches: list[flashdelta.Patch]
) -> None:
    full = newest.path.stat().st_size
    rows = [f"| from | patch to {newest.version}, bytes | of the full image |", "|---|--:|--:|"]
    for old, patch in zip(olds, patches, strict=True):
        rows.append(f"| {old.version} | {len(patch):,} | {len(patch) / full:.1%} |")
    path.write_text("\n".join(rows) + "\n")


def plot(
    path: Path, product: str, olds: list[Release], newest: Release, patches: list[flashdelta.Patch]
) -> None:
    full = newest.path.stat().st_size
    figure, axes = plt.subplots(figsize=(7, 0.5 * len(olds) + 1.6), layout="constrained")
    sizes = [len(patch) / 1024 for patch in patches]
    bars = axes.barh([old.version for old in olds], sizes, color="#2a6f97")
    shares = [f"{len(patch):,} bytes ({len(patch) / full:.1%})" for patch in patches]
    axes.bar_label(bars, labels=shares, padding=4, fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.35)
    axes.set(
        xlabel=f"size of the patch in KiB (the full image: {full / 1024:,.0f} KiB)",
        ylabel="from release",
    )
    axes.set_title(f"{product}: updates to {newest.version}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Make patches from the last releases of a product to its newest one."
    )
    parser.add_argument("releases", type=Path, help="folder with PRODUCT-VERSION.bin")
    parser.add_argument("out", type=Path, help="folder for the patches; made if it is not there")
    parser.add_argument("--product", required=True)
    parser.add_argument("--profile", default="esp32", help="tiny, small, esp32 or linux")
    parser.add_argument("--count", type=int, default=5, help="how many releases to update from")
    options = parser.parse_args(arguments)

    releases = releases_of(options.releases, options.product)
    if len(releases) < 2:
        print(
            f"{options.releases}: expected {options.product}-VERSION.bin, two at least",
            file=sys.stderr,
        )
        return 1
    newest, olds = releases[-1], releases[-2 : -2 - options.count : -1]
    options.out.mkdir(parents=True, exist_ok=True)
    patches = flashdelta.diff_many(
        [(old.path, newest.path) for old in olds],
        profile=options.profile,
        identity=flashdelta.Identity(options.product),
        progress=True,
    )
    entries: list[dict[str, object]] = []
    for old, patch in zip(olds, patches, strict=True):
        # What goes out has been tried.
        flashdelta.verify(old.path, patch)
        name = f"{options.product}-{old.version}-to-{newest.version}.fdp"
        patch.save(options.out / name)
        sha256 = hashlib.sha256(patch).hexdigest()
        old_sha256 = hashlib.sha256(old.path.read_bytes()).hexdigest()
        entry = {"from": old.version, "old_sha256": old_sha256, "ram": patch.info.ram}
        entries.append({**entry, "file": name, "size": len(patch), "sha256": sha256})
    info = patches[0].info
    index = {
        "product": options.product,
        "newest": newest.version,
        "size": info.new_size,
        "sha256": info.new_sha256,
        "patches": entries,
    }
    (options.out / "index.json").write_text(json.dumps(index, indent=2) + "\n")
    write_table(options.out / "table.md", olds, newest, patches)
    plot(options.out / "sizes.png", options.product, olds, newest, patches)
    return 0


if __name__ == "__main__":
    sys.exit(main())
