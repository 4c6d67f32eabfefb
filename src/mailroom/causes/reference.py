"""`python -m mailroom.causes.reference > docs/causes.md`: the catalogue as a document.

The document is the catalogue and nothing else: a test compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Final

from mailroom.causes import zendesk
from mailroom.causes.catalogue import Catalogue, Cause, StatusCode, load

_GROUPS: Final = {
    "agent": "What an agent can mend",
    "customer": "What the customer, or the customer's IT, can mend",
    "admin": "What an administrator can mend",
    "retry": "What mostly passes by itself",
    "quiet": "What is no failure",
}
_HARDNESS: Final = {"hard": "permanent", "soft": "temporary", "ours": "this mail only"}
_HEAD: Final = """\
# Why mail fails

Every cause that Answerback names, and every code that it knows: what an agent finds under *Why mail fails* in the
workspace, in English and German. Made from `mailroom/causes/catalogue/` by `python -m mailroom.causes.reference`.

*Permanent* causes suppress the address for 30 days, *temporary* ones when mail was given up on ten days, those of *this
mail only* never.
"""


def markdown() -> str:
    return "\n".join([_HEAD, *_causes(load()), *_codes(load()), *_statuses()])


def _causes(catalogue: Catalogue) -> Iterator[str]:
    for group, title in _GROUPS.items():
        yield f"## {title}\n"
        for cause in catalogue.causes.values():
            if cause.group == group:
                yield from _cause(cause)


def _cause(cause: Cause) -> Iterator[str]:
    codes = ", ".join(f"`{code}`" for code in cause.codes)
    details = [f"`{cause.key}`", _HARDNESS[cause.hardness], f"status id {cause.zendesk_status_id}"]
    english, german = cause.text("en"), cause.text("de")
    yield f"### {english.name[:1].upper()}{english.name[1:]}\n"
    yield " · ".join(details + ([f"typical codes {codes}"] if codes else [])) + "\n"
    yield f"{english.sentence} {english.explanation}\n"
    yield f"**{german.name}.** {german.sentence} {german.explanation}\n"


def _codes(catalogue: Catalogue) -> Iterator[str]:
    yield "## Enhanced status codes\n"
    yield "X stands for 4 or 5. A code that only one vendor uses so counts where that vendor said it.\n"
    yield from _table(
        ("code", "of", "meaning", "cause"),
        [(f"`{code.code}`", code.vendor, code.meaning["en"], f"`{code.cause}`") for code in _sorted(catalogue)],
    )
    yield "## Reply codes\n"
    yield "They count where neither words nor an enhanced code say more.\n"
    replies = sorted(catalogue.reply_codes, key=lambda reply: (reply.code, reply.stage or ""))
    yield from _table(
        ("code", "in answer to", "cause"),
        [
            (f"`{reply.code}`", reply.stage.upper() if reply.stage else "anything", f"`{reply.cause}`")
            for reply in replies
        ],
    )


def _sorted(catalogue: Catalogue) -> Sequence[StatusCode]:
    def place(code: StatusCode) -> tuple[int, int, str]:
        class_, subject, detail = code.code.split(".")
        return int(subject), int(detail.partition("-")[0]), class_

    return sorted(catalogue.status_codes, key=place)


def _statuses() -> Iterator[str]:
    yield "## Delivery statuses of the API\n"
    yield "The ids are those of the Zendesk API.\n"
    rows = zendesk.statuses().values()
    yield from _table(("id", "code", "meaning"), [(str(row.id), f"`{row.code}`", row.text("en")) for row in rows])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    lines = [head, ["---"] * len(head), *rows]
    yield "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
