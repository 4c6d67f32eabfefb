"""HTML of mail: made harmless, turned into text, and made from text.

Policy: `sanitise` is the last step before HTML is stored or shown, for mail that comes in and for what we send. It
knows what is allowed and drops the rest: no scripts, forms, frames or style elements, no class or id, no address but of
web, mail and telephone links, no picture but over http(s), `cid:` or as inline raster data, and of styles only
properties that cannot load, hide under or lie over anything. The page shows the result in a sandboxed frame all the
same.

Remote pictures tell their sender that a mail was read. `split_remote_images` sets them aside, and they come back only
when the agent asks for them. It, `restore_remote_images` and `replace_cid` work on the output of `sanitise` alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from html import escape, unescape
from html.entities import html5
from urllib.parse import unquote

import inscriptis
import nh3
from inscriptis.model.config import ParserConfig


def _names(text: str) -> set[str]:
    return set(text.split())


_ELEMENTS = _names(
    "abbr address b bdi bdo big br caption center cite code dd del dfn dl dt em figcaption figure h1 h2 h3 h4 h5 h6"
    " i ins kbd mark pre q s samp small span strike strong sub sup tt u var wbr"
)
_ELEMENTS_WITH_ATTRIBUTES: Mapping[str, set[str]] = {
    "a": {"href"},
    "blockquote": {"type"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "div": {"align"},
    "font": {"color", "face", "size"},
    "hr": {"align", "noshade", "size", "width"},
    "img": {"align", "alt", "border", "height", "hspace", "src", "vspace", "width"},
    "li": {"type", "value"},
    "ol": {"reversed", "start", "type"},
    "p": {"align"},
    "table": {"align", "bgcolor", "border", "cellpadding", "cellspacing", "height", "width"},
    "tbody": {"align", "valign"},
    "td": {"align", "bgcolor", "colspan", "height", "nowrap", "rowspan", "valign", "width"},
    "tfoot": {"align", "valign"},
    "th": {"align", "bgcolor", "colspan", "height", "nowrap", "rowspan", "valign", "width"},
    "thead": {"align", "valign"},
    "tr": {"align", "bgcolor", "height", "valign"},
    "ul": {"type"},
}
_EVERYWHERE = {"dir", "lang", "style", "title"}
# Elements whose text is not for reading; all other unknown elements leave their text behind.
_DROPPED_WITH_TEXT = _names(
    "script style title template noscript noembed noframes iframe object applet svg math textarea select xmp"
)
_LINK = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
_REMOTE = re.compile(r"https?://", re.IGNORECASE)
_CID = re.compile(r"cid:", re.IGNORECASE)
_RASTER = re.compile(r"data:image/(?:png|gif|jpe?g|webp);base64,[A-Za-z0-9+/=\s]*\Z", re.IGNORECASE)

_STYLE_PROPERTIES = re.compile(
    r"(?:background(?:-color)?|border(?:-(?:top|right|bottom|left))?(?:-(?:color|style|width|radius))?"
    r"|border-(?:collapse|spacing)|clear|color|direction|display|float|font(?:-(?:family|size|style|variant|weight))?"
    r"|(?:max-|min-)?(?:height|width)|letter-spacing|line-height|list-style(?:-(?:position|type))?"
    r"|(?:margin|padding)(?:-(?:top|right|bottom|left))?|table-layout|text-(?:align|decoration|transform)"
    r"|vertical-align|white-space|word-break|word-spacing|word-wrap|overflow-wrap)"
)
# Numbers, words, quoted font names and colours: no url(), no other function, no escapes, nothing negative to overlap.
_STYLE_VALUE = re.compile(
    r"(?:(?:rgb|hsl)a?\([\d.,%/ ]*\)|[\w.,#%!+/ \t\r\n]|(?<=\w)-(?=\w)|\"[\w ,.-]*\"|'[\w ,.-]*')*", re.ASCII
)
_STYLE_MAX = 4096


def _style(text: str) -> str | None:
    """The declarations of a style attribute that are allowed, or None where none is."""
    kept = []
    for declaration in text[:_STYLE_MAX].split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip().lower(), value.strip()
        if value and _STYLE_PROPERTIES.fullmatch(name) and _STYLE_VALUE.fullmatch(value):
            kept.append(f"{name}: {' '.join(value.split())}")
    return "; ".join(kept) or None


def _attribute(element: str, name: str, value: str) -> str | None:
    """The attribute's value as allowed, None to drop it."""
    if name == "style":
        return _style(value)
    if name == "href":
        return value if _LINK.match(value) else None
    if name == "src":
        return value if any(kind.match(value) for kind in (_REMOTE, _CID, _RASTER)) else None
    if element == "blockquote" and name == "type":
        return value if value == "cite" else None
    return value


