"""The conversation. A ticket changes in one way only: `tickets.update`."""

from __future__ import annotations

from django.db import models

from answerback.core import clock
from answerback.people.models import LANGUAGES, Account, Group, Person
from answerback.store.models import Blob

FAILURE_TAG = "system_email_notification_failure"


class SupportAddress(models.Model):
    """An address customers write to, and answers leave from."""

    name = models.CharField(max_length=100)  # the team's name in From: "Ada, Acme Support"
    address = models.EmailField()
    normal = models.CharField(max_length=320, unique=True)
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.SET_NULL)
    language = models.CharField(max_length=5, choices=LANGUAGES, default="en")
    default = models.BooleanField(default=False)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.address


class Ticket(models.Model):
    class Status(models.TextChoices):
        NEW = "new"
        OPEN = "open"
        PENDING = "pending"
        HOLD = "hold"
        SOLVED = "solved"
        CLOSED = "closed"

    class Priority(models.TextChoices):
        LOW = "low"
        NORMAL = "normal"
        HIGH = "high"
        URGENT = "urgent"

    class Type(models.TextChoices):
        QUESTION = "question"
        INCIDENT = "incident"
        PROBLEM = "problem"
        TASK = "task"

    class Health(models.TextChoices):
        """What the list says of deliveries without joining them. Written by the desk's reaction to events."""

        NONE = ""
        TRYING = "trying"  # something deferred or delayed
        FAILED = "failed"  # an open failure of an agent's answer
        AUTOMATIC_FAILED = "automatic"  # only automatic mail failed

    subject = models.CharField(max_length=500)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.NEW)
    # sorts and compares statuses and priorities in the database (status<solved)
    status_rank = models.PositiveSmallIntegerField(default=0)
    priority = models.CharField(max_length=8, choices=Priority.choices, blank=True)
    priority_rank = models.PositiveSmallIntegerField(default=0)
    type = models.CharField(max_length=10, choices=Type.choices, blank=True)
    requester = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="requested_tickets")
    submitter = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    assignee = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.SET_NULL, related_name="assigned_tickets"
    )
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.SET_NULL)
    support_address = models.ForeignKey(SupportAddress, on_delete=models.PROTECT)
    via = models.CharField(max_length=10)  # email, web, api
    follow_up_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL)
    # the conversation goes on there; whoever follows it goes through `tickets.merged`
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="merged")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    solved_at = models.DateTimeField(null=True)
    # what automations count hours from
    status_at = models.DateTimeField()
    assigned_at = models.DateTimeField(null=True)
    requester_updated_at = models.DateTimeField(null=True)
    assignee_updated_at = models.DateTimeField(null=True)
    delivery_health = models.CharField(max_length=10, choices=Health.choices, blank=True, default="")
    failed_at = models.DateTimeField(null=True)  # newest open failure
    ever_failed = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["status_rank", "-updated_at", "-id"], name="ticket_status"),
            models.Index(fields=["assignee", "status_rank", "-updated_at"], name="ticket_assignee"),
            models.Index(fields=["group", "status_rank", "-updated_at"], name="ticket_group"),
            models.Index(fields=["requester", "-updated_at"], name="ticket_requester"),
            models.Index(fields=["delivery_health", "-failed_at"], name="ticket_health"),
            models.Index(fields=["-updated_at", "-id"], name="ticket_updated"),
            models.Index(fields=["-created_at", "-id"], name="ticket_created"),
            models.Index(
                fields=["-updated_at", "-id"], condition=models.Q(ever_failed=True), name="ticket_ever_failed"
            ),
            models.Index(fields=["status", "status_at"], name="ticket_status_at"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.subject}"


class Tag(models.Model):
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ticket", "name"], name="tag_once")]
        indexes = [models.Index(fields=["name", "ticket"], name="tag_name")]


