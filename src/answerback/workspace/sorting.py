"""Lists that people put in order: by two buttons, or by the mouse (static/js/sortable.js, templates/sorting).

A move is an act of the item's form: "up" or "down" by one, or "place", where the mouse dropped it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest

MOVES = ("up", "down", "place")


def wanted_place(request: HttpRequest, rows: Sequence[Any], row: Any) -> int:
    """Where `row` is to stand among `rows`, counted from 0. It may lie beyond their ends."""
    ids = [one.pk for one in rows]
    at = ids.index(row.pk)
    match request.POST["act"]:
        case "up":
            return at - 1
        case "down":
            return at + 1
    place = request.POST.get("place", "")
    return int(place[:6]) if place.isdecimal() else at


def back_to(url: str, request: HttpRequest, anchor: str) -> str:
    """The list, at the item that was moved; the button that was pressed has the focus again."""
    way = request.POST["act"]
    if way == "place":
        return f"{url}#{anchor}"
    return f"{url}?{urlencode({'moved': anchor, 'way': way})}"  # browsers give no autofocus beside a fragment


def button_to_focus(request: HttpRequest, anchor: str, first: bool, last: bool) -> str:
    """ "up" or "down" where the item was just moved. At the end of the way it is the other one."""
    way = request.GET.get("way", "")
    if request.GET.get("moved") != anchor or way not in ("up", "down"):
        return ""
    if first and last:
        return ""
    if first:
        return "down"
    return "up" if last else way
