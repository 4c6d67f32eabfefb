"""What a wheel needs beside the sources: compiled translations, and the front-end files that the pages load.

Policy: both are made or fetched, so git does not hold them and hatchling would leave them out. A wheel without them
looks sound and is broken, so a missing file ends the build with one line. The source archive carries the front-end
files too: a wheel built from it needs no npm. Licences of the packages they come from go along.
"""

from __future__ import annotations

import ast
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path("src/answerback")
NODE_MODULES = Path("node_modules")
NODE_FILES = PACKAGE / "workspace/node_files.py"  # its FILES says which files of which packages are served
LICENCES = ("LICENSE*", "LICENCE*", "license*")


class MissingFileError(Exception):
    """A file that the wheel needs is not there. The text says how to get it."""


class BuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"
    _folder: Path | None = None  # where catalogues are compiled

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add to `force_include`, which maps a file on disk to its place in the archive."""
        if version == "editable":
            return  # the checkout itself is used, and has both
        included: dict[str, str] = build_data["force_include"]
        root = Path(self.root)
        node_files = {str(root / path): path for path in front_end_files(root)}
        if self.target_name == "sdist":
            included.update({source: str(path) for source, path in node_files.items()})
            return
        inside = Path(PACKAGE.name)
        included.update({source: str(inside / path) for source, path in node_files.items()})
        self._folder = Path(mkdtemp(prefix="answerback-wheel-"))
        included.update({str(made): str(inside / place) for made, place in compiled_catalogues(root, self._folder)})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._folder:
            shutil.rmtree(self._folder)


def front_end_files(root: Path) -> list[Path]:
    """`node_modules/…` relative to `root`: every file that is served, and its package's licence."""
    served = [NODE_MODULES / source for source in _served(root)]
    if missing := [path for path in served if not (root / path).is_file()]:
        raise MissingFileError(f"{missing[0]} is missing: run `npm ci --ignore-scripts --omit=dev` in {root} first.")
    packages = sorted({_package_of(path) for path in served})
    licences = {found for package in packages for name in LICENCES for found in (root / package).glob(name)}
    return served + sorted(path.relative_to(root) for path in licences)


def compiled_catalogues(root: Path, folder: Path) -> Iterator[tuple[Path, Path]]:
    """Compile every catalogue into `folder`: (the file made, its place inside the package)."""
    for source in sorted((root / PACKAGE / "locale").rglob("*.po")):
        place = source.relative_to(root / PACKAGE).with_suffix(".mo")
        made = folder / place
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(_compiled(source))
        yield made, place


def _compiled(source: Path) -> bytes:
    with source.open("rb") as file:
        catalogue = read_po(file, domain=source.stem, abort_invalid=True)
    octets = io.BytesIO()
    write_mo(octets, catalogue)
    return octets.getvalue()


def _served(root: Path) -> list[str]:
    """The values of FILES, read and not imported: the module needs Django and its settings."""
    for node in ast.parse((root / NODE_FILES).read_text("utf-8")).body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "FILES" and node.value:
            return sorted(ast.literal_eval(node.value).values())
    raise MissingFileError(f"{NODE_FILES} has no FILES any more: {Path(__file__).name} reads it.")


def _package_of(path: Path) -> Path:
    """`node_modules/@scope/name/…` or `node_modules/name/…` → the package's folder."""
    return Path(*path.parts[: 3 if path.parts[1].startswith("@") else 2])
