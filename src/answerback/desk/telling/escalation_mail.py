"""The mail to supervisors about answers that nobody has seen to: one for all of them, each in their own language.

Policy: of a ticket only its number stands in it, as in the other mails about failures. It is mail to agents: when it
does not arrive, no ticket has failed and no further mail is written.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from answerback.desk.telling import colleague_mail, responsible
from answerback.outbound import standing
from answerback.outbound.standing import Chain

MOST = 50  # failures in one mail; the view has the rest


def send(late: Sequence[Chain], hours: int) -> None:
    """Write to every supervisor. Does nothing where nothing is late any more."""
    if late:
        colleague_mail.write(responsible.supervisors(), lambda: _subject(len(late), hours), lambda: _text(late, hours))


def _subject(count: int, hours: int) -> str:
    words = ngettext(
        "%(count)d undelivered answer nobody has seen to for %(hours)d hours",
        "%(count)d undelivered answers nobody has seen to for %(hours)d hours",
        count,
    )
    return words % {"count": count, "hours": hours}


def _text(late: Sequence[Chain], hours: int) -> str:
    lines = [_("These answers did not arrive, and nobody has put that right for %d hours:") % hours, ""]
    for chain in late[:MOST]:
        url = f"{settings.BASE_URL}/tickets/{chain.newest.ticket_id}"
        lines += [f"#{chain.newest.ticket_id} {standing.describe(chain).removeprefix('• ')}", url, ""]
    if len(late) > MOST:
        lines += [_("and %d more") % (len(late) - MOST), ""]
    lines.append(_("All of them: %s") % f"{settings.BASE_URL}/views/undelivered")
    return "\n".join(lines) + "\n"
