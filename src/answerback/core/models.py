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
