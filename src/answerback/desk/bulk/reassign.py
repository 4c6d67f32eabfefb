"""Other hands: a new assignee, a new group, or both. Taken back, it is theirs again who had it."""

from __future__ import annotations

from answerback.desk.bulk import update_tickets

act = update_tickets.act
foresee = update_tickets.foresee
undo = update_tickets.undo
