"""One thing done to many: jobs, worked off item by item. The one writer of `Job` and `JobItem`.

Policy:

* Each item is one transaction, which holds what is done and that it is done. A crash takes back both, so an item is
  never done twice, and what was not done is picked up. The lock on the item's row is the lease: it ends with the worker
  that held it, and other workers pass over it.
* A job starts once for each key of its form, however often the form is sent. An undo, or a second go at what failed,
  exists once for each job.
* What cannot be done to an item is skipped, with the reason. An error of ours fails that item alone.
* Jobs take turns, so that a small one does not wait for a big one. One item is one transaction: what is sent
  meanwhile, and what comes in, must be stored.
* Cancelling leaves done what is done. What waits is skipped, and can be started again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from answerback.core import clock, ids, live
from answerback.desk.bulk import KINDS, About
from answerback.desk.bulk.result import Result, failed, skipped
from answerback.desk.bulk.targets import Target
from answerback.desk.models import Job, JobItem
from answerback.desk.telling import notices
from answerback.outbound.models import Delivery
from answerback.people.models import Account
from answerback.tickets.models import Ticket

log = logging.getLogger(__name__)

State = JobItem.State
Status = Job.Status
RUNNING = (Status.QUEUED, Status.WORKING)
CANCELLED = "cancelled"  # JobItem.reason
_BATCH = 1000


class NothingToDoError(ValueError):
    """A job of no items."""


class NotPossibleError(Exception):
    """The job cannot be cancelled or taken back (any more)."""


@dataclass(frozen=True)
class Progress:
    """How far a job is, in items."""

    total: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def ended(self) -> int:
        return self.done + self.skipped + self.failed

    @property
    def waiting(self) -> int:
        return self.total - self.ended


def start(
    kind: str,
    items: Sequence[Target],
    by: Account,
    *,
    key: str = "",
    source: dict[str, Any] | None = None,
    **options: Any,
) -> Job:
    """A job over `items`; the one that `key` has started already, where there is one. NothingToDoError."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind of job: {kind}")
    job = Job(kind=kind, options=options, source=source or {}, by=by, key=key or ids.random_token())
    return _start(job, [_item(kind, target) for target in items])


def start_new(kind: str, wanted: Sequence[dict[str, Any]], by: Account, source: dict[str, Any]) -> Job:
    """A job that makes something of each of `wanted`, which are options. NothingToDoError."""
    job = Job(kind=kind, source=source, by=by, key=ids.random_token())
    return _start(job, [JobItem(options=one) for one in wanted])


def record(kind: str, ticket_ids: Iterable[int], result: Result, by: Account, source: dict[str, Any]) -> Job:
    """A job that is over: it was done at once, and is kept for those who ask how it went. It has no way back."""
    now = clock.now()
    job = Job(kind=kind, source=source, by=by, key=ids.random_token(), status=Status.COMPLETED, ended_at=now)
    told = {"state": result.state, "reason": result.reason, "detail": result.detail, "ended_at": now}
    return _start(job, [JobItem(ticket_id=pk, **told) for pk in ticket_ids])


def work(seconds: float = 0.5) -> int:
    """Do items of all running jobs in turn, for about so long, but one of each. Gives how many were done."""
    end = time.monotonic() + seconds
    found = list(Job.objects.filter(status__in=RUNNING).select_related("by__person").order_by("id"))
    going, count = found, 0
    while going:
        going = [job for job in going if _do_one(job)]
        count += len(going)
        if time.monotonic() > end:
            break
    _tell(found, [_finish(job) for job in found if job not in going])
    return count


def cancel(job: Job, by: Account) -> None:
    """Do no more of it. NotPossibleError where it has ended."""
    with transaction.atomic():
        changed = Job.objects.filter(pk=job.pk, status__in=RUNNING).update(
            status=Status.KILLED, cancelled_by=by, ended_at=clock.now()
        )
        if not changed:
            raise NotPossibleError
        JobItem.objects.filter(job=job, state=State.WAITING).update(
            state=State.SKIPPED, reason=CANCELLED, ended_at=clock.now()
        )
        _publish(job)


def may_undo(job: Job) -> bool:
    """Whether there is a way back, and nobody has taken it yet. The job has ended."""
    kind, done = KINDS.get(job.kind), JobItem.objects.filter(job=job, state=State.DONE)
    return (
        kind is not None
        and kind.undo is not None
        and not job.undo
        and job.status not in RUNNING
        and done.exists()
        and not Job.objects.filter(key=_undo_key(job)).exists()
        and (kind.still is None or kind.still(done))
    )


def undo(job: Job, by: Account) -> Job:
    """A new job that takes back what this one did, the last first. NotPossibleError."""
    if existing := Job.objects.filter(key=_undo_key(job)).first():
        return existing
    if not may_undo(job):
        raise NotPossibleError
    back = Job(kind=job.kind, options=job.options, source=job.source, by=by, key=_undo_key(job), undo=True, origin=job)
    done = JobItem.objects.filter(job=job, state=State.DONE).order_by("-id")
    return _start(back, [JobItem(ticket_id=one.ticket_id, delivery_id=one.delivery_id, undoes=one) for one in done])


def may_start_again(job: Job) -> bool:
    return (
        job.status not in RUNNING and _left_over(job).exists() and not Job.objects.filter(key=_again_key(job)).exists()
    )


