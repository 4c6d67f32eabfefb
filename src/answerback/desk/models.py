"""What the desk itself remembers: what people have to be told."""

from __future__ import annotations

from django.db import models

from answerback.outbound.models import Delivery
from answerback.people.models import Account
from answerback.tickets.models import Comment, Ticket


class Notice(models.Model):
    """Something one account is told in the workspace. Only `desk.notices` writes it.

    `failures` are the deliveries it is about, as they were when it happened: {"delivery_id", "person", "recipient",
    "state", "cause", "smtp_code", "enhanced_code"}. `data` holds what the other kinds need.
    """

    class Kind(models.TextChoices):
        FAILURE = "failure"  # an agent's answer did not arrive
        OVERDUE = "overdue"  # ... and nobody has seen to it in time
        COMPLAINT = "complaint"  # the recipient reported an answer as spam
        JOB = "job"  # a job over many tickets has ended: data {"job_id", "title", "done", "failed"}
        DRAFT = "draft"  # an answer could not be sent and is a draft again: data {"reason"}

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
