"""Triggers: rules that run on every update of a ticket. Rows, so that admins can change them."""

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
