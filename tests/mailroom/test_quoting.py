"""What is new in an answer and what it quotes: samples with scissors at the cut, and the promise to lose nothing.

The samples in tests/corpus/replies were written for this test, after how the named mailers quote.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.mailroom.growth import assert_costs_its_share

from mailroom.quoting import Split, split_html, split_text

REPLIES = Path(__file__).parent.parent / "corpus" / "replies"
SCISSORS = "✂"


def samples(suffix: str) -> list[Path]:
    return sorted(REPLIES.glob(f"*{suffix}"))


def read(path: Path) -> tuple[str, str, str]:
    """(whole, new, quoted) of a sample."""
    text = path.read_bytes().decode()
    new, scissors, quoted = text.partition(SCISSORS)
    return new + quoted.removeprefix("\n"), new, quoted.removeprefix("\n") if scissors else ""


@pytest.mark.parametrize("path", samples(".txt"), ids=lambda path: path.stem)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_text_is_cut_where_the_history_begins(path: Path, newline: str) -> None:
    whole, new, quoted = (text.replace("\n", newline) for text in read(path))
    split = split_text(whole)
    assert (split.new.rstrip(), split.quoted.strip()) == (new.rstrip(), quoted.strip())


@pytest.mark.parametrize("path", samples(".html"), ids=lambda path: path.stem)
def test_html_is_cut_where_the_history_begins(path: Path) -> None:
    whole, new, quoted = read(path)
    assert split_html(whole) == Split(new, quoted)


@pytest.mark.parametrize("path", samples(".txt"), ids=lambda path: path.stem)
def test_history_can_itself_hold_a_forwarded_mail(path: Path) -> None:
    whole, new, quoted = read(path)
    if quoted:
        assert split_text(whole + "\n> -----Forwarded message-----\n> Text\n").new.rstrip() == new.rstrip()


TEXT_PIECES = [
    *("> a", "Text", "", "Am 5.5.2026 um 12:00 schrieb A <a@b.example>:", "-- ", "Von: A", "Gesendet: B", "An: C"),
    *("-----", "-----Original Message-----", "Forwarded message", "Von meinem iPhone gesendet", "\r", "\x85"),
]
HTML_PIECES = [
    *(
        '<div class="gmail_quote">',
        "</div>",
        '<blockquote type="cite">',
        "</blockquote>",
        "Text",
        "<p>",
        "<style>",
        "<",
    ),
    *('<div id="divRplyFwdMsg">', "<b>Von:</b> A<br>", "<b>An:</b> C<br>", "<b>Betreff:</b> D", "<!--"),
    "Am 1.1.2026 schrieb A:",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(TEXT_PIECES)).map("\n".join)))
@example("")
@example("\n> nur Zitat")
def test_no_text_is_lost(text: str) -> None:
    split = split_text(text)
    assert split.new + split.quoted == text
    assert split.new.strip() or not split.quoted


@given(st.one_of(st.text(), st.lists(st.sampled_from(HTML_PIECES)).map("".join)))
def test_no_html_is_lost(html: str) -> None:
    split = split_html(html)
    assert split.new + split.quoted == html
    assert split.new or not split.quoted


HOSTILE_TEXTS = {
    "colons": "Am 5.5.2026 schrieb schrieb schrieb:\nx\n",
    "attributions": "On 1.1.2026 12:00 a@b.example wrote\n",
    "fields": "Von: a\nVon: b\n",
    "quotes": "> > > > >\n",
    "signatures": "-- \nx\n> y\n",
    "rules": "________________________________\n\n",
    "blanks": " \n",
    "dashes": "-",
    "one line": "Von: ",
    "wrote": "wrote ",
}
HOSTILE_HTML = {
    "blockquotes": '<blockquote type="cite">x</blockquote>',
    "open blockquotes": '<blockquote type="cite">',
    "quotes apart": '<div class="gmail_quote">x</div>y',
    "fields": "<p>Von: a",
    "bordered": '<div style="border:none;border-top:solid">x',
    "classes": '<div class="' + "class='" * 300 + '">',
    "spaces": "<div>" + " " * 300,
    "less than": "<",
    "open tags": "<div ",
    "comments": "<!--",
    "styles": "<style>",
    "announced": "<br>Am 1.1.2026 schrieb A:" + '<blockquote type="cite"></blockquote>',
}


@pytest.mark.parametrize("unit", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
def test_hostile_text_costs_no_more_than_its_share(unit: str) -> None:
    assert_costs_its_share(split_text, unit)


@pytest.mark.parametrize("unit", HOSTILE_HTML.values(), ids=HOSTILE_HTML)
def test_hostile_html_costs_no_more_than_its_share(unit: str) -> None:
    assert_costs_its_share(split_html, unit)
