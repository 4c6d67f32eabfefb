"""Rules that an admin makes, as rows, so that they can be changed.

Triggers run on every update of a ticket, automations as time passes; webhooks are what they and failures call.
"""

from __future__ import annotations

from django.db import models

from answerback.core.sealed_field import SealedTextField
from answerback.people.models import Account, Group
from answerback.tickets.changes import ByRule
from answerback.tickets.models import Ticket


class Rule(models.Model):
    """What triggers and automations have in common.

    `conditions` {"all": [...], "any": [...]} of {"field", "operator", "value"}; `actions` [{"field", "value"}]. Fields,
    operators and actions are those of Zendesk (rules/conditions, rules/actions, one file each).
    """

    key = models.CharField(max_length=60, blank=True)  # of the shipped default set; its title is translated
    title = models.CharField(max_length=200)
    active = models.BooleanField(default=True)
    position = models.PositiveIntegerField()
    conditions = models.JSONField(default=dict)
    actions = models.JSONField(default=list)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)  # gone for everybody, and can be brought back

    class Meta:
        abstract = True
        ordering = ["position", "id"]


class Trigger(Rule):
    """Runs on every update of a ticket."""

    @property
    def by(self) -> ByRule:
        return ByRule("trigger", self.pk, self.title)


class Automation(Rule):
    """Runs on tickets for which time has passed. It has at least one condition on hours."""

    looked_until = models.BigIntegerField(default=0)  # id of the ticket at which the last run ended; 0: all were seen

    @property
    def by(self) -> ByRule:
        return ByRule("automation", self.pk, self.title)


class Firing(models.Model):
    """A rule did something to a ticket: for the count of uses, and to stop what would run for ever. Kept 30 days."""

    trigger = models.ForeignKey(Trigger, null=True, on_delete=models.CASCADE, related_name="firings")
    automation = models.ForeignKey(Automation, null=True, on_delete=models.CASCADE, related_name="firings")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["ticket", "at"], name="firing_ticket")]


class AutomationMark(models.Model):
    """Up to which update an automation has seen to a ticket: it acts again only after a newer one."""

    automation = models.ForeignKey(Automation, on_delete=models.CASCADE, related_name="marks")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="+")
    audit_id = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["automation", "ticket"], name="automation_mark_once")]


class Revision(models.Model):
    """What a rule was after each change, by whom."""

    class Act(models.TextChoices):
        CREATED = "created"
        CHANGED = "changed"
        SWITCHED_ON = "switched_on"
        SWITCHED_OFF = "switched_off"
        MOVED = "moved"
        DELETED = "deleted"
        BROUGHT_BACK = "brought_back"
        RESTORED = "restored"  # to what was shipped
        WENT_BACK = "went_back"  # to an earlier version

    trigger = models.ForeignKey(Trigger, null=True, on_delete=models.CASCADE, related_name="revisions")
    automation = models.ForeignKey(Automation, null=True, on_delete=models.CASCADE, related_name="revisions")
    act = models.CharField(max_length=12, choices=Act.choices)
    by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    title = models.CharField(max_length=200)
    conditions = models.JSONField(default=dict)
    actions = models.JSONField(default=list)


class Webhook(models.Model):
    """An address of another program that is told of events. Written by `rules.webhooks`, switched off by the queue."""

    class Authentication(models.TextChoices):
        NONE = ""
        BASIC = "basic"
        BEARER = "bearer"

    name = models.CharField(max_length=100)
    endpoint = models.CharField(max_length=2000)  # http or https
    events = models.JSONField(default=list)  # names of rules.webhooks.EVENTS; triggers call it whatever stands here
    active = models.BooleanField(default=True)
    secret = SealedTextField()  # signs every call; shown once, when it was made
    headers = models.JSONField(default=dict)  # name -> value, sent along
    authentication = models.CharField(max_length=10, choices=Authentication.choices, blank=True)
    user_name = models.CharField(max_length=200, blank=True)  # of basic authentication
    password = SealedTextField(blank=True)  # or the bearer token; never shown again
    failing_since = models.DateTimeField(null=True)  # no call arrived since then; None after one that did
    switched_off_at = models.DateTimeField(null=True)  # by us, because it failed too long
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class WebhookCall(models.Model):
    """One event for one webhook. The row is the queue and the log; only `desk.calling_webhooks.webhook_queue` moves it.

    `next_attempt_at` is set exactly while the call waits. Claiming moves it to the end of the lease and counts
    `attempts`; whoever holds that number writes the outcome.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        ARRIVED = "arrived"
        GIVEN_UP = "given_up"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="calls")
    event = models.CharField(max_length=40)  # delivery.failed, trigger, test, ...
    event_id = models.CharField(max_length=64)  # the same for every attempt and replay: receivers count it once
    body = models.TextField()  # JSON, as it is sent each time
    replay = models.BooleanField(default=False)  # an admin had it sent once more
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    # what the last attempt brought
    status_code = models.PositiveSmallIntegerField(null=True)
    response = models.TextField(blank=True)  # the beginning of it
    error = models.CharField(max_length=300, blank=True)  # machine word and detail, where nobody answered
    history = models.JSONField(default=list)  # one {"at", "status", "error", "seconds"} for each attempt
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "event_id"], condition=models.Q(replay=False), name="webhook_event_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=models.Q(next_attempt_at__isnull=False), name="webhook_call_due"
            ),
            models.Index(fields=["webhook", "-id"], name="webhook_call_log"),
        ]


class Macro(models.Model):
    """A prepared answer with the changes that go with it. `desk.running_rules.macros` applies it, never by itself.

    `actions` [{"field", "value"}]: comment_value {language: text} ("" for every other language),
    comment_mode_is_public, status, priority, type, set_tags, current_tags (adds), remove_tags, assignee_id, group_id,
    cc (an address). "::" in the title puts it under headings.
    """

    key = models.CharField(max_length=60, blank=True)  # of the shipped set; its title is translated
    title = models.CharField(max_length=200)
    description = models.CharField(max_length=300, blank=True)
    active = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)
    owner = models.ForeignKey(Account, null=True, on_delete=models.CASCADE, related_name="macros")  # None: shared
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="+")  # only for its members
    actions = models.JSONField(default=list)
    used = models.PositiveIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)  # can be taken back for a while
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.title
