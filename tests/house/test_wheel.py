"""A wheel holds what git does not: compiled translations, and the front-end files that the pages load."""

from __future__ import annotations

import gettext
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from answerback.cli.checkout import ROOT
from answerback.workspace.node_files import FILES

PACKAGE = ROOT / "src/answerback"


def built(target: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.iterdir())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    return ZipFile(built("wheel", tmp_path_factory.mktemp("wheel")))


def test_every_served_file_of_node_modules_is_in_it_and_nothing_else_but_licences(wheel: ZipFile) -> None:
    found = {name for name in wheel.namelist() if name.startswith("answerback/node_modules/")}
    served = {f"answerback/node_modules/{source}" for source in FILES.values()}
    assert served <= found
    assert all(Path(name).name.lower().startswith(("license", "licence")) for name in found - served)


def test_every_catalogue_is_compiled_and_speaks(wheel: ZipFile) -> None:
    catalogues = sorted((PACKAGE / "locale").rglob("*.po"))
    assert catalogues, "no translations: `./answerback messages` writes the catalogue"
    for source in catalogues:
        name = f"answerback/{source.relative_to(PACKAGE).with_suffix('.mo')}"
        words = gettext.GNUTranslations(BytesIO(wheel.read(name)))
        assert words.gettext("Undelivered replies") == "Nicht zugestellte Antworten"


def test_templates_styles_and_the_catalogue_of_causes_are_in_it_and_tests_are_not(wheel: ZipFile) -> None:
    names = set(wheel.namelist())
    sources = [path for suffix in ("html", "css", "js") for path in PACKAGE.rglob(f"*.{suffix}")]
    sources += (ROOT / "src/mailroom").rglob("*.toml")
    assert sources
    assert {str(path.relative_to(ROOT / "src")) for path in sources} <= names
    assert not [name for name in names if name.startswith(("tests", "node_modules", "benchmarks"))]


def test_a_wheel_can_be_built_from_the_source_archive(tmp_path: Path) -> None:
    with tarfile.open(built("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"node_modules/{source}" for source in FILES.values()} <= names
    assert {"hatch_build.py", "pyproject.toml", "README.md", "LICENSE"} <= names