_CLEANER = nh3.Cleaner(
    tags=_ELEMENTS | set(_ELEMENTS_WITH_ATTRIBUTES),
    clean_content_tags=_DROPPED_WITH_TEXT,
    attributes={"*": _EVERYWHERE, **_ELEMENTS_WITH_ATTRIBUTES},
    attribute_filter=_attribute,
    url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}, "img": {"referrerpolicy": "no-referrer"}},
    strip_comments=True,
)
_PRE_NEWLINES = re.compile(r"(<pre(?:\s[^>]*)?>)\n+")
_UNSPEAKABLE = re.compile(r"[\0\ud800-\udfff]")
_PASSES = 4


def sanitise(html: str) -> str:
    """HTML that may be shown, from any HTML. Sanitising it again changes nothing."""
    seen = _UNSPEAKABLE.sub("", html)
    if _is_bomb(seen):
        return from_text(_strip_tags(seen))
    for _ in range(_PASSES):
        # QUIRK: a parser eats the first line end inside <pre>, every time it reads it.
        cleaned = _PRE_NEWLINES.sub(r"\1", _CLEANER.clean(_escape_stray_ampersands(seen)))
        if cleaned == seen:
            return cleaned
        seen = cleaned
    # Elements nested in ways that every reading changes anew: nobody's mail, but mutation XSS looks like this.
    return from_text(_strip_tags(seen))


_AMPERSAND = re.compile(r"&(?:#[0-9]+|#[xX][0-9A-Fa-f]+|[A-Za-z][A-Za-z0-9]{0,40};?)?")
_ENTITIES_WITHOUT_END = tuple(name for name in html5 if not name.endswith(";"))


def _escape_stray_ampersands(html: str) -> str:
    """The same HTML with "&" written out where it starts nothing: the parser takes quadratic time over such ones."""

    def write_out(match: re.Match[str]) -> str:
        name = match.group()[1:]
        known = name.startswith("#") or name in html5 or name.startswith(_ENTITIES_WITHOUT_END)
        return match.group() if name and known else "&amp;" + name

    return _AMPERSAND.sub(write_out, html) if "&" in html else html


_TAG_NAME = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][^\s/>]{0,40})")
_NEVER_DEEP = _names("area base br col dd dt embed hr img input li link meta option p source td th tr track wbr")
# A parser opens these anew in every block, once they were left open in one (HTML standard, "adoption agency").
_REOPENED = _names("a b big code em font i nobr s small strike strong tt u")
_DEPTH_MAX = 1000
_REOPENED_MAX = 200_000
_TAGS_MAX = 200_000
_AMPERSANDS_MAX = 50_000  # the parser takes time that grows with the square of them: 0.2 s here


def _is_bomb(html: str) -> bool:
    """Whether the HTML is built to cost time or memory: very deep, or a few open elements repeated in every block."""
    if html.count("&") > _AMPERSANDS_MAX:
        return True
    opened: Counter[str] = Counter()
    depth = reopened = cost = tags = 0
    for match in _TAG_NAME.finditer(html):
        name = match["name"].lower()
        if match["end"] and not opened[name]:
            continue
        step = -1 if match["end"] else 1
        if name not in _NEVER_DEEP:
            opened[name] += step
            depth += step
            tags += 1
        if name in _REOPENED:
            reopened += step
        else:
            cost += reopened
        if depth > _DEPTH_MAX or cost > _REOPENED_MAX or tags > _TAGS_MAX:
            return True
    return False


# HTML to text

_TEXT_CONFIG = ParserConfig(display_links=False, display_anchors=False, display_images=False)
_READABLE_DEPTH = 200
_VOID = _names("br col hr img wbr")
_UNREADABLE = re.compile(r"<(script|style|title)\b.*?(?:</\1|\Z)", re.IGNORECASE | re.DOTALL)
_ANY_TAG = re.compile(r"<[^<>]*>")
_BLOCK_END = re.compile(r"<(?:br|/(?:p|div|tr|li|h[1-6]|table|blockquote|pre))\b[^<>]*>", re.IGNORECASE)
_EMPTY_LINES = re.compile(r"\n{3,}")


