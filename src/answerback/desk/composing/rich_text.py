"""What the editor gave, as what is kept: harmless HTML with pictures as `cid:`, and the text that says the same.

Policy: HTML only where it says more than the text. What was typed without formatting stays plain text, on the page and
in the mail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from answerback.tickets.models import Attachment
from mailroom import alternative
from mailroom import html as mail_html

_PICTURE = re.compile(r'src="/attachments/([\w-]{20,100})/[^"]*"')
_BARE_LINK = re.compile(r'<a href="([^"]*)"[^>]*>\1</a>')  # what becomes a link by itself
_FORMAT = re.compile(r"<(?!/?(?:div|p|br)\b)[a-z]")


def shows(html: str, file: Attachment) -> bool:
    """False for a picture that is not in the text any more: nobody means to send it."""
    return not file.inline or f"cid:{file.content_id}" in html


def read(html: str, files: Sequence[Attachment]) -> tuple[str, str]:
    """Text and HTML; the HTML is "" where it says nothing that the text does not."""
    names = {file.token: file.content_id for file in files if file.content_id}
    named = _PICTURE.sub(lambda found: f'src="cid:{names.get(found[1], "")}"', html)
    clean = mail_html.sanitise(named)
    text = alternative.of(clean)
    return text, clean if _FORMAT.search(_BARE_LINK.sub(r"\1", clean)) else ""
