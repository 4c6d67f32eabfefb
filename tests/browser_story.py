"""What a page went through before a test on it failed: its clicks, requests, swapped parts and complaints.

A failure that comes once in many runs tells nothing by itself: was the click lost, the answer late, or the part gone?
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from time import monotonic

from playwright.sync_api import Page, Request

KEPT = 60  # the newest lines
_SAYS = "story: "

# `console.debug` reaches us from inside the page; the content security policy does not concern scripts of Playwright.
_WATCH = """
(() => {
  const say = (what, node) => console.debug(`story: ${what} ${node?.nodeName} ${node?.closest?.("[id]")?.id ?? ""}`);
  for (const kind of ["mousedown", "mouseup", "click", "close"])
    document.addEventListener(kind, (event) => say(kind, event.target), true);
  const gone = (changes) => changes.flatMap((change) => [...change.removedNodes]).filter((node) => node.id);
  new MutationObserver((changes) => gone(changes).forEach((node) => say("swapped", node)))
    .observe(document, { childList: true, subtree: true });
})();
"""


class BrowserStory:
    """The newest `KEPT` lines about every page that it follows, with seconds since it began."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._lines: deque[str] = deque(maxlen=KEPT)

    def follow(self, page: Page) -> None:
        page.add_init_script(_WATCH)
        page.on("console", lambda line: self._add(line.text.removeprefix(_SAYS)))
        page.on("request", lambda request: self._add_request("asks", request))
        page.on("requestfailed", lambda request: self._add_request(f"failed ({request.failure})", request))
        page.on("response", lambda answer: self._add_request(f"got {answer.status}", answer.request))

    def told(self) -> Iterable[str]:
        return tuple(self._lines)

    def _add_request(self, what: str, request: Request) -> None:
        path = "/" + request.url.split("/", 3)[-1]
        if not path.startswith("/static/"):
            self._add(f"{what} {request.method} {path}")

    def _add(self, line: str) -> None:
        self._lines.append(f"{monotonic() - self._began:7.3f} {line[:200]}")
