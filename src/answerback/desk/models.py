"""What the desk itself remembers: what people have to be told, and work that goes over many tickets, and what agents
are writing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models

from answerback.outbound.models import Delivery
from answerback.people.models import Account
from answerback.tickets.models import Comment, Ticket


class Notice(models.Model):
    """Something one account is told in the workspace. Only `desk.telling.notices` writes it.

    `failures` are the deliveries it is about, as they were when it happened: {"delivery_id", "person", "recipient",
    "state", "cause", "smtp_code", "enhanced_code"}. `data` holds what the other kinds need.
    """

    class Kind(models.TextChoices):
        FAILURE = "failure"  # an agent's answer did not arrive
        OVERDUE = "overdue"  # ... and nobody has seen to it in time
        COMPLAINT = "complaint"  # the recipient reported an answer as spam
        JOB = "job"  # a job over many tickets has ended: data {"job_id", "title", "undo", "done", "failed"}
        DRAFT = "draft"  # an answer could not be sent and is a draft again: data {"draft_id", "reason"}
        RULE = "rule"  # a trigger or an automation says so: data {"title", "text"}
        WAY_BACK = "way_back"  # failure reports do not reach us, or nothing proves it: data {"probe_id", "result"}
        LANE = "lane"  # a destination does worse than usual: data {"alarm_id", "destination", "alarm"}
        WEBHOOK = "webhook"  # it failed too long and was switched off: data {"webhook_id", "name"}

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.CASCADE, related_name="+")
    comment = models.ForeignKey(Comment, null=True, on_delete=models.SET_NULL, related_name="+")
    failures = models.JSONField(default=list)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    at = models.DateTimeField()  # of the last thing it tells; the list is sorted by it
    read_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)  # everything it tells of has been put right

    @property
    def failing(self) -> Sequence[dict[str, Any]]:
        """The last failure of each recipient: what was resent and failed again is one recipient, not two."""
        return list({failure["recipient"]: failure for failure in self.failures}.values())

    class Meta:
        indexes = [
            models.Index(fields=["account", "-at", "-id"], name="notice_list"),
            models.Index(
                fields=["account"],
                condition=models.Q(read_at__isnull=True, settled_at__isnull=True),
                name="notice_unread",
            ),
            models.Index(fields=["ticket", "account"], name="notice_ticket"),
        ]


class Escalation(models.Model):
    """A failure that nobody saw to in time. The row keeps supervisors from being told twice."""

    delivery = models.OneToOneField(Delivery, on_delete=models.CASCADE, related_name="escalation")
    at = models.DateTimeField()
    mailed_at = models.DateTimeField(null=True)  # stood in a mail to the supervisors, or was put right before

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(mailed_at__isnull=True), name="escalation_not_mailed"),
            models.Index(fields=["mailed_at"], name="escalation_mailed"),
        ]


class Job(models.Model):
    """One thing done to many tickets or failures. `desk.jobs` is the one writer; the statuses are Zendesk's."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        WORKING = "working"
        COMPLETED = "completed"
        FAILED = "failed"  # not one item could be done
        KILLED = "killed"  # cancelled; what was done before stays done

    kind = models.CharField(max_length=30)  # a key of desk.bulk.KINDS, or of what was done at once
    options = models.JSONField(default=dict)  # what that kind needs: {"old": "a.example", "new": "b.example"}
    source = models.JSONField(default=dict)  # where it was started: {"view": "undelivered"}, {"cause": "mailbox_full"}
    key = models.CharField(max_length=64, unique=True)  # of the form: sent twice, it starts once
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    undo = models.BooleanField(default=False)  # takes back what `origin` did
    origin = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="followers")
    by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    cancelled_by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(status__in=["queued", "working"]), name="job_running"
            ),  # what the worker looks for every second
        ]


class JobItem(models.Model):
    """One ticket, or one failure of a ticket, and what became of it."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        SKIPPED = "skipped"  # nothing to do there, and why
        FAILED = "failed"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="items")
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.SET_NULL, related_name="+")
    delivery = models.ForeignKey(Delivery, null=True, on_delete=models.SET_NULL, related_name="+")
    options = models.JSONField(default=dict)  # of this item alone, before the job's
    undoes = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=40, blank=True)  # a word of workspace.job_words
    detail = models.JSONField(default=dict)  # what the words name, and what an undo needs
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["job", "state", "id"], name="job_item_state")]


class Draft(models.Model):
    """What an agent writes: until it is sent, for the seconds in which that can be undone, and a day longer.

    Written by `desk.composing.drafts` alone. Waits while `send_at` is set and `sent_at` is not.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="drafts")
    # None: a ticket that is not there yet; then `fields` holds what else was typed, and sending it sets the ticket
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.CASCADE, related_name="drafts")
    fields = models.JSONField(default=dict)  # requester, cc, subject, … as typed
    public = models.BooleanField(default=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)  # sanitised, pictures as cid:
    status = models.CharField(max_length=8, blank=True)  # "send as"
    files = models.JSONField(default=list)  # tokens of attachments, in their order
    replaces = models.JSONField(default=list)  # failed deliveries this answers anew
    as_links = models.BooleanField(default=False)
    seen_comment_id = models.BigIntegerField(default=0)  # the newest comment when the writing began
    version = models.PositiveIntegerField(default=1)  # a save names the one it has seen
    problem = models.CharField(max_length=20, blank=True)  # why it could not be sent: desk.composing.submitting.Problem
    send_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["send_at", "id"],
                condition=models.Q(send_at__isnull=False, sent_at__isnull=True),
                name="draft_due",
            ),
            models.Index(fields=["account", "ticket", "-updated_at"], name="draft_place"),
        ]


class Presence(models.Model):
    """Who has a ticket open, and whether they write. Over when `at` is older than `desk.composing.presence.LASTS`."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="present")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    writing = models.BooleanField(default=False)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ticket", "account"], name="presence_once")]


class AdminChange(models.Model):
    """Something that was changed in the administration. Only `desk.admin_changes` writes it, and nobody changes it."""

    class Act(models.TextChoices):
        ADDED = "added"
        CHANGED = "changed"
        REMOVED = "removed"

    class Via(models.TextChoices):
        WEB = "web"
        API = "api"
        COMMAND = "command"
        LINK = "link"  # of the console, by which the first account is made

    at = models.DateTimeField(db_index=True)
    by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=200, blank=True)  # as they were called then; "" for a command
    via = models.CharField(max_length=10, choices=Via.choices)
    act = models.CharField(max_length=10, choices=Act.choices)
    kind = models.CharField(max_length=30)  # desk.admin_changes.KINDS
    subject = models.CharField(max_length=300)  # what it was called
    subject_id = models.CharField(max_length=60, blank=True)
    changes = models.JSONField(default=dict)  # field -> [before, after]; of secrets only that they changed
    words = models.TextField()  # all of it in lower case, to be searched
