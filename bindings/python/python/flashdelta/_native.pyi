"""The native half of `flashdelta`; not an interface."""

from collections.abc import Callable
from typing import Any, final

from typing_extensions import Self, disjoint_base

from ._patch import Report
from ._profile import DeviceIdentity
from ._types import BytesLike, FilePath, Source

__all__ = [
    "APPLIER_BYTES",
    "CODECS",
    "ISAS",
    "PROFILES",
    "Feeder",
    "PatchBytes",
    "__version__",
    "address_map",
    "apply",
    "apply_files",
    "detect",
    "diff",
    "explain",
    "image_parse",
    "image_write",
    "main",
    "product_id",
    "profile",
    "profile_load",
    "read_file",
    "write_file",
]
__version__: str
APPLIER_BYTES: int
PROFILES: list[str]
CODECS: list[str]
ISAS: list[str]

@disjoint_base
class PatchBytes:
    def __new__(cls, data: BytesLike, report: Report | None = None) -> Self: ...
    @property
    def _data(self) -> bytes: ...
    @property
    def report(self) -> Report | None: ...
    def _header_fields(self) -> dict[str, Any]: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __release_buffer__(self, buffer: memoryview, /) -> None: ...

@final
class Feeder:
    def __new__(
        cls,
        old: Source,
        new: BytesLike | FilePath | None,
        device: DeviceIdentity | None,
        ram: int | None,
        ignore_trailing: bool,
    ) -> Self: ...
    def feed(self, chunk: BytesLike) -> tuple[bool, int, int]: ...
    def finish(self) -> bytes | None: ...
    def close(self) -> None: ...
    @property
    def progress(self) -> tuple[bool, int, int]: ...
    def header_fields(self) -> dict[str, Any] | None: ...

def profile(name: str) -> tuple[str, int, int, int, list[str], list[str]] | None: ...
def profile_load(path: FilePath) -> tuple[str, int, int, int, list[str], list[str]]: ...
def product_id(name: str) -> int: ...
def diff(
    old: Source, new: Source, fields: dict[str, Any], progress: Callable[[str, float], object] | None
) -> tuple[bytes, dict[str, Any] | None, list[tuple[str, str]]]: ...
def apply(old: Source, patch: Source, fields: dict[str, Any]) -> tuple[bytes, dict[str, Any]]: ...
def apply_files(old: FilePath, patch: FilePath, new: FilePath, fields: dict[str, Any]) -> dict[str, Any]: ...
def explain(old: Source, patch: Source) -> dict[str, Any]: ...
def detect(data: Source) -> str: ...
def address_map(data: Source) -> dict[str, Any]: ...
def image_parse(
    data: Source, options: dict[str, Any]
) -> tuple[str, list[tuple[int, bytes]], int | None, bytes | None]: ...
def image_write(
    segments: list[tuple[int, bytes]],
    entry: int | None,
    header: bytes | None,
    format: str,
    options: dict[str, Any],
) -> bytes: ...
def read_file(path: FilePath) -> bytes: ...
def write_file(path: FilePath, data: BytesLike) -> None: ...
def main(arguments: list[str]) -> int: ...
