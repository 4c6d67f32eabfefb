"""From a failure's commit to the agent's open page: `python -m benchmarks.live [--failures N] [--database URL]`.

An agent has a ticket open in Chromium. Another answer to a full mailbox is stored by the API; the played server refuses
it; the warning sign appears on the page by itself. What is measured lies between the moment written into the failure's
delivery event (taken just before its commit) and the browser's first sight of the sign, both by this machine's clock.
Goal: p95 of at most 300 ms. Prints one row: failures, median, p95, worst, in milliseconds.
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from playwright.sync_api import Page, sync_playwright
from tests.journeys.conftest import Desk, running_desk

from answerback.cli.chromium import CHROMIUM_FLAGS, find_chromium

ANSWERS = 11  # of one ticket
WATCH = """() => {
  window.seen = {};
  const look = () => {
    for (const sign of document.querySelectorAll("[data-comment] [data-state='failed']"))
      window.seen[sign.closest("[data-comment]").dataset.comment] ??= Date.now();
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


@click.command()
@click.option("--failures", default=60, show_default=True, help="How many answers are refused.")
@click.option("--database", default="", help="A PostgreSQL database instead of SQLite.")
def main(failures: int, database: str) -> None:
    with ExitStack() as running:
        folder = Path(running.enter_context(TemporaryDirectory())) / "data"
        options = ["--empty", *(["--database", database] if database else [])]
        desk = running.enter_context(running_desk(folder, *options))
        playwright = running.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_FLAGS))
        waits = _measure(desk, browser.new_page(), failures)
        browser.close()
    click.echo("| failures | median | p95 | worst |\n|---|---|---|---|")
    p95 = statistics.quantiles(waits, n=20)[-1]
    click.echo(f"| {len(waits)} | {statistics.median(waits):.0f} ms | {p95:.0f} ms | {max(waits):.0f} ms |")


def _measure(desk: Desk, page: Page, failures: int) -> list[float]:
    """Milliseconds of each failure."""
    desk.signs_in(page, "agent")
    waits: list[float] = []
    while len(waits) < failures:
        waits += _measure_ticket(desk, page, f"full+{len(waits)}@live.sandbox.test")
    return waits


def _measure_ticket(desk: Desk, page: Page, customer: str) -> list[float]:
    """The same for the answers of one ticket, the first one left out: it warms the page."""
    ticket = desk.opens_ticket(customer, "Anna Berg")
    desk.settles(ticket)
    page.goto(f"{desk.url}/tickets/{ticket}")
    page.evaluate(WATCH)
    for number in range(ANSWERS):
        desk.call("PUT", f"tickets/{ticket}", {"ticket": {"comment": {"body": f"Answer {number}", "public": True}}})
        page.wait_for_function("count => Object.keys(window.seen).length > count", arg=number, polling="raf")
    seen = {int(comment): moment for comment, moment in page.evaluate("window.seen").items()}
    rows = desk.prints("deliveries", "--jsonl", "--ticket", str(ticket))
    failed = {row["comment_id"]: datetime.fromisoformat(row["updated_at"]).timestamp() * 1000 for row in rows}
    return [moment - failed[comment] for comment, moment in sorted(seen.items())[1:]]


if __name__ == "__main__":
    main()
