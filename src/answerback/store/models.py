"""Bytes we must never lose: received mail as it came, and files."""

from __future__ import annotations

from django.db import models


class Blob(models.Model):
    """A file under a random name. Written and fsynced before this row exists."""

    name = models.CharField(max_length=40, unique=True)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()
    stored_at = models.DateTimeField()


class RawMail(models.Model):
    """One received message, one row per SMTP transaction, or one call of a provider with events; every byte is kept."""

    class State(models.TextChoices):
        RECEIVED = "received"  # stored, not read yet
        TICKET = "ticket"  # became a ticket or a comment
        REPORT = "report"  # a delivery or feedback report that was matched
        IGNORED = "ignored"  # rightly without effect: an automatic answer, a read receipt
        UNMATCHED = "unmatched"  # a report that proves nothing: marks nobody
        SUSPENDED = "suspended"  # spam, a blocked or forged sender: waits apart, and ends by itself
        UNREADABLE = "unreadable"  # could not be turned into a ticket; a person decides
        DELETED = "deleted"  # thrown away by a person

    content = models.BinaryField(null=True)  # the octets, up to the size in store.raw; else in `blob`
    blob = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()
    doorway = models.CharField(max_length=20)  # "smtp", "pipe", "event-postmark", ...
    peer = models.CharField(max_length=100, blank=True)  # address of the client
    helo = models.CharField(max_length=255, blank=True)
    envelope_from = models.CharField(max_length=320, blank=True)  # "" is the null reverse-path
    envelope_to = models.JSONField(default=list)  # every RCPT, as given
    message_id = models.CharField(max_length=998, blank=True)
    received_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.RECEIVED)
    kind = models.CharField(max_length=20, blank=True)  # what mailroom.sorting said
    reason = models.CharField(max_length=300, blank=True)  # why it stands where it stands: a machine word, then detail
    ticket_id = models.BigIntegerField(null=True, db_index=True)
    handled_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)  # how often reading it crashed

    class Meta:
        indexes = [
            models.Index(fields=["state", "id"], name="rawmail_state"),
            models.Index(fields=["doorway", "-id"], name="rawmail_doorway"),  # the last event of a provider
        ]
