"""HTML made harmless, to text and from text. The vectors were written for this test."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mailroom.growth import assert_costs_its_share

from mailroom.html import (
    from_text,
    has_own_look,
    replace_cid,
    restore_remote_images,
    sanitise,
    split_remote_images,
    to_text,
)

VECTORS = [
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img/src='x'/onerror='alert(1)'>",
    "<img src=`javascript:alert(1)`>",
    '<img src="data:image/svg+xml;base64,PHN2Zy8+">',
    '<img src="data:text/html;base64,PHNjcmlwdD4=">',
    '<img src="//evil.example/p.gif">',
    '<img src="/logout">',
    '<img src="../api/v2/users/me">',
    '<img src="file:///etc/passwd">',
    '<img srcset="https://evil.example/x 1x" src="cid:a">',
    '<img src="https://evil.example/a.gif" lowsrc="javascript:alert(1)">',
    '<svg onload="alert(1)"><script>alert(1)</script></svg>',
    '<svg><animate xlink:href="#x" attributeName="href" values="javascript:alert(1)"/></svg>',
    "<math><mtext><table><mglyph><style><img src onerror=alert(1)></style></mglyph></table></mtext></math>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" &#14; javascript:alert(1)">x</a>',
    '<a href="java\nscript:alert(1)">x</a>',
    '<a href="&#x6A;avascript&colon;alert(1)">x</a>',
    '<a href="vbscript:msgbox(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="//evil.example">x</a>',
    '<a href="/admin/delete">x</a>',
    '<a href="https://ok.example" target="_top" ping="https://evil.example">x</a>',
    '<a href="https://ok.example" style="position:fixed;top:0;left:0;width:100%;height:100%">x</a>',
    '<iframe src="https://evil.example"></iframe>',
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    '<object data="x.swf"></object><embed src="x.swf"><applet code=x>',
    '<form action="https://evil.example"><input name=password type=password><button formaction=x>ok</button></form>',
    '<base href="https://evil.example/"><meta http-equiv=refresh content="0;url=https://evil.example">',
    '<link rel=stylesheet href="https://evil.example/x.css"><style>@import "https://evil.example"; *{x:url(y)}</style>',
    "<div style=\"background:url('https://evil.example/x')\">x</div>",
    '<div style="background:u\\72l(https://evil.example)">x</div>',
    '<div style="width:expression(alert(1))">x</div>',
    '<div style="-moz-binding:url(x);behavior:url(x)">x</div>',
    '<div style="position:absolute;z-index:9">x</div>',
    '<div style="margin:-9999px">x</div>',
    '<div style="color:red;/*;position:fixed;*/position:fixed">x</div>',
    "<div style=\"font-family:'x;position:fixed;'\">x</div>",
    '<table background="https://evil.example/x"><td background="javascript:alert(1)">x</table>',
    '<body onload=alert(1) background="https://evil.example/x">',
    '<video poster="https://evil.example" src=x onerror=alert(1)><audio src=x><source src=x><track src=x>',
    '<p id="current-user" name="forms" class="modal" data-src="https://evil.example" data-hx-get="/x" x-on:click="y">x',
    "<details ontoggle=alert(1) open>x</details>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<textarea><img src=x onerror=alert(1)></textarea><title><img src=x onerror=alert(1)></title>",
    "<template><script>alert(1)</script></template><xmp><script>alert(1)</script></xmp>",
    "<!--><img src=x onerror=alert(1)>--><!--[if IE]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]><?xml version='1.0'?><?php phpinfo(); ?>",
    '<p title="<img src=x onerror=alert(1)>">x</p>',
    '<a title="&quot; onmouseover=&quot;alert(1)" href="https://ok.example">x</a>',
    "<b><i><u><a><table><a href='javascript:alert(1)'>x",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<x-foo onclick=alert(1) style='position:fixed'>x</x-foo>",
    "\0<img \0src=x onerror=alert(1)>\ud800",
    "<img src=x" + " " * 50 + "onerror=alert(1)",
    "<a href='https://ok.example' rel='opener'>x</a>",
]
ALLOWED_SRC = re.compile(r"https?://|cid:|data:image/(?:png|gif|jpe?g|webp);base64,", re.I)


class Check(HTMLParser):
    """Collects what must not be in sanitised HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in FORBIDDEN or "-" in tag:
            self.found.append(f"<{tag}>")
        for name, value in values.items():
            if name.startswith(("on", "data-", "x-")) or name in (
                "id",
                "name",
                "class",
                "srcset",
                "background",
                "ping",
            ):
                self.found.append(name)
            if name == "src" and not (tag == "img" and ALLOWED_SRC.match(value)):
                self.found.append(value)
            if name == "href" and not re.match(r"https?://|mailto:|tel:", value, re.I):
                self.found.append(value)
            if name == "style" and re.search(
                r"[\\(]|position|expression|z-index|: -|behavior", value.replace("rgb(", "")
            ):
                self.found.append(value)
        if tag == "a" and (values.get("target"), values.get("rel")) != ("_blank", "noopener noreferrer nofollow"):
            self.found.append("link into our own window")

    def handle_comment(self, data: str) -> None:
        self.found.append(data)


