"""Every page on the lived-in desk: axe finds nothing, nothing is cut off, nothing is left in English, nor too heavy."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern
from playwright.sync_api import Page, Response

from answerback.cli import messages
from answerback.cli.checkout import ROOT
from answerback.workspace.urls import urlpatterns
from tests.conftest import OpenPage
from tests.journeys.conftest import Desk, running_desk
from tests.pages.catalogue import NOT_PAGES, PAGES, PageOf

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
HEAVIEST = 150_000  # octets of a first visit, compressed: page, styles, scripts, fonts, pictures
ENDONYM = "English"  # a language is offered by its own name
# what a reader sees or hears of a page; machine words stand in <code>
WORDS = """() => {
  const found = new Set();
  const add = (text) => { const line = (text ?? "").replace(/\\s+/g, " ").trim(); if (line) found.add(line); };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    if (!node.parentElement.closest("script, style, code, kbd, [lang]:not(html)")) add(node.textContent);
  }
  for (const element of document.querySelectorAll("[aria-label], [title], [placeholder], [alt]"))
    for (const name of ["aria-label", "title", "placeholder", "alt"]) add(element.getAttribute(name));
  return [...found];
}"""

# a phone's reader sees a table whole: rows become blocks, nothing is pushed aside
SIDEWAYS = """() => [...document.querySelectorAll("table")]
  .filter((one) => one.parentElement.clientWidth && one.parentElement.scrollWidth > one.parentElement.clientWidth)
  .map((one) => one.className)"""


def test_no_page_is_forgotten() -> None:
    routes = {str(entry.pattern) for entry in urlpatterns if isinstance(entry, URLPattern)}
    routes.add("api/docs")  # the one page that is not the workspace's
    known = {page.route for page in PAGES} | NOT_PAGES
    assert routes - known == set()
    assert known - routes == set()


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with running_desk(tmp_path_factory.mktemp("lived-in") / "data") as running:
        yield running


@pytest.mark.browser
@pytest.mark.parametrize("admin", [False, True], ids=["agent", "admin"])
@pytest.mark.parametrize("language, dark, width", [("en", False, 1280), ("de", True, 375)])
def test_every_page(lived_in: Desk, open_page: OpenPage, admin: bool, language: str, dark: bool, width: int) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed (npm ci with development packages)")
    page = open_page(language, width=width, dark=dark)
    lived_in.signs_in(page, "admin" if admin else {"en": "agent", "de": "agent_de"}[language])
    lived_in.speaks(page, language)
    faults = {one.name: found for one in _pages(admin) if (found := _faults(page, lived_in, one, language, width))}
    assert faults == {}


@pytest.mark.browser
def test_first_visit_is_light(lived_in: Desk, open_page: OpenPage) -> None:
    page = lived_in.signs_in(open_page("en"), "agent")
    cookies = page.context.cookies()
    newcomer = open_page("en")  # nothing cached
    newcomer.context.add_cookies(cookies)
    answers: list[Response] = []
    newcomer.on("response", lambda answer: answers.append(answer))
    newcomer.goto(f"{lived_in.url}/views/undelivered")
    newcomer.wait_for_timeout(500)
    weights = {answer.url: _weight(answer) for answer in answers if "/events" not in answer.url}
    assert sum(weights.values()) <= HEAVIEST, sorted(weights.items(), key=lambda pair: -pair[1])[:8]


def _pages(admin: bool) -> Iterator[PageOf]:
    return (one for one in PAGES if one.admin is admin)


def _faults(page: Page, desk: Desk, one: PageOf, language: str, width: int) -> list[str]:
    answer = page.goto(desk.url + one.find(desk))
    if answer is None or answer.status != 200:
        return [f"answered {answer.status if answer else 'nothing'}"]
    if one.then:
        one.then(page)
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run().then(result => result.violations)")
    faults = [f"axe: {row['id']}: {row['nodes'][0]['html'][:160]}" for row in found]
    wide = page.evaluate("document.documentElement.scrollWidth")
    faults += [f"{wide} px wide"] if wide > width else []
    faults += [f"table scrolls sideways: {name}" for name in page.evaluate(SIDEWAYS)]
    if language == "de":
        faults += [f"left in English: {line}" for line in page.evaluate(WORDS) if line in ENGLISH]
    return faults


def _weight(answer: Response) -> int:
    body = answer.body()
    return len(body) if "font" in answer.headers.get("content-type", "") else len(gzip.compress(body))


def _english() -> frozenset[str]:
    """Texts of ours whose German reads otherwise."""
    catalogue = messages.updated_catalogue(ROOT)
    return frozenset(
        message.id
        for message in catalogue
        if isinstance(message.id, str) and message.id not in ("", ENDONYM) and message.string != message.id
    )


ENGLISH = _english()
