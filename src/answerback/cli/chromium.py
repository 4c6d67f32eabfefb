"""Find the Chromium that browser tests drive, or install it where that is ours to do.

Policy: Playwright's own browser download is never used; a browser of the system is. Only root on a machine with apt
gets one installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_PATHS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
CHROMIUM_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",  # QUIRK: /dev/shm has 64 MB in most containers, pages then crash
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    *(("--no-sandbox",) if os.geteuid() == 0 else ()),  # Chromium refuses to start as root otherwise
)


def find_chromium() -> str | None:
    """The path of a Chromium: `ANSWERBACK_CHROMIUM`, else the first on PATH, else where macOS keeps it."""
    return next(_candidates(), None)


def install_chromium() -> str | None:
    """Install Debian's package, as root only. Answers its path, None where that could not be done."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return None
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", "chromium"]):
        subprocess.run([apt, *arguments], env=environ, stdout=subprocess.DEVNULL, check=False)
    return find_chromium()


def _candidates() -> Iterator[str]:
    if chosen := os.environ.get("ANSWERBACK_CHROMIUM"):
        yield chosen
    yield from filter(None, map(shutil.which, NAMES))
    yield from (path for path in MAC_PATHS if Path(path).exists())
