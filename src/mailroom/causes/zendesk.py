"""The delivery statuses of the Zendesk API, and which of them a delivery of ours has.

Policy: the code decides. The row of reply code and enhanced code together fits best, then the row of the reply code
alone, then 2. Only where nobody gave a reply code does the cause choose. States that are no failure are told by the
caller: 5 for arrived, 0 for under way, 1 while a fault of ours keeps the mail waiting.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from mailroom.causes.catalogue import LANGUAGES, load
from mailroom.status import EnhancedStatus

NONE = 0  # under way, cancelled, paused, accepted by a relay
OUR_FAULT = 1  # waiting because of us
UNRECOGNISED = 2
DELIVERED = 5  # taken by the recipient's own MX, or confirmed by a report

_FILE = Path(__file__).with_name("catalogue") / "zendesk.toml"


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """One row as the API shows it: id, name, code ("550 5.1.1") and message by language."""

    id: int
    name: str
    code: str
    message: Mapping[str, str]

    def text(self, language: str) -> str:
        """The message in `language` ("de", "de-AT"), in English where there is none."""
        return self.message.get(language.partition("-")[0].lower(), self.message["en"])


@lru_cache(maxsize=1)
def statuses() -> Mapping[int, DeliveryStatus]:
    """All statuses by id."""
    with _FILE.open("rb") as file:
        rows = tomllib.load(file)["status"]
    return {row["id"]: _status(row) for row in rows}


def status_id_for(reply_code: int | None, status: EnhancedStatus | None, cause: str) -> int:
    """The id for a failed delivery (also one that is held because of that failure)."""
    if reply_code is None:
        return load().cause(cause).zendesk_status_id
    ids = _ids_by_code()
    for code in (f"{reply_code} {status}", str(reply_code)):
        if code in ids:
            return ids[code]
    return UNRECOGNISED


@lru_cache(maxsize=1)
def _ids_by_code() -> Mapping[str, int]:
    """Ids by SMTP code; the codes of the first rows ("0" to "200") are the interface's own."""
    return {status.code: status.id for status in statuses().values() if status.id > DELIVERED}


def _status(row: dict[str, Any]) -> DeliveryStatus:
    return DeliveryStatus(row["id"], row["name"], row["code"], {language: row[language] for language in LANGUAGES})
