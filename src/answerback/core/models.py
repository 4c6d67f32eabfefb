"""What every part stands on: signing keys, the live-change feed, settings an admin changes in the workspace."""

from __future__ import annotations

from django.db import models


class SigningKey(models.Model):
    """A secret for tokens in addresses and Message-IDs. Old keys stay, so that old tokens stay readable."""

    key_id = models.PositiveSmallIntegerField(unique=True)  # 0..255, travels inside the token
    secret = models.BinaryField()  # 32 bytes
    created_at = models.DateTimeField()


class LiveChange(models.Model):
    """SQLite's stand-in for NOTIFY: a row written in the changing transaction, noticed by the web process."""

    topic = models.CharField(max_length=40)  # "ticket:42", "delivery", "views"
    at = models.DateTimeField(db_index=True)


class Setting(models.Model):
    """A setting that is changed in the workspace, not in the environment. The module that asks knows its name."""

    name = models.CharField(max_length=60, unique=True)
    value = models.JSONField()


class MailSetting(models.Model):
    """A setting of mail in the place of its default. Only `core.mail_settings` reads and writes it."""

    name = models.CharField(max_length=60, unique=True)  # as in docs/settings.md, without the prefix
    sealed = models.TextField()  # core.sealing
    changed_at = models.DateTimeField()


class IdempotentAnswer(models.Model):
    """What a request with an idempotency key was answered. Only `core.idempotency` writes it."""

    caller = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of the request
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(blank=True)
    location = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="idempotency_key_once")]
