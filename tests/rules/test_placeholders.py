"""Placeholders: substituted once, escaped, never rendered again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from answerback.rules.placeholders import known, substitute_html, substitute_text

VALUES = {"ticket.title": "<b>{{ticket.id}}</b>", "ticket.id": "7", "agent.signature": "Ada\nAcme"}


def test_text() -> None:
    assert substitute_text("#{{ ticket.id }}: {{ticket.title}}{{nobody.knows}}", VALUES) == "#7: <b>{{ticket.id}}</b>"


def test_html_escapes_text_and_keeps_html() -> None:
    page = substitute_html("Hi {{ticket.title}} & co\n\n{{body}}\n\n{{agent.signature}}", VALUES, {"body": "<p>x</p>"})
    assert page == ("<p>Hi &lt;b&gt;{{ticket.id}}&lt;/b&gt; &amp; co</p><div><p>x</p></div><div>Ada<br>Acme</div>")


@given(st.text())
def test_what_a_customer_wrote_stays_what_it_is(text: str) -> None:
    assert substitute_text("{{ticket.title}}", {"ticket.title": text, "ticket.id": "secret"}) == text


def test_known() -> None:
    assert known("{{a.b}} {{ c }} {{D}}") == {"a.b", "c"}
