"""The examples of the documentation run, and everything public is documented."""

from __future__ import annotations

import doctest
import inspect
import re
import typing
from pathlib import Path

import pytest
from conftest import FIRMWARE, ROOT

import flashdelta

README = ROOT / "bindings" / "python" / "README.md"
OPTIONS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL


def public() -> list[tuple[str, object]]:
    return [
        (name, getattr(flashdelta, name))
        for name in flashdelta.__all__
        if not name.startswith("__")
    ]


@pytest.mark.parametrize(("name", "value"), [("flashdelta", flashdelta), *public()])
def test_examples_of_docstrings(name: str, value: object) -> None:
    # `module=False`: whatever file it is defined in.
    tests = doctest.DocTestFinder(recurse=value is not flashdelta).find(
        value, name, module=False, globs={}
    )
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for test in tests:
        assert runner.run(test).failed == 0


def test_annotations_can_be_resolved() -> None:
    for name, value in public():
        if inspect.isclass(value) or inspect.isfunction(value):
            assert isinstance(typing.get_type_hints(value), dict), name


def test_there_are_examples() -> None:
    for name in (
        "diff",
        "apply",
        "verify",
        "diff_files",
        "apply_files",
        "diff_many",
        "personalize",
        "personalize_table",
        "Applier",
        "Patch",
        "Image",
        "convert",
        "DeviceProfile",
    ):
        assert ">>> " in (getattr(flashdelta, name).__doc__ or ""), name


def test_everything_public_is_documented() -> None:
    for name, value in public():
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        assert inspect.getdoc(value), name
        members = vars(value).items() if inspect.isclass(value) else [(name, value)]
        for member, function in members:
            if isinstance(function, (classmethod, staticmethod)):
                function = function.__func__
            if member.startswith("_") or not inspect.isfunction(function):
                continue
            doc = inspect.getdoc(function)
            assert doc, f"{name}.{member}"
            parameters = inspect.signature(function).parameters.values()
            # What `**options` may be is documented one by one, or at the function that they are
            # handed to.
            kinds = (inspect.Parameter.VAR_KEYWORD,)
            arguments = [
                p.name for p in parameters if p.name not in ("self", "cls") and p.kind not in kinds
            ]
            if arguments:
                assert "Parameters\n----------" in doc, f"{name}.{member}"
            for argument in arguments:
                assert re.search(rf"\b{argument}\b", doc), f"{name}.{member}: {argument}"


def test_examples_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, file in {
        "old.bin": "riscv-1.0.bin",
        "new.bin": "riscv-1.1.bin",
        "old.hex": "cortex-m-1.1.hex",
        "new.s19": "cortex-m-1.0.s19",
    }.items():
        (tmp_path / name).write_bytes((FIRMWARE / file).read_bytes())
    monkeypatch.chdir(tmp_path)
    flashdelta.generate_key().save("release.pem")
    Path("device").mkdir()
    Path("device", "ota").write_bytes(Path("old.bin").read_bytes())
    Path("update.toml").write_text(
        '[[component]]\nkind = "application"\npartition = "ota"\nold = "old.bin"\nnew = "new.bin"\n'
    )
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) >= 4
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
