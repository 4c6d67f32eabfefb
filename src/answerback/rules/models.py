"""Rules that an admin makes: triggers, and the webhooks they and failures call. Rows, so that they can be changed."""

from __future__ import annotations

from django.db import models


class Trigger(models.Model):
    """`conditions` {"all": [...], "any": [...]} of {"field", "operator", "value"}; `actions` [{"field", "value"}].

    Fields, operators and actions are those of Zendesk (rules/conditions, rules/actions, one file each).
    """

    key = models.CharField(max_length=60, blank=True)  # of the shipped default set; its title is translated
    title = models.CharField(max_length=200)
    active = models.BooleanField(default=True)
    position = models.PositiveIntegerField()
    conditions = models.JSONField(default=dict)
    actions = models.JSONField(default=list)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["position", "id"]


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
    secret = models.CharField(max_length=100)  # signs every call; shown once, when it was made
    headers = models.JSONField(default=dict)  # name -> value, sent along
    authentication = models.CharField(max_length=10, choices=Authentication.choices, blank=True)
    user_name = models.CharField(max_length=200, blank=True)  # of basic authentication
    password = models.CharField(max_length=2000, blank=True)  # or the bearer token; never shown again
    failing_since = models.DateTimeField(null=True)  # no call arrived since then; None after one that did
    switched_off_at = models.DateTimeField(null=True)  # by us, because it failed too long
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class WebhookCall(models.Model):
    """One event for one webhook. The row is the queue and the log; only `desk.webhook_queue` moves it.

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
