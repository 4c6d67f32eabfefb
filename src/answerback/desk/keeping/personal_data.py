"""Everything about one person as a ZIP file, for the person (GDPR, article 15).

Policy: of tickets they requested all comments, of tickets of others only what they wrote and what was mailed to them.
Mail goes in as it is: what they sent as it came, what was sent to them as it left. Internal notes of their tickets lie
apart, since they may speak of others: whoever hands the file over decides.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.db.models import Q

from answerback.core import clock
from answerback.outbound.models import Delivery, DeliveryEvent
from answerback.people import merging
from answerback.people.models import Account, Identity, Person
from answerback.store import blobs, raw
from answerback.store.models import RawMail
from answerback.tickets.models import Attachment, Comment, Ticket

log = logging.getLogger(__name__)


def export(person: Person, to: IO[bytes], by: Account) -> None:
    """Write the archive. What a file of ours is missing for is named in `missing.json`."""
    log.info("account %s exports the data of person %s", by.pk, person.pk)
    missing: list[str] = []
    with ZipFile(to, "w", ZIP_DEFLATED) as archive:
        _add(archive, "person.json", _profile(person))
        for ticket in Ticket.objects.filter(requester=person).order_by("pk"):
            comments = Comment.objects.filter(ticket=ticket).select_related("author").order_by("pk")
            _add(archive, f"tickets/{ticket.pk}.json", _ticket(ticket) | _comments(comments.filter(public=True)))
            if internal := _comments(comments.filter(public=False))["comments"]:
                _add(archive, f"internal/{ticket.pk}.json", {"ticket": ticket.pk, "comments": internal})
        elsewhere = Comment.objects.filter(author=person).exclude(ticket__requester=person).order_by("pk")
        _add(archive, "comments-elsewhere.json", _comments(elsewhere.select_related("author")))
        _add(archive, "deliveries.json", [_delivery(row) for row in _deliveries(person)])
        missing += _add_files(archive, _sent_files(person))
        missing += _add_files(archive, _received(person))
        for row in _deliveries(person):
            if not row.message.erased_at:
                header = bytes(row.header or row.message.header)
                archive.writestr(f"mails/to-them/{row.pk}.eml", header + b"\r\n" + bytes(row.message.body))
        if missing:
            _add(archive, "missing.json", missing)


def _profile(person: Person) -> dict[str, Any]:
    return {
        "exported_at": clock.now(),
        "id": person.pk,
        "name": person.name,
        "organization": person.organization.name if person.organization else "",
        "language": person.language,
        "phone": person.phone,
        "notes": person.notes,
        "created_at": person.created_at,
        "updated_at": person.updated_at,
        "merged_profiles": [
            {"name": merge.person.name, "addresses": merge.addresses, "at": merge.at}
            for merge in merging.all_merged_into(person)
        ],
        "addresses": [_address(row) for row in Identity.objects.filter(person=person).order_by("-primary", "pk")],
    }


def _address(row: Identity) -> dict[str, Any]:
    plain = ("address", "primary", "verified", "created_at", "deliverability", "since", "until", "cause")
    history = row.ledger.order_by("at", "pk").values("kind", "at", "cause", "permanent", "note")
    return {name: getattr(row, name) for name in plain} | {"history": list(history)}


def _ticket(ticket: Ticket) -> dict[str, Any]:
    plain = ("subject", "status", "priority", "type", "via", "created_at", "updated_at", "solved_at")
    tags = list(ticket.tags.order_by("name").values_list("name", flat=True))
    return {"ticket": ticket.pk} | {name: getattr(ticket, name) for name in plain} | {"tags": tags}


def _comments(rows: Iterable[Comment]) -> dict[str, Any]:
    plain = ("text", "quoted_text", "via", "sender", "created_at")
    return {
        "comments": [
            {"id": row.pk, "ticket": row.ticket_id, "author": row.author.name, "mail": row.raw_mail_id}
            | {name: getattr(row, name) for name in plain}
            for row in rows
        ]
    }


def _deliveries(person: Person) -> Iterator[Delivery]:
    rows = Delivery.objects.filter(person=person).select_related("message").order_by("pk")
    return rows.iterator(chunk_size=50)


def _delivery(row: Delivery) -> dict[str, Any]:
    plain = ("recipient", "state", "smtp_code", "enhanced_code", "diagnostic", "cause", "queued_at", "failed_at")
    events = DeliveryEvent.objects.filter(delivery=row).order_by("pk").values("at", "fact", "to_state", "diagnostic")
    about = {"id": row.pk, "ticket": row.ticket_id, "subject": row.message.subject, "kind": row.kind}
    return about | {name: getattr(row, name) for name in plain} | {"events": list(events)}


def _sent_files(person: Person) -> Iterator[tuple[str, Attachment]]:
    rows = Attachment.objects.filter(comment__author=person).select_related("blob").order_by("pk")
    for row in rows.iterator(chunk_size=50):
        yield f"files/{row.pk}-{_safe(row.file_name)}", row


def _received(person: Person) -> Iterator[tuple[str, RawMail]]:
    """What they wrote, also what became no ticket."""
    written = Comment.objects.filter(author=person, raw_mail_id__isnull=False).values("raw_mail_id")
    addresses = Identity.objects.filter(person=person).values("address")
    rows = RawMail.objects.filter(Q(pk__in=written) | Q(envelope_from__in=addresses)).select_related("blob")
    for row in rows.order_by("pk").iterator(chunk_size=50):
        yield f"mails/from-them/{row.pk}.eml", row


def _add_files(archive: ZipFile, files: Iterable[tuple[str, Attachment | RawMail]]) -> Iterator[str]:
    """Names of those whose octets the disk has lost."""
    for name, row in files:
        try:
            archive.writestr(name, raw.content(row) if isinstance(row, RawMail) else blobs.read(row.blob))
        except blobs.MissingBlobError:
            yield name


def _add(archive: ZipFile, name: str, content: Any) -> None:
    archive.writestr(name, json.dumps(content, ensure_ascii=False, indent=2, default=str))


def _safe(name: str) -> str:
    """A stranger's name for a file never leads out of the folder."""
    return "".join(character if character.isalnum() or character in " ._-" else "_" for character in name).strip(" .")
