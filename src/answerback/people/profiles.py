"""What an agent changes about a customer. Addresses are `people.identities`' matter."""

from __future__ import annotations

from answerback.core import clock, live
from answerback.people.models import LANGUAGES, Person

_LANGUAGES = {code for code, _name in LANGUAGES}


def edit(person: Person, *, name: str, phone: str = "", notes: str = "", language: str = "") -> None:
    """Set the plain facts of a person. A name nobody gave stays the old one."""
    person.name = " ".join(name.split())[:200] or person.name
    person.phone = phone.strip()[:60]
    person.notes = notes.strip()
    person.language = language if language in _LANGUAGES else ""
    person.updated_at = clock.now()
    person.save(update_fields=["name", "phone", "notes", "language", "updated_at"])
    live.publish(f"person:{person.pk}")
