"""Saved views, and the folded text that search looks into."""

from __future__ import annotations

from django.db import models

from answerback.people.models import Account


class View(models.Model):
    """A saved list of tickets. System views have a key, and their title is translated."""

    key = models.CharField(max_length=40, blank=True)
    title = models.CharField(max_length=200)
    conditions = models.JSONField(default=dict)  # {"all": [...], "any": [...]} of {"field", "operator", "value"}
    columns = models.JSONField(default=list)
    sort_by = models.CharField(max_length=30, default="updated")
    descending = models.BooleanField(default=True)
    owner = models.ForeignKey(Account, null=True, blank=True, on_delete=models.CASCADE)  # None: shared
    position = models.PositiveIntegerField(default=0)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["position", "id"]


class Document(models.Model):
    """A ticket's words, folded (lower case, ü = ue = u): subject, comments, names and addresses."""

    ticket = models.OneToOneField("tickets.Ticket", on_delete=models.CASCADE, related_name="document")
    text = models.TextField()