FORBIDDEN = {
    *("script", "style", "link", "meta", "base", "template", "noscript", "title", "head", "html", "body", "xmp"),
    *("svg", "math", "iframe", "frame", "frameset", "object", "embed", "applet", "video", "audio", "source", "track"),
    *("form", "input", "button", "textarea", "select", "details"),
}


def faults(html: str) -> list[str]:
    check = Check()
    check.feed(html)
    check.close()
    return check.found


WRAPPINGS = [
    "{}",
    "<p>Hallo {}",
    "<table><tr><td>{}</td></tr></table>",
    '<b title="{}">x</b>',
    "<pre>\n{}",
    "<ul><li>{}<li>y",
]


@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_nothing_active_survives(vector: str, wrapping: str) -> None:
    clean = sanitise(wrapping.format(vector))
    assert faults(clean) == []
    assert sanitise(clean) == clean


def test_the_check_itself_finds_faults() -> None:
    harmful = [
        "<script>",
        "<img src=x onerror=y>",
        "<a href=/x>x</a>",
        "<p style='position:fixed'>",
        "<!--x-->",
        "<p id=x>",
    ]
    assert [html for html in harmful if not faults(html)] == []


@pytest.mark.parametrize(
    "html, clean",
    [
        ('<p align="center">a<b>b</b></p>', '<p align="center">a<b>b</b></p>'),
        (
            '<p style="COLOR: rgb(1, 2, 3); font-size:12pt">x</p>',
            '<p style="color: rgb(1, 2, 3); font-size: 12pt">x</p>',
        ),
        ("<p style=\"font-family: 'Segoe UI', Arial\">x</p>", "<p style=\"font-family: 'Segoe UI', Arial\">x</p>"),
        ('<td colspan="2" onclick="x">a</td>', "a"),
        ("<table><tr><td colspan=2>a</table>", '<table><tbody><tr><td colspan="2">a</td></tr></tbody></table>'),
        (
            '<img src="cid:a@b" alt="Foto" width="9">',
            '<img src="cid:a@b" alt="Foto" width="9" referrerpolicy="no-referrer">',
        ),
        ('<a href="tel:+49">x</a>', '<a href="tel:+49" target="_blank" rel="noopener noreferrer nofollow">x</a>'),
        ("<style>p{}</style><title>T</title>Text", "Text"),
        ("<o:p>Word</o:p><custom>Text</custom>", "WordText"),
        ('<blockquote type="cite">x</blockquote>', '<blockquote type="cite">x</blockquote>'),
        ("&nbsp;&copy;&unknown; a&b <", "&nbsp;©&amp;unknown; a&amp;b &lt;"),
        ("", ""),
    ],
)
def test_what_mail_needs_stays(html: str, clean: str) -> None:
    assert sanitise(html) == clean


@pytest.mark.parametrize(
    "html, text",
    [
        ("<p>Guten Tag</p><p>Frau Weber</p>", "Guten Tag\n\nFrau Weber"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<ul><li>eins<li>zwei</ul>", "  * eins\n  * zwei"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>", "a  b\nc  d"),
        ("<style>p{}</style><script>x</script><title>t</title>Text", "Text"),
        ("<div>" * 300 + "tief" + "</div>" * 300 + "flach", "tief"),
        ("1 &lt; 2 &amp; 3", "1 < 2 & 3"),
        ("   ", ""),
    ],
)
def test_text_of_html(html: str, text: str) -> None:
    assert to_text(html).startswith(text)
    assert "flach" not in html or "flach" in to_text(html)


