"""What agents have under their hands: unsent text, and notices."""

from __future__ import annotations

from django.db import models

from answerback.people.models import Account
from answerback.tickets.models import Ticket


class Draft(models.Model):
    """Text that is not sent yet. One per agent and ticket (and one for a new ticket)."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.CASCADE)
    public = models.BooleanField(default=True)
    text = models.TextField(blank=True)
    problem = models.CharField(max_length=300, blank=True)  # why it came back
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "ticket"], name="draft_once")]
