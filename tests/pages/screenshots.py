"""Pictures of every page, in two languages, two themes and two widths: `python -m tests.pages.screenshots FOLDER`.

For the eye, not for a comparison: look at each. `--data` names the folder of a demo that runs already.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from playwright.sync_api import Browser, sync_playwright

from answerback.cli.chromium import CHROMIUM_FLAGS, find_chromium
from tests.journeys.conftest import Desk, running_desk
from tests.pages.catalogue import PAGES

LANGUAGES = {"en": "agent", "de": "agent_de"}
THEMES = ("light", "dark")
WIDTHS = (1440, 375)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path, exists=True), help="Data folder of a running demo.")
@click.option("--only", default="", help="Pages whose name begins so.")
def main(folder: Path, data: Path | None, only: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with _desk(data) as desk, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_FLAGS))
        for language, theme, width in product(LANGUAGES, THEMES, WIDTHS):
            for path in _take(browser, desk, language, theme, width, folder, only):
                click.echo(path)
        browser.close()


@contextmanager
def _desk(data: Path | None) -> Iterator[Desk]:
    if data:
        yield Desk(data, json.loads((data / "credentials.json").read_text()))
        return
    with TemporaryDirectory() as made, running_desk(Path(made) / "data") as desk:
        yield desk


def _take(
    browser: Browser, desk: Desk, language: str, theme: str, width: int, folder: Path, only: str
) -> Iterator[Path]:
    for who, admin in ((LANGUAGES[language], False), ("admin", True)):
        context = browser.new_context(
            locale={"en": "en-GB", "de": "de-DE"}[language],
            timezone_id="Europe/Berlin",
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            has_touch=width < 500,
            is_mobile=width < 500,  # buttons are larger under a finger
        )
        page = desk.signs_in(context.new_page(), who)
        if admin:
            desk.speaks(page, language)
        for one in PAGES:
            if one.admin is admin and one.name.startswith(only):
                page.goto(desk.url + one.find(desk))
                if one.then:
                    one.then(page)
                page.wait_for_timeout(400)  # what comes after the page: counts, faces
                path = folder / f"{one.name}-{language}-{theme}-{width}.png"
                page.screenshot(path=path, full_page=one.then is None)
                yield path
        context.close()


if __name__ == "__main__":
    main()