@pytest.mark.parametrize(
    "text, html",
    [
        ("eins\nzwei\n\ndrei", "<p>eins<br>zwei</p><p>drei</p>"),
        ('1 < 2 & "3"', '<p>1 &lt; 2 &amp; "3"</p>'),
        ("  eingerückt", "<p>&nbsp; eingerückt</p>"),
        ("a\r\nb\rc", "<p>a<br>b<br>c</p>"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("\n \n", ""),
    ],
)
def test_html_of_text(text: str, html: str) -> None:
    assert from_text(text) == html


@pytest.mark.parametrize(
    "text, url",
    [
        ("siehe https://a.example/x.", "https://a.example/x"),
        ("(https://a.example/x_(y))", "https://a.example/x_(y)"),
        ("https://a.example/?a=1&b=2, und", "https://a.example/?a=1&amp;b=2"),
        ('https://a.example/"onclick="x', "https://a.example/"),
    ],
)
def test_web_addresses_become_links(text: str, url: str) -> None:
    assert f'<a href="{url}" target="_blank" rel="noopener noreferrer nofollow">{url}</a>' in from_text(text)
    assert faults(from_text(text)) == []


def test_remote_pictures_wait_and_come_back() -> None:
    shown = sanitise(
        '<img src="https://a.example/1.gif?x=1&y=2" alt="> <img src="><img src="cid:a"><img src=HTTP://b.example/>'
    )
    waiting, count = split_remote_images(shown)
    assert count == 2
    assert not re.search(r'\ssrc="http', waiting, re.I)
    assert 'src="cid:a"' in waiting
    assert restore_remote_images(waiting) == shown


def test_a_picture_in_a_title_is_no_picture() -> None:
    shown = sanitise('<p title="<img src=https://a.example/x>">x</p>')
    assert split_remote_images(shown) == (shown, 0)


@pytest.mark.parametrize(
    "html, own",
    [
        ("<p>Plain <b>bold</b> and a <a href='https://example.org'>link</a></p>", False),
        ("<p style='margin: 0; font-size: 14px'>Spaced</p>", False),
        ("<p>color: blue; background is a word of the text</p>", False),
        ("<p style='color: #222'>Dark ink</p>", True),
        ("<div><span style='background-color: yellow'>Marked</span></div>", True),
        ("<font color='navy'>Old</font>", True),
        ("<table><tr><td>Cells</td></tr></table>", True),
        ("<p><img src='cid:logo'></p>", True),
    ],
)
def test_mail_with_a_look_of_its_own(html: str, own: bool) -> None:
    assert has_own_look(sanitise(html)) is own


def test_content_ids_become_addresses_of_ours() -> None:
    shown = sanitise('<img src="cid:a@b"><img src="CID:c%40d"><img src="cid:unknown"><img src="cid:q&quot;">')
    html = replace_cid(shown, {"a@b": "/files/1", "c@d": '/files/2?"x"', 'q"': "/files/3"})
    assert re.findall(r'src="([^"]*)"', html) == ["/files/1", "/files/2?&quot;x&quot;", "cid:unknown", "/files/3"]


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from([*VECTORS, "<p>", "</b>", "<pre>", "\n\n", "&", "&#", '"'])).map("".join)
    )
)
def test_sanitising_never_raises_and_is_done_once(html: str) -> None:
    clean = sanitise(html)
    assert sanitise(clean) == clean
    assert faults(clean) == []


@given(st.text())
def test_text_survives_the_way_to_html_and_through_the_sanitiser(text: str) -> None:
    html = from_text(text)
    assert faults(html) == []
    assert to_text(html).split() == to_text(sanitise(html)).split()


HOSTILE = {
    "deep": "<div>",
    "deep and closed wrongly": "<b>x</i>",
    "tables": "<table>",
    "ampersands": "&",
    "names": "&x",
    "ampersands in a value": '<p title="' + "&" * 1000,
    "less than": "<",
    "comments": "<!--",
    "attributes": "<a ",
    "links": "https://a.example/)",
    "styles": '<p style="' + "color:red;" * 50 + '">x',
    "lists": "<li>x",
    "blanks": " ",
    "lines in pre": "<pre>\n",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("function", [sanitise, to_text, from_text, split_remote_images, has_own_look])
def test_hostile_html_costs_no_more_than_its_share(unit: str, function: Callable[[str], object]) -> None:
    assert_costs_its_share(function, unit)


def test_elements_that_a_parser_opens_anew_do_not_fill_the_memory() -> None:
    html = "<p>" + "".join(f"<font size={size}>" for size in range(300)) + "<p>x" * 3000
    assert len(sanitise(html)) < 100 * len(html)
