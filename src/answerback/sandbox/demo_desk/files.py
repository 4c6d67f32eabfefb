"""The files that go with the stories' mail: pictures and papers of the shop, and a long track of a ride."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).with_name("files")
_TYPES: Mapping[str, tuple[str, str]] = {
    ".png": ("image", "png"),
    ".pdf": ("application", "pdf"),
    ".gpx": ("application", "gpx+xml"),
    ".zip": ("application", "zip"),
    ".csv": ("text", "csv"),
}


def content_type(name: str) -> tuple[str, str]:
    return _TYPES[Path(name).suffix]


@cache
def content(name: str) -> bytes:
    """The octets of the file of that name."""
    if make := _MADE.get(name):
        return make()
    return (_FOLDER / name).read_bytes()


def _track() -> bytes:
    """A day's ride, a point a second: more than some servers take."""
    points = "\n".join(
        f'<trkpt lat="{47.99 + math.sin(n / 900) / 9:.6f}" lon="{7.85 + n / 90_000:.6f}">'
        f"<ele>{400 + n % 331}</ele></trkpt>"
        for n in range(20_000)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="Wheelhouse" '
        f'xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>\n{points}\n</trkseg></trk></gpx>\n'
    ).encode()


def _firmware() -> bytes:
    """An empty archive (PKWARE APPNOTE 4.3.16): servers look at the name."""
    return b"PK\x05\x06" + bytes(18)


_MADE: Mapping[str, Callable[[], bytes]] = {"blackforest-100.gpx": _track, "display-firmware-2.4.zip": _firmware}
