"""What people are told in the workspace. The one writer of `Notice`.

Policy:

* Told are those `desk.telling.responsible` names, never somebody of what they did themselves.
* Only answers: mail to agents and automatic mail make no notices, so a notice never begets another.
* No floods: as long as somebody has not read about a comment, further failures of it join the notice they have.
* A notice follows what it tells of: struck when the last of its failures is put right, open again when that fails.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, Q

from answerback.core import clock, live
from answerback.desk.models import Job, Notice
from answerback.desk.telling import responsible
from answerback.outbound import standing
from answerback.outbound.models import Message
from answerback.people.models import Account
from answerback.tickets.changes import TicketFact
from answerback.tickets.models import Event, Ticket

Kind = Notice.Kind
KEPT_READ = timedelta(days=90)
KEPT = timedelta(days=365)
_FOLLOWING = (Kind.FAILURE, Kind.OVERDUE)  # kinds that end when their failures are put right
_SHOWN = ("delivery_id", "person", "recipient", "state", "cause", "smtp_code", "enhanced_code")


# Telling


def tell_of_facts(ticket_id: int, facts: Sequence[TicketFact]) -> None:
    """What became known of a ticket's mail: failures and complaints, to whom it concerns. Then `settle`."""
    failed = [fact.data for fact in facts if fact.kind == Event.Kind.DELIVERY_FAILURE]
    failures = [data for data in failed if not data["put_right"]]
    complaints = [fact.data for fact in facts if fact.data.get("note") == "complaint"]
    for kind, payloads in ((Kind.FAILURE, failures), (Kind.COMPLAINT, complaints)):
        answers = [data for data in payloads if data["message_kind"] == Message.Kind.ANSWER]
        if answers:
            ticket = _find(ticket_id)
            _tell_each_comment(kind, ticket, responsible.people_for(ticket), answers)
    settle(ticket_id)


def tell_overdue(ticket_id: int, payloads: Sequence[dict[str, Any]]) -> None:
    """Supervisors hear of failures that nobody has seen to in time."""
    _tell_each_comment(Kind.OVERDUE, _find(ticket_id), responsible.supervisors(), payloads)


def tell_job_ended(account: Account, job: Job, done: int, failed: int) -> None:
    """Whoever started a job over many tickets hears how it ended."""
    data = {"job_id": job.pk, "title": job.kind, "undo": job.undo, "done": done, "failed": failed}
    _tell(account, Kind.JOB, data=data)


def tell_draft_not_sent(account: Account, ticket: Ticket | None, draft_id: int, reason: str) -> None:
    """An answer, or a new ticket, could not be submitted: it is a draft again. `reason` is shown as it is."""
    _tell(account, Kind.DRAFT, ticket=ticket, data={"draft_id": draft_id, "reason": reason})


def tell_by_rule(account: Account, ticket: Ticket, title: str, text: str) -> None:
    """A trigger or an automation wants somebody to know. `text` is shown as it is."""
    _tell(account, Kind.RULE, ticket=ticket, data={"title": title, "text": text})


def tell_webhook_off(webhook_id: int, name: str) -> None:
    """Every admin hears that a webhook does not work any more."""
    for account in Account.objects.filter(role=Account.Role.ADMIN, is_active=True).select_related("person"):
        _tell(account, Kind.WEBHOOK, data={"webhook_id": webhook_id, "name": name})


def tell_way_back(probe_id: int, result: str) -> None:
    """Every admin hears that failure reports do not reach us, or that nothing proves they do."""
    for account in Account.objects.filter(role=Account.Role.ADMIN, is_active=True).select_related("person"):
        _tell(account, Kind.WAY_BACK, data={"probe_id": probe_id, "result": result})


def settle_way_back() -> None:
    """Reports reach us."""
    _write(Notice.objects.filter(kind=Kind.WAY_BACK, settled_at__isnull=True), settled_at=clock.now())


def tell_lane(alarm_id: int, destination: str, alarm: str) -> None:
    """Every admin hears that a destination does worse than usual."""
    for account in Account.objects.filter(role=Account.Role.ADMIN, is_active=True).select_related("person"):
        _tell(account, Kind.LANE, data={"alarm_id": alarm_id, "destination": destination, "alarm": alarm})


def settle_lane(alarm_id: int) -> None:
    """The alarm is over."""
    told = Notice.objects.filter(kind=Kind.LANE, data__alarm_id=alarm_id, settled_at__isnull=True)
    _write(told, settled_at=clock.now())


