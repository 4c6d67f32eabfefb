"""Good plain text of what was written with a formatting bar."""

from __future__ import annotations

import pytest

from mailroom import alternative


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<div>One</div><div><br></div><div>Two</div>", "One\n\nTwo"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<div>Say <b>it</b>&nbsp;loud</div>", "Say it loud"),
        ("<ul><li><div>Tea</div></li><li>Milk</li></ul>", "- Tea\n- Milk"),
        ("<ol><li>Boil</li><li>Wait</li></ol>", "1. Boil\n2. Wait"),
        ("<ul><li>Tea<ul><li>green</li></ul></li></ul>", "- Tea\n  - green"),
        ("<div>He:</div><blockquote><div>It burns.</div><div>Help!</div></blockquote>", "He:\n\n> It burns.\n> Help!"),
        ('<div>See <a href="https://acme.test/help">our help</a>.</div>', "See our help (https://acme.test/help)."),
        ('<div><a href="https://acme.test/">https://acme.test</a></div>', "https://acme.test"),
        ('<div><a href="mailto:a@acme.test">a@acme.test</a></div>', "a@acme.test"),
        ("<pre>if x:\n    y = 1</pre>", "if x:\n    y = 1"),
        ('<div><img src="cid:x" alt="plan.png"></div>', "[plan.png]"),
        ("", ""),
        ("</blockquote></ul></li></pre>a", "a"),
    ],
)
def test_text(html: str, text: str) -> None:
    assert alternative.of(html) == text


def test_it_is_linear_on_what_is_nested_without_end() -> None:
    assert "deep" in alternative.of("<blockquote>" * 5000 + "deep")
