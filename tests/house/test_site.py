"""The site of the documents: whole, and nothing in it comes from elsewhere. A broken link ends the build."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from answerback.cli import docs
from answerback.cli.checkout import ROOT

DOCS = ROOT / "docs"
# what a browser would fetch by itself
_LOADED = re.compile(r'<(?:script|img|iframe)\b[^>]*\bsrc="([^"]+)"|<link\b[^>]*\bhref="([^"]+)"|url\((https?:[^)]+)\)')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    assert docs.build(DOCS, folder)
    return folder


def test_every_page_is_there_and_can_be_searched(site: Path) -> None:
    pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in DOCS.rglob("*.md")}
    assert not [page for page in pages if not (site / f"{page}.html").is_file()]
    index = (site / "searchindex.js").read_text("utf-8")
    assert not [page for page in pages if f'"{page}"' not in index]


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    loaded = {next(filter(None, found)) for file in files for found in _LOADED.findall(file.read_text("utf-8"))}
    assert loaded
    assert not [address for address in loaded if re.match(r"(?:https?:)?//", address)]


BROKEN = ("(gone-page.md)", "(index.md#gone)", "(#gone)", "(gone.png)", "(../deploy/gone.conf)")


def test_each_broken_link_ends_the_build(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pages = tmp_path / "docs"
    pages.mkdir()
    shutil.copy(DOCS / "conf.py", pages)
    text = "\n\n".join(f"[gone]{link}" for link in BROKEN)
    (pages / "index.md").write_text(f"# One page\n\n[here](#one-page)\n\n{text}\n", "utf-8")
    assert not docs.build(pages, tmp_path / "site")
    assert capfd.readouterr().err.count("WARNING: ") == len(BROKEN), "and the good one is none of them"