def settle(ticket_id: int) -> None:
    """Bring the ticket's notices in line with its failures: strike what is put right, open again what is not."""
    rows = list(Notice.objects.filter(ticket_id=ticket_id, kind__in=_FOLLOWING))
    if not rows:
        return
    still_open = {pk for chain in standing.open_failures(ticket_id) for pk in chain.unresolved}
    done = {row.pk for row in rows if not still_open & {failure["delivery_id"] for failure in row.failures}}
    settled = [row for row in rows if row.pk in done and row.settled_at is None]
    reopened = [row for row in rows if row.pk not in done and row.settled_at is not None]
    _write(settled, settled_at=clock.now())
    _write(reopened, settled_at=None)


# Reading


def read(account: Account, notice_ids: Collection[int]) -> None:
    _mark_read(account, Q(pk__in=notice_ids))


def read_all(account: Account) -> None:
    _mark_read(account, Q())


def read_ticket(account: Account, ticket_id: int) -> None:
    """Whoever opens the ticket has seen what its notices tell."""
    _mark_read(account, Q(ticket=ticket_id))


def mark_unread(account: Account, notice_id: int) -> None:
    _write(Notice.objects.filter(account=account, pk=notice_id, read_at__isnull=False), read_at=None)


def count_unread(account: Account) -> int:
    """What the bar counts: not read, and not put right meanwhile."""
    return Notice.objects.filter(account=account, read_at__isnull=True, settled_at__isnull=True).count()


def times_to_notice(since: datetime, until: datetime, most: int = 20_000) -> list[timedelta | None]:
    """How long each failed comment of that time waited until the first of those who were told read it. None: still."""
    told = Notice.objects.filter(kind=Kind.FAILURE, created_at__gte=since, created_at__lt=until).order_by()
    rows = told.values("ticket", "comment").annotate(told=Min("created_at"), read=Min("read_at"))
    return [row["read"] - row["told"] if row["read"] else None for row in rows[:most]]


def forget_old() -> int:
    """Delete what was read or put right long ago, and in the end everything."""
    now = clock.now()
    over = Q(read_at__isnull=False) | Q(settled_at__isnull=False)
    return Notice.objects.filter((over & Q(at__lt=now - KEPT_READ)) | Q(at__lt=now - KEPT)).delete()[0]


def _find(ticket_id: int) -> Ticket:
    return Ticket.objects.select_related("assignee__person", "group").get(pk=ticket_id)


def _tell_each_comment(
    kind: Kind, ticket: Ticket, accounts: Sequence[Account], payloads: Iterable[dict[str, Any]]
) -> None:
    by_comment: dict[int | None, list[dict[str, Any]]] = {}
    for data in payloads:
        by_comment.setdefault(data["comment_id"], []).append(data)
    for comment_id, found in by_comment.items():
        for account in accounts:
            if news := [data for data in found if data.get("by_id") != account.pk]:
                _tell(account, kind, ticket, comment_id, [{name: data[name] for name in _SHOWN} for data in news])


def _tell(
    account: Account,
    kind: Kind,
    ticket: Ticket | None = None,
    comment_id: int | None = None,
    failures: Sequence[dict[str, Any]] = (),
    data: dict[str, Any] | None = None,
) -> None:
    now = clock.now()
    waiting = _waiting(account, kind, ticket, comment_id) if failures else None
    if waiting:
        waiting.failures = [*waiting.failures, *failures]
        waiting.at = now
        waiting.save(update_fields=["failures", "at"])
    else:
        Notice.objects.create(
            account=account,
            kind=kind,
            ticket=ticket,
            comment_id=comment_id,
            failures=list(failures),
            data=data or {},
            created_at=now,
            at=now,
        )
    _publish(account.pk)


def _waiting(account: Account, kind: Kind, ticket: Ticket | None, comment_id: int | None) -> Notice | None:
    """A notice of the same that has not been read: what is new joins it."""
    unread = Notice.objects.filter(account=account, kind=kind, read_at__isnull=True, settled_at__isnull=True)
    same = (
        unread.filter(ticket=ticket, comment=comment_id) if comment_id else unread.filter(ticket=ticket, comment=None)
    )
    return same.select_for_update().first()


def _mark_read(account: Account, which: Q) -> None:
    _write(Notice.objects.filter(which, account=account, read_at__isnull=True), read_at=clock.now())


def _write(rows: Iterable[Notice], **values: Any) -> None:
    """Set fields and tell whose notices changed. Nothing is written, or locked, where there is nothing to change."""
    found = list(rows)
    if not found:
        return
    with transaction.atomic():
        Notice.objects.filter(pk__in=[row.pk for row in found]).update(**values)
        for account_id in dict.fromkeys(row.account_id for row in found):
            _publish(account_id)


def _publish(account_id: int) -> None:
    live.publish(f"notices:{account_id}")
