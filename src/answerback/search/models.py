"""Saved views, and what the full text holds."""

from __future__ import annotations

from django.db import models

from answerback.people.models import Account, Group


class View(models.Model):
    """A saved list of tickets. System views have a key, and their title is translated."""

    key = models.CharField(max_length=40, blank=True)
    title = models.CharField(max_length=200)
    conditions = models.JSONField(default=dict)  # {"all": [...], "any": [...]} of {"field", "operator", "value"}
    columns = models.JSONField(default=list)
    sort_by = models.CharField(max_length=30, default="updated")
    descending = models.BooleanField(default=True)
    group_by = models.CharField(max_length=30, blank=True)  # "" = not grouped
    group_descending = models.BooleanField(default=False)
    owner = models.ForeignKey(Account, null=True, blank=True, on_delete=models.CASCADE)  # None: shared
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE)  # shared with it only
    position = models.PositiveIntegerField(default=0)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)  # can be taken back for a while

    class Meta:
        ordering = ["position", "id"]


class Document(models.Model):
    """A part of a ticket in the full text. The words themselves lie in the index (search.index)."""

    ticket = models.ForeignKey("tickets.Ticket", on_delete=models.CASCADE, related_name="documents")
    number = models.PositiveSmallIntegerField(default=0)
    first_comment = models.BigIntegerField(default=0)
    last_comment = models.BigIntegerField(default=0)
    head = models.CharField(max_length=16)  # digest of subject and people: where it differs, they changed

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ticket", "number"], name="document_once")]
        indexes = [models.Index(fields=["-ticket"], condition=models.Q(number=1), name="document_long")]


class PersonDocument(models.Model):
    """A person in the full text."""

    person = models.OneToOneField("people.Person", on_delete=models.CASCADE, related_name="document")
    number = models.PositiveSmallIntegerField(default=0)
    seen = models.DateTimeField(null=True)  # the person's updated_at when it was read