def start_again(job: Job, by: Account) -> Job:
    """A new job for what failed or was cancelled. NotPossibleError."""
    if existing := Job.objects.filter(key=_again_key(job)).first():
        return existing
    if not may_start_again(job):
        raise NotPossibleError
    again = Job(
        kind=job.kind, options=job.options, source=job.source, by=by, key=_again_key(job), undo=job.undo, origin=job
    )
    rows = [
        JobItem(ticket_id=one.ticket_id, delivery_id=one.delivery_id, options=one.options, undoes_id=one.undoes_id)
        for one in _left_over(job).order_by("id")
    ]
    return _start(again, rows)


def running() -> list[int]:
    """Ids of the jobs that are not done."""
    return list(Job.objects.filter(status__in=RUNNING).order_by("id").values_list("pk", flat=True))


def progress_of(jobs: Iterable[Job]) -> dict[int, Progress]:
    """By job id, in one query."""
    found: dict[int, dict[str, int]] = {}
    rows = (
        JobItem.objects.filter(job__in=[job.pk for job in jobs]).values("job_id", "state").annotate(count=Count("pk"))
    )
    for row in rows:
        found.setdefault(row["job_id"], {})[row["state"]] = row["count"]
    return {
        pk: Progress(
            total=sum(counts.values()),
            done=counts.get(State.DONE, 0),
            skipped=counts.get(State.SKIPPED, 0),
            failed=counts.get(State.FAILED, 0),
        )
        for pk, counts in found.items()
    }


def progress(job: Job) -> Progress:
    return progress_of([job]).get(job.pk, Progress())


# Starting


def _start(job: Job, rows: list[JobItem]) -> Job:
    if not rows:
        raise NothingToDoError
    job.created_at = clock.now()
    try:
        with transaction.atomic():
            job.save()
            for row in rows:
                row.job = job
            JobItem.objects.bulk_create(rows, batch_size=_BATCH)
            _publish(job)
    except IntegrityError:  # the form was sent twice
        return Job.objects.get(key=job.key)
    return job


def _item(kind: str, target: Target) -> JobItem:
    """A ticket without anything of that kind needs no work to be told."""
    item = JobItem(ticket_id=target.ticket_id, delivery_id=target.delivery_id, options=target.options)
    if KINDS[kind].about in (About.FAILURES, About.HELD) and target.delivery_id is None:
        item.state, item.ended_at = State.SKIPPED, clock.now()
        item.reason = "nothing_held" if KINDS[kind].about is About.HELD else "no_failure"
    return item


def _undo_key(job: Job) -> str:
    return f"undo-{job.pk}"


def _again_key(job: Job) -> str:
    return f"again-{job.pk}"


def _left_over(job: Job) -> QuerySet[JobItem]:
    rest = Q(state=State.FAILED) | Q(state=State.SKIPPED, reason=CANCELLED)
    return JobItem.objects.filter(rest, job=job)


# Working


def _do_one(job: Job) -> bool:
    """Do one item that nobody else has in hand. False where there is none."""
    item: JobItem | None = None
    try:
        with transaction.atomic():
            waiting = JobItem.objects.filter(job=job, state=State.WAITING).order_by("id")
            item = waiting.select_for_update(skip_locked=True).first()
            if item is None:
                return False
            if job.status == Status.QUEUED:
                Job.objects.filter(pk=job.pk, status=Status.QUEUED).update(status=Status.WORKING)
                job.status = Status.WORKING
            _note(item, _act(job, item))
    except (OperationalError, InterfaceError):
        raise  # the database, not the item: it waits for better times
    except Exception:
        if item is None:
            raise
        log.exception("item %s of job %s could not be done", item.pk, job.pk)
        _note(item, failed("unexpected"))
    return True


def _act(job: Job, item: JobItem) -> Result:
    if job.by is None:
        return skipped("nobody")
    kind = KINDS[job.kind]
    if item.ticket_id is None and kind.about not in (About.NEW_TICKETS, About.PERSON):
        return skipped("gone")
    try:
        if not job.undo:
            return kind.act(item, {**job.options, **item.options}, job.by)
        if kind.undo is None or item.undoes is None:
            return skipped("nothing_to_undo")
        return kind.undo(item.undoes, job.by)
    except (Ticket.DoesNotExist, Delivery.DoesNotExist):
        return skipped("gone")


def _note(item: JobItem, result: Result) -> None:
    made = {"ticket_id": result.ticket_id} if result.ticket_id else {}
    JobItem.objects.filter(pk=item.pk, state=State.WAITING).update(
        state=result.state, reason=result.reason, detail=result.detail, ended_at=clock.now(), **made
    )


def _finish(job: Job) -> bool:
    """End the job where nothing of it waits, also in other workers' hands. True where it was we who ended it."""
    waiting = JobItem.objects.filter(job=OuterRef("pk"), state=State.WAITING)
    reached = progress(job)
    status = Status.FAILED if reached.failed and reached.failed == reached.total else Status.COMPLETED
    with transaction.atomic():
        rows = Job.objects.filter(~Exists(waiting), pk=job.pk, status__in=RUNNING)
        ended = bool(rows.update(status=status, ended_at=clock.now()))
        if ended and job.by:
            notices.tell_job_ended(job.by, job, reached.done, reached.failed)
    return ended


def _tell(jobs: Sequence[Job], finished: Sequence[bool]) -> None:
    for job in jobs:
        live.publish(f"job:{job.pk}")
    if any(finished):
        live.publish(live.JOBS)


def _publish(job: Job) -> None:
    live.publish(f"job:{job.pk}")
    live.publish(live.JOBS)
