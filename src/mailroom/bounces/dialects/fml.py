"""The list server fml refuses mail for its list.

It answers by itself, without a null return path or a report part: `X-MLServer: fml`, from `LIST-admin@domain`. Mail was
sent to `LIST@domain`, which the text does not always name. Seen for non-members, and for mail that the list takes for a
loop or for a command.
"""

from __future__ import annotations

import re
from typing import Final

from mailroom.bounces.codes import read_codes
from mailroom.bounces.notice import Notice
from mailroom.report import Action, DeliveryReport, Source

_SERVER: Final = re.compile(r"\bfml\b", re.I)
_KEEPER: Final = re.compile(r"(?P<list>.{1,64})-(?:admin|owner|request)", re.I)
_REFUSED: Final = re.compile(
    r"\b(?:rejected|not a member|not allowed|loop alert|ignored?|not permitted)\b|会員では|メンバーでは", re.I
)
MAX_DIAGNOSTIC: Final = 4000


def read(notice: Notice) -> list[DeliveryReport] | None:
    keeper = notice.mail.from_
    match = _KEEPER.fullmatch(keeper.local) if keeper else None
    if not (_SERVER.search(notice.header("X-MLServer")) and keeper and match):
        return None
    said = f"{notice.header('Subject')}\n{notice.text.strip()}"[:MAX_DIAGNOSTIC]
    if not _REFUSED.search(said):
        return None
    codes = read_codes(said)
    return [
        DeliveryReport(
            recipient=f"{match['list']}@{keeper.domain}",
            action=Action.FAILED,
            permanent=True,
            reply_code=codes.reply_code,
            status=codes.status,
            diagnostic=said,
            source=Source.REPORT,
            origins={
                "recipient": "from",
                "action": "wording",
                "status": "text",
                "reply_code": "text",
                "diagnostic": "text",
            },
        )
    ]
