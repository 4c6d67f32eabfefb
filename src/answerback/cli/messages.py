"""`answerback messages`: bring the German catalogue up to date with the sources. Also: what is missing in it.

Policy: Babel and Django's own template lexer do what gettext's programs would, since a fresh machine lacks those. The
catalogue holds exactly the messages of the sources, sorted, without line numbers, so that two branches merge. Nothing
is guessed: a new message comes in empty and `answerback lint` refuses it until somebody has translated it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import PoFileError, read_po, write_po
from django.utils.translation.template import templatize

from answerback.cli.checkout import require_checkout, say

PACKAGE = Path("src/answerback")
CATALOGUE = PACKAGE / "locale/de/LC_MESSAGES/django.po"
KEYWORDS = {
    "_": None,
    "N_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
TEMPLATE_SUFFIXES = {".html", ".txt"}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w*)[^{}]*\}|%[sd]")
COMMENT_TAG = "Translators:"
HEADER = "# German texts of Answerback. `./answerback messages` keeps the list, people keep the words."


@click.command()
def command() -> None:
    """Bring the German catalogue up to date with the sources. For developers, in a checkout."""
    root = require_checkout()
    catalogue = updated_catalogue(root)
    _write(root / CATALOGUE, catalogue)
    missing = sum(1 for message in catalogue if message.id and _is_untranslated(message))
    say(f"{CATALOGUE}: {len(catalogue)} messages, {missing} without a translation")


def updated_catalogue(root: Path) -> Catalog:
    """The catalogue on disk with the messages of the sources: new ones empty, stale ones gone."""
    catalogue = _read(root / CATALOGUE)
    catalogue.update(extracted(root), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    return catalogue


def extracted(root: Path) -> Catalog:
    """All messages of Python code and templates, with the files they stand in."""
    template = Catalog()
    for path in _sources(root / PACKAGE):
        places = [(path.relative_to(root).as_posix(), 0)]
        for _line, ids, comments, context in extract("python", io.BytesIO(_as_python(path)), KEYWORDS, [COMMENT_TAG]):
            template.add(ids, locations=places, auto_comments=comments, context=context)
    return template


def problems(root: Path) -> list[str]:
    """What is wrong with the catalogue, one line each: missing, stale, untranslated, fuzzy, wrong placeholders."""
    try:
        catalogue = _read(root / CATALOGUE)
    except (OSError, PoFileError, UnicodeDecodeError) as error:
        return [f"{CATALOGUE}: {error}"]
    wanted = {_key(message): message for message in extracted(root) if message.id}
    present = {_key(message): message for message in catalogue if message.id}
    lines = [f"{_where(wanted[key])}: not in the catalogue: {_text(key)}" for key in wanted.keys() - present.keys()]
    lines += [f"{CATALOGUE}: in no source any more: {_text(key)}" for key in present.keys() - wanted.keys()]
    for key in wanted.keys() & present.keys():
        lines += [f"{_where(wanted[key])}: {fault}: {_text(key)}" for fault in _faults(present[key])]
    return sorted(lines)


def _sources(package: Path) -> Iterator[Path]:
    for path in sorted(package.rglob("*")):
        is_code = path.suffix == ".py" and "migrations" not in path.parts
        is_template = path.suffix in TEMPLATE_SUFFIXES and "templates" in path.parts
        if is_code or is_template:
            yield path


def _as_python(path: Path) -> bytes:
    """Python text with the same messages. A template becomes gettext calls between blanked-out words, on one margin."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        return text.encode()
    return "\n".join(line.lstrip() for line in templatize(text, origin=str(path)).split("\n")).encode()


def _key(message: Message) -> tuple[str | None, tuple[str, ...]]:
    ids = message.id if isinstance(message.id, (list, tuple)) else (message.id,)
    return message.context, tuple(ids)


def _text(key: tuple[str | None, tuple[str, ...]]) -> str:
    return repr(key[1][0])


def _where(message: Message) -> str:
    return message.locations[0][0] if message.locations else str(CATALOGUE)


def _strings(message: Message) -> tuple[str, ...]:
    strings = message.string if isinstance(message.string, (list, tuple)) else (message.string,)
    return tuple(string or "" for string in strings)


def _is_untranslated(message: Message) -> bool:
    return not all(_strings(message))


def _faults(message: Message) -> Iterator[str]:
    if _is_untranslated(message):
        yield "no German translation"
        return
    if message.fuzzy:
        yield "the German translation is marked fuzzy"
    ids = _key(message)[1]
    allowed = set().union(*map(_placeholders, ids))
    for string in _strings(message):
        if not _placeholders(string) <= allowed:
            yield "the German translation has a placeholder that the message has not"
    if len(ids) == 1 and _placeholders(_strings(message)[0]) != allowed:
        yield "the German translation lacks a placeholder"


def _placeholders(text: str) -> set[str]:
    return {match.group(0) for match in PLACEHOLDER.finditer(text)}


def _read(path: Path) -> Catalog:
    """The catalogue, an empty German one where there is none. Raises PoFileError with the line that is no PO."""
    if not path.exists():
        return Catalog(locale="de", domain="django", project="answerback", header_comment=HEADER, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale="de", domain="django", abort_invalid=True)


def _write(path: Path, catalogue: Catalog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.BytesIO()
    write_po(text, catalogue, width=120, sort_output=True, include_lineno=False, ignore_obsolete=True)
    temporary = path.with_suffix(".po.new")
    temporary.write_bytes(text.getvalue())
    temporary.replace(path)