class Participant(models.Model):
    """Somebody on a ticket. Its id is what a Reply-To token binds (docs/architecture.md)."""

    class Role(models.TextChoices):
        REQUESTER = "requester"
        CC = "cc"
        AGENT = "agent"  # got a notification, may answer by mail
        FORMER = "former"  # removed; a reply with the token still finds the ticket

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="participants")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="participations")
    role = models.CharField(max_length=10, choices=Role.choices)
    confirmed = models.BooleanField(default=True)  # False: named by unauthenticated mail, waits for an agent's click
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ticket", "person"], name="participant_once")]


class Audit(models.Model):
    """One update of a ticket by one actor. Its parts are `Event`s."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="audits")
    author = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")  # None: the system
    via = models.CharField(max_length=10)  # web, api, email, rule, system
    rule_kind = models.CharField(max_length=10, blank=True)  # of updates by a rule: trigger, automation
    rule_id = models.BigIntegerField(null=True)
    rule_title = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["ticket", "id"], name="audit_ticket")]


class Event(models.Model):
    """A part of an audit. `data` holds what the kind needs; its shapes are listed in tickets/events.py."""

    class Kind(models.TextChoices):
        CREATE = "Create"
        CHANGE = "Change"
        COMMENT = "Comment"
        NOTIFICATION = "Notification"
        CC_CHANGE = "EmailCcChange"
        DELIVERY_FAILURE = "DeliveryFailure"
        DELIVERY_RESOLUTION = "DeliveryResolution"
        DELIVERY_NOTE = "DeliveryNote"
        RULE = "Rule"  # what a rule did beside changes, comments and mail: called a webhook, held mail, ...

    audit = models.ForeignKey(Audit, on_delete=models.CASCADE, related_name="events")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    field = models.CharField(max_length=30, blank=True)
    data = models.JSONField(default=dict)


class Comment(models.Model):
    """A public comment or an internal note. Text and HTML are the new part; what was quoted is kept apart."""

    class Trust(models.TextChoices):
        NONE = ""  # written in the workspace or by the API
        AUTHENTICATED = "authenticated"  # mail whose author domain proved itself
        UNVERIFIED = "unverified"
        OTHER_SENDER = "other_sender"  # a valid token, but somebody else wrote: internal, with a warning

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="comments")
    audit = models.OneToOneField(Audit, on_delete=models.CASCADE, related_name="comment")
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    public = models.BooleanField()
    text = models.TextField()
    html = models.TextField(blank=True)  # sanitised
    quoted_text = models.TextField(blank=True)
    quoted_html = models.TextField(blank=True)  # sanitised
    via = models.CharField(max_length=10)
    trust = models.CharField(max_length=16, choices=Trust.choices, blank=True, default="")
    sender = models.CharField(max_length=320, blank=True)  # From of the mail, as it stood there
    authenticated_domain = models.CharField(max_length=255, blank=True)
    raw_mail_id = models.BigIntegerField(null=True, db_index=True)
    message_id = models.CharField(max_length=998, blank=True)  # of the mail it came in
    automatic = models.CharField(max_length=40, blank=True)  # why the mail counts as automatic; "" = a person's
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["ticket", "id"], name="comment_ticket")]


class Attachment(models.Model):
    """A file of a comment, or an upload that waits for one."""

    comment = models.ForeignKey(Comment, null=True, on_delete=models.CASCADE, related_name="attachments")
    uploaded_by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    upload = models.CharField(max_length=64, blank=True, default="")  # of a program: files under one token
    token = models.CharField(max_length=64, unique=True)  # unguessable: part of its address
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=127)
    size = models.BigIntegerField()
    inline = models.BooleanField(default=False)
    content_id = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["upload"], condition=~models.Q(upload=""), name="attachment_upload")]


class FileLink(models.Model):
    """A file that went out as a link: whoever has the token may fetch it, until it expires or is withdrawn."""

    attachment = models.OneToOneField(Attachment, on_delete=models.CASCADE, related_name="link")
    token = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    downloads = models.PositiveIntegerField(default=0)
    downloaded_at = models.DateTimeField(null=True)  # last time

    @property
    def ended(self) -> bool:
        """Expired or withdrawn."""
        return self.withdrawn_at is not None or self.expires_at <= clock.now()