def to_text(html: str) -> str:
    """What HTML says, as text with "\\n" line ends; tables stay readable, trailing blanks go."""
    if not html.strip():
        return ""
    clean = sanitise(html)
    # QUIRK: lxml silently drops whatever lies deeper than 255 elements.
    text = _strip_tags(clean) if _depth(clean) > _READABLE_DEPTH else inscriptis.get_text(clean, _TEXT_CONFIG)
    lines = (line.rstrip() for line in text.replace("\xa0", " ").split("\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def _depth(html: str) -> int:
    """How deep the elements of sanitised HTML lie."""
    depth = deepest = 0
    for match in _TAG_NAME.finditer(html):
        if match["name"] not in _VOID:
            depth += -1 if match["end"] else 1
            deepest = max(deepest, depth)
    return deepest


def _strip_tags(html: str) -> str:
    return unescape(_ANY_TAG.sub("", _BLOCK_END.sub("\n", _UNREADABLE.sub("", html))))


# Text to HTML

_URL = re.compile(r"https?://[^\s<>\"]{1,2000}", re.IGNORECASE)
_URL_END = ".,;:!?'*)]}"
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
_LEADING_BLANKS = re.compile(r"^ +| {2,}", re.MULTILINE)
_NEWLINE = re.compile(r"\r\n?")


def from_text(text: str) -> str:
    """Text as HTML: escaped, paragraphs at empty lines, line ends and indents kept, web addresses as links."""
    text = _UNSPEAKABLE.sub("", _NEWLINE.sub("\n", text)).strip("\n")
    if not text.strip():
        return ""
    return "".join(f"<p>{_paragraph(paragraph)}</p>" for paragraph in _PARAGRAPHS.split(text) if paragraph)


def _paragraph(text: str) -> str:
    pieces, end = [], 0
    for match in _URL.finditer(text):
        url = _without_trailing_punctuation(match.group())
        pieces += [_escape(text[end : match.start()]), _link(url)]
        end = match.start() + len(url)
    pieces.append(_escape(text[end:]))
    return "".join(pieces)


def _without_trailing_punctuation(url: str) -> str:
    """A sentence's full stop is no part of the address, a closing parenthesis is where one was opened."""
    while url[-1] in _URL_END and not (url[-1] == ")" and url.count("(") >= url.count(")")):
        url = url[:-1]
    return url


def _link(url: str) -> str:
    shown = escape(url)
    return f'<a href="{shown}" target="_blank" rel="noopener noreferrer nofollow">{shown}</a>'


def _escape(text: str) -> str:
    kept = _LEADING_BLANKS.sub(lambda blanks: "&nbsp;" * (len(blanks.group()) - 1) + " ", escape(text, False))
    return kept.replace("\n", "<br>")


# Pictures

# A tag as `sanitise` writes it: lower-case names, values in double quotes. Whole tags are matched, so that text inside
# a value is never taken for one.
_TAG = re.compile(r'<(?P<element>[a-z][a-z0-9]*)(?P<attributes>(?>(?:\s[^\s=<>"]+(?:="[^"]*")?)*))\s*/?>')
_SRC = re.compile(r'(?P<before>\s)src="(?P<url>[^"]*)"')
_DATA_SRC = re.compile(r'(?P<before>\s)data-src="(?P<url>[^"]*)"')


def split_remote_images(html: str) -> tuple[str, int]:
    """Sanitised HTML with each remote picture's address moved to `data-src`, and how many there are."""
    count = 0

    def set_aside(match: re.Match[str]) -> str:
        nonlocal count
        if not _REMOTE.match(match["url"]):
            return match.group()
        count += 1
        return f'{match["before"]}data-src="{match["url"]}"'

    return _change_images(html, lambda tag: _SRC.sub(set_aside, tag, count=1)), count


_OWN_LOOK = re.compile(r"<(?:font|img|table)\b|<[^<>]*\s(?:bgcolor=|style=\"[^\"]*(?:color|background))", re.IGNORECASE)


def has_own_look(html: str) -> bool:
    """Colours, pictures or tables: sanitised HTML that was written for white paper, and may be unreadable elsewhere."""
    return _OWN_LOOK.search(html) is not None


def restore_remote_images(html: str) -> str:
    """The opposite of `split_remote_images`."""
    return _change_images(html, lambda tag: _DATA_SRC.sub(r'\g<before>src="\g<url>"', tag, count=1))


def replace_cid(html: str, urls: Mapping[str, str]) -> str:
    """Sanitised HTML with `cid:` addresses (RFC 2392) replaced; `urls` has Content-IDs without angle brackets."""

    def replace(match: re.Match[str]) -> str:
        kind, _, content_id = unescape(match["url"]).partition(":")
        url = urls.get(content_id) or urls.get(unquote(content_id))
        if kind.lower() != "cid" or not url:
            return match.group()
        return f'{match["before"]}src="{escape(url)}"'

    return _change_images(html, lambda tag: _SRC.sub(replace, tag, count=1))


def _change_images(html: str, change: Callable[[str], str]) -> str:
    return _TAG.sub(lambda tag: change(tag.group()) if tag["element"] == "img" else tag.group(), html)
