"""A desk with many tickets, written in bulk: what the other scripts measure on.

Every ticket has a requester, two comments of some 25 words, and a tag. One of fifty is not solved, one of two hundred
has an answer that failed. Of every two tickets one has the word "printer", of a hundred one "invoice", and eleven in
all "zanzibar". The words of the search index are made by the product's own code.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

PASSWORD = "benchmark-only"
BATCH = 2000
PEOPLE_PER_TICKET = 0.2


def open_desk(folder: Path, database: str) -> None:
    """Set Django up on a database in `folder`, or on a PostgreSQL database."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "answerback.settings",
        "ANSWERBACK_CONFIG": str(folder / "none.toml"),
        "ANSWERBACK_DATA_DIR": str(folder),
        "ANSWERBACK_SECRET_KEY": "only-for-benchmarks-" + "x" * 40,
    }
    if database:
        os.environ["ANSWERBACK_DATABASE_URL"] = database
    import django

    django.setup()
    from django.conf import settings

    from answerback.cli.migrate import migrate

    settings.ALLOWED_HOSTS = ["*"]
    migrate()


def fill(wanted: int) -> None:
    """Write tickets until there are so many, then have the database look at what it holds."""
    from django.db import connection

    from answerback.tickets.models import Ticket

    agent, support = _staff()
    have = Ticket.objects.count()
    for first in range(have, wanted, BATCH):
        _write(list(range(first, min(first + BATCH, wanted))), agent, support)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("INSERT INTO search_words(search_words) VALUES ('optimize')") if wanted > have else None
        cursor.execute("ANALYZE")


def _staff():
    from answerback.core import clock
    from answerback.people import accounts
    from answerback.people.models import Account
    from answerback.tickets.models import SupportAddress

    agent = Account.objects.filter(email="ada@acme.test").first()
    agent = agent or accounts.create("ada@acme.test", "Ada Agent", PASSWORD, role="admin", language="en")
    support, _ = SupportAddress.objects.get_or_create(
        normal="support@acme.test",
        defaults={"name": "Acme", "address": "support@acme.test", "default": True, "created_at": clock.now()},
    )
    return agent, support


def _write(numbers: Sequence[int], agent, support) -> None:
    from django.db import transaction

    from answerback.search.models import Document

    with transaction.atomic():
        people = _people(numbers)
        tickets = _tickets(numbers, people, agent, support)
        texts = _comments(tickets, people, agent)
        Document.objects.bulk_create(Document(ticket=ticket, head="") for ticket in tickets)
        _index(tickets, people, texts)
        _failures(tickets, agent, support)


def _people(numbers: Sequence[int]):
    from answerback.core import clock
    from answerback.people.models import Identity, Person

    now, start = clock.now(), int(numbers[0] * PEOPLE_PER_TICKET)
    count = max(1, int(len(numbers) * PEOPLE_PER_TICKET))
    rows = Person.objects.bulk_create(
        Person(name=f"{_word(n)} {_word(n * 7)}".title(), created_at=now, updated_at=now)
        for n in range(start, start + count)
    )
    Identity.objects.bulk_create(
        Identity(
            person=row,
            address=f"p{row.pk}@customer{row.pk % 5000}.test", normal=f"p{row.pk}@customer{row.pk % 5000}.test",
            domain=f"customer{row.pk % 5000}.test", primary=True, created_at=now,
        )
        for row in rows
    )  # fmt: skip
    return rows


def _tickets(numbers: Sequence[int], people, agent, support):
    from answerback.core import clock
    from answerback.tickets.models import Participant, Tag, Ticket

    now = clock.now()
    rows = []
    for number in numbers:
        at = now - timedelta(days=700) + timedelta(seconds=number * 40)
        status, rank = ("open", 1) if number % 50 == 0 else ("closed", 5)
        rows.append(
            Ticket(
                subject=f"{_word(number)} {_word(number * 3)} {'printer' if number % 4 == 0 else _word(number * 5)}",
                status=status, status_rank=rank,
                requester=people[number % len(people)], submitter=people[number % len(people)],
                assignee=agent if number % 100 == 0 else None, support_address=support, via="email",
                created_at=at, updated_at=at + timedelta(seconds=number % 977), status_at=at,
                solved_at=None if rank == 1 else at,
                ever_failed=number % 200 == 0, delivery_health="failed" if number % 2000 == 0 else "",
                failed_at=at if number % 2000 == 0 else None,
            )
        )  # fmt: skip
    rows = Ticket.objects.bulk_create(rows)
    Participant.objects.bulk_create(
        Participant(ticket=row, person_id=row.requester_id, role="requester", created_at=now) for row in rows
    )
    Tag.objects.bulk_create(Tag(ticket=row, name=f"tag{row.pk % 1000}") for row in rows)
    return rows


