"""The facts of a patch are the same, with the same names, here and in the program: those of
`docs/facts.schema.json`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from conftest import FIRMWARE, zip_of

import flashdelta

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "docs" / "facts.schema.json").read_text("utf-8")
)
TYPES: dict[str, Any] = {
    "null": type(None),
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "string": str,
    "array": list,
    "object": dict,
}


def wrong(schema: dict[str, Any], value: Any, at: str) -> list[str]:
    """What is not as the schema says, of what there is in it."""
    found: list[str] = []
    if "anyOf" in schema:
        if all(wrong(option, value, at) for option in schema["anyOf"]):
            found.append(f"{at}: {value!r}")
        return found
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(
        isinstance(value, TYPES[name]) and (name == "boolean") == isinstance(value, bool)
        for name in names
    ):
        found.append(f"{at}: expected {names}, found {value!r}")
    if (
        "enum" in schema
        and value not in schema["enum"]
        or "const" in schema
        and value != schema["const"]
    ):
        found.append(f"{at}: {value!r}")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [
            f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value
        ]
        for name, item in value.items():
            rest = schema.get("additionalProperties", True)
            if name in properties:
                found += wrong(properties[name], item, f"{at}.{name}")
            elif rest is False:
                found.append(f"{at}: {name} is too much")
            elif isinstance(rest, dict):
                found += wrong(rest, item, f"{at}.{name}")
    if isinstance(value, list):
        for item in value:
            found += wrong(schema.get("items", {}), item, at)
    return found


def told(path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "flashdelta", "info", "--json", str(path)]
    document: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, capture_output=True).stdout
    )
    return document


def test_patches_and_bundles(old: bytes, new: bytes, tmp_path: Path) -> None:
    identity = flashdelta.Identity("heron", 2, 4, security_counter=7)
    patches = {
        "patch": [
            flashdelta.diff(old, new),
            flashdelta.diff(old, new, identity=identity, profile="small"),
        ],
        "bundle": [flashdelta.diff(zip_of(old), zip_of(new))],
    }
    for kind, made in patches.items():
        for patch in made:
            facts = patch.info.as_dict()
            assert wrong(SCHEMA["$defs"]["facts"], facts, kind) == []
            patch.save(tmp_path / "update")
            document = told(tmp_path / "update")
            assert wrong(SCHEMA["$defs"][kind], document, kind) == []
            assert {name: document[name] for name in facts} == facts
            # And so are the attributes.
            assert facts["patch_size"] == len(patch) == patch.info.patch_size
            for name, value in facts.items():
                if name not in ("identity", "bundle"):
                    assert getattr(patch.info, name) == value
    facts = patches["patch"][0].info.as_dict()
    assert wrong(SCHEMA["$defs"]["facts"], {**facts, "codec": "gzip"}, "") and wrong(
        SCHEMA["$defs"]["facts"], {}, ""
    )


def test_address_maps() -> None:
    for path in (FIRMWARE / "riscv-1.0.bin", FIRMWARE / "cortex-m-1.0.bin"):
        facts = flashdelta.address_map(path).as_dict()
        assert wrong(SCHEMA["$defs"]["address_map"], facts, "map") == []
        document = told(path)
        for segment in document["segments"]:
            segment.pop("entropy")
        assert {name: document[name] for name in facts} == facts
