"""A bar chart as plain SVG: what the table beside it says, for the eye. No script and no style: the policy is strict.

Numbers are strings here: a template would write them as the reader's language writes decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 120  # of the drawing, in its own units
_GAP = 0.25  # of a bar's place
_LEAST = 2.0  # height of a bar that is not nothing: one failure among thousands has to be seen


@dataclass(frozen=True)
class Segment:
    series: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True)
class Chart:
    """`most` is the highest bar."""

    series: Sequence[str]
    segments: Sequence[Segment]
    most: int
    width: int = WIDTH
    height: int = HEIGHT


def draw(series: Sequence[str], bars: Sequence[Sequence[int]]) -> Chart:
    """One bar for each of `bars`, with a segment for each of `series`, from below."""
    most = max((sum(bar) for bar in bars), default=0)
    place = WIDTH / max(len(bars), 1)
    segments = [
        segment
        for index, bar in enumerate(bars)
        for segment in _bar(series, bar, most, index * place + place * _GAP / 2, place * (1 - _GAP))
    ]
    return Chart(series, segments, most)


def _bar(series: Sequence[str], bar: Sequence[int], most: int, x: float, width: float) -> list[Segment]:
    segments, top = [], float(HEIGHT)
    for name, value in zip(series, bar, strict=True):
        if value:
            height = max(_LEAST, HEIGHT * value / most)
            top = max(0.0, top - height)
            segments.append(Segment(name, f"{x:.2f}", f"{top:.2f}", f"{width:.2f}", f"{height:.2f}"))
    return segments