def _comments(tickets, people, agent):
    from answerback.tickets.models import Audit, Comment

    texts = [(_text(row.pk), _text(row.pk * 31)) for row in tickets]
    audits = Audit.objects.bulk_create(
        Audit(ticket=row, author_id=row.requester_id, via="email", created_at=row.created_at)
        for row in tickets
        for _ in "ab"
    )
    Comment.objects.bulk_create(
        Comment(
            ticket_id=audit.ticket_id, audit=audit, author_id=audit.author_id, public=True, via="email",
            text=texts[at // 2][at % 2], created_at=audit.created_at,
        )
        for at, audit in enumerate(audits)
    )  # fmt: skip
    return texts


def _index(tickets, people, texts) -> None:
    from django.db import connection

    from answerback.search import documents, index_postgresql, index_sqlite
    from answerback.search.matching import Column

    rows = []
    for ticket, said in zip(tickets, texts, strict=True):
        names = [ticket.requester.name, f"p{ticket.requester_id}@customer{ticket.requester_id % 5000}.test"]
        head = documents._with_subject(documents._people(names, str(ticket.pk)), ticket.subject)
        contents = documents._with_text(head, said)
        if connection.vendor == "sqlite":
            words = [" ".join(contents.get(column, ())) for column in Column]
            rows.append((ticket.pk * index_sqlite.MOST_DOCUMENTS, *words))
        else:
            words = index_postgresql._vector(contents) + f" 'h{ticket.pk >> 12}'"
            rows.append((words, ticket.pk))
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            names = ", ".join(column.name.lower() for column in Column)
            cursor.executemany(f"INSERT INTO search_words (rowid, {names}) VALUES ({', '.join(['%s'] * 8)})", rows)
        else:
            cursor.executemany("UPDATE search_document SET words = %s::tsvector WHERE ticket_id = %s", rows)


def _failures(tickets, agent, support) -> None:
    from answerback.outbound.models import Delivery, Message

    failed = [ticket for ticket in tickets if ticket.delivery_health]
    messages = Message.objects.bulk_create(
        Message(
            kind="answer", ticket=row, support_address=support,
            email_id=f"B{row.pk:025}", message_id=f"<{row.pk}@acme.test>",
            subject=row.subject, header=b"", body=b"", language="en", size=1, created_at=row.created_at,
        )
        for row in failed
    )  # fmt: skip
    Delivery.objects.bulk_create(
        Delivery(
            message=message, ticket_id=message.ticket_id, kind="answer", person_id=ticket.requester_id,
            recipient=f"p{ticket.requester_id}@customer.test", role="to", state="failed", destination="customer.test",
            cause="mailbox_full", smtp_code=552, enhanced_code="5.2.2", permanent=True,
            queued_at=ticket.created_at, updated_at=ticket.created_at, failed_at=ticket.created_at,
        )
        for message, ticket in zip(messages, failed, strict=True)
    )  # fmt: skip


def _text(seed: int) -> str:
    return " ".join(_words(seed))


def _words(seed: int) -> Iterator[str]:
    chance = random.Random(seed)
    for _ in range(24):
        yield _word(int(20_000 ** chance.random()))
    if seed % 2 == 0:
        yield "printer"
    if seed % 100 == 7:
        yield "invoice"
    if seed % 90_001 == 5:
        yield "zanzibar"


def _word(number: int) -> str:
    """One of twenty thousand words that look like some."""
    number %= 20_000
    syllables = []
    for _ in range(3):
        number, rest = divmod(number, 28)
        syllables.append("bdfgklmn"[rest % 8] + "aeio"[rest % 4] + "rstln"[rest % 5])
    return "".join(syllables) + "xyz"[number % 3]
