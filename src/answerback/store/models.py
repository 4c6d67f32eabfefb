"""Bytes we must never lose: received mail as it came, and files."""

from __future__ import annotations

from django.db import models


class Blob(models.Model):
    """A file under a random name. Written and fsynced before this row exists."""

    name = models.CharField(max_length=40, unique=True)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()
    stored_at = models.DateTimeField()
    let_go_at = models.DateTimeField(null=True)  # what named it is gone: `blobs.remove_let_go` takes it away

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(let_go_at__isnull=False), name="blob_let_go"),
        ]


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
    arrival_key = models.CharField(max_length=64, blank=True)  # the same for one message to the same support address
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
        constraints = [
            models.UniqueConstraint(
                fields=["arrival_key"],
                condition=models.Q(state="ticket") & ~models.Q(arrival_key=""),
                name="one_comment_of_a_message",
            )
        ]


class MailboxState(models.Model):
    """How far a folder has been fetched, and how it goes. One row for each that was ever connected to."""

    class Trouble(models.TextChoices):
        NONE = ""
        SIGN_IN = "sign_in"  # the server does not take user and password
        OAUTH = "oauth"  # no access token could be had
        FOLDER = "folder"  # there is no such folder
        TLS = "tls"  # the certificate is not good
        NETWORK = "network"  # cannot be reached, or breaks off
        PROTOCOL = "protocol"  # says what no IMAP server should
        STORAGE = "storage"  # our own: the mail could not be stored

    name = models.CharField(max_length=400, unique=True)  # mailroom.imap_url.Mailbox.name
    uid_validity = models.BigIntegerField(null=True)  # RFC 3501 §2.3.1.1; None: never opened
    last_uid = models.BigIntegerField(default=0)  # all up to it are stored, or were left on purpose
    unseen_until = models.BigIntegerField(default=0)  # up to it only what nobody had read counts as new
    left = models.PositiveIntegerField(default=0)  # messages too big for us, still in the folder
    trouble = models.CharField(max_length=10, choices=Trouble.choices, blank=True)
    said = models.CharField(max_length=300, blank=True)  # the server's words, or the system's
    since = models.DateTimeField()  # of this trouble, or of none
    looked_at = models.DateTimeField(null=True)  # last time that all was well
    fetched = models.BigIntegerField(default=0)  # messages ever stored

    def __str__(self) -> str:
        return self.name
