"""The documents of the full text: what a ticket, or a person, is found by.

Policy: a ticket's words are subject, comments, file names, and the names and addresses of everybody on it. They lie in
documents of some thousand words. A new comment rewrites only the last document, within the transaction of the update,
however long the ticket is; each document repeats subject and people, which are short. A change of these writes all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from django.db import transaction
from django.db.models import Max

from answerback.people.models import Identity, Person
from answerback.search import index, tokens
from answerback.search.index import Contents
from answerback.search.matching import Column
from answerback.search.models import Document, PersonDocument
from answerback.tickets.models import Attachment, Comment, Participant, Ticket

MOST_WORDS = 3000  # of a document; a longer comment is cut at MOST_CHARACTERS
MOST_CHARACTERS = 100_000  # of a comment
MOST_DOCUMENTS = 200  # of a ticket; what comes later rewrites the last


@transaction.atomic(savepoint=False)
def refresh(ticket_id: int) -> None:
    """Bring the ticket's documents in line. Belongs into the transaction of the update."""
    ticket = _locked(ticket_id)
    head = _head_of(ticket)
    digest = _digest(head)
    rows = list(Document.objects.filter(ticket=ticket).order_by("number"))
    newest = ticket.comments.aggregate(newest=Max("id"))["newest"] or 0
    if rows and rows[-1].last_comment == newest and all(row.head == digest for row in rows):
        return
    for row in rows[:-1]:
        if row.head != digest:
            _write(row, head, digest, _comments(ticket_id, row.first_comment, row.last_comment))
    _continue(rows[-1] if rows else Document(ticket=ticket), head, digest)


@transaction.atomic(savepoint=False)
def rebuild(ticket_id: int) -> None:
    """Read the whole ticket again: for an index from before, or comments that changed."""
    _locked(ticket_id)
    Document.objects.filter(ticket=ticket_id).delete()
    refresh(ticket_id)


def _locked(ticket_id: int) -> Ticket:
    """Of two that write the documents of a ticket, the second sees what the first has written."""
    return Ticket.objects.select_for_update(no_key=True).get(pk=ticket_id)


def refresh_person(person: Person) -> None:
    """Names and addresses of a person, for the list of customers and for `requester:`."""
    addresses = list(Identity.objects.filter(person=person).order_by("id").values_list("address", flat=True))
    organization = person.organization.name if person.organization else ""
    head = _people([person.name, organization, *addresses, person.phone], str(person.pk))
    row, _ = PersonDocument.objects.update_or_create(person=person, defaults={"seen": person.updated_at})
    index.people().write(row.person_id, row.number, head)


def _continue(row: Document, head: Contents, digest: str) -> None:
    """Fill the last document, and as many after it as its comments need."""
    comments = _comments(row.ticket_id, row.first_comment)
    while True:
        taken = _that_fit(comments, unlimited=row.number + 1 >= MOST_DOCUMENTS)
        row.first_comment = taken[0].pk if taken else 0
        row.last_comment = taken[-1].pk if taken else 0
        _write(row, head, digest, taken)
        comments = comments[len(taken) :]
        if not comments:
            return
        row = Document(ticket_id=row.ticket_id, number=row.number + 1)


def _that_fit(comments: Sequence[Comment], unlimited: bool) -> Sequence[Comment]:
    """The comments of one document: at least one."""
    if unlimited:
        return comments
    words = 0
    for at, comment in enumerate(comments):
        words += len(comment.text.split())
        if words > MOST_WORDS and at:
            return comments[:at]
    return comments


def _comments(ticket_id: int, first: int, last: int | None = None) -> list[Comment]:
    rows = Comment.objects.filter(ticket_id=ticket_id, pk__gte=first).only("id", "text").order_by("id")
    return list(rows if last is None else rows.filter(pk__lte=last))


def _write(row: Document, head: Contents, digest: str, comments: Sequence[Comment]) -> None:
    row.head = digest
    row.save()
    names = Attachment.objects.filter(comment__in=[comment.pk for comment in comments]).values_list(
        "file_name", flat=True
    )
    texts = [comment.text[:MOST_CHARACTERS] for comment in comments]
    index.tickets().write(row.ticket_id, row.number, _with_text(head, [*texts, *names]))


def _head_of(ticket: Ticket) -> Contents:
    people = list(Participant.objects.filter(ticket=ticket).values_list("person_id", "person__name").order_by("id"))
    addresses = Identity.objects.filter(person_id__in=[person_id for person_id, _ in people]).order_by("id")
    names = [*(name for _, name in people), *addresses.values_list("address", flat=True)]
    return _with_subject(_people(names, str(ticket.pk)), ticket.subject)


def _people(texts: Iterable[str], number: str) -> dict[Column, list[str]]:
    runs = [run for text in texts for run in tokens.runs(text)]
    return {
        Column.PEOPLE: [tokens.folded(word) for run in runs for word in tokens.words_of(run)],
        Column.CODES: [number, *(code for run in runs for code in tokens.codes_of(run))],
        Column.PIECES: tokens.pieces_of(map(tokens.folded, runs)),
    }


def _with_subject(contents: dict[Column, list[str]], subject: str) -> Contents:
    runs = list(tokens.runs(subject))
    words = [word for run in runs for word in tokens.words_of(run)]
    return contents | {
        Column.SUBJECT: [tokens.folded(word) for word in words],
        Column.SUBJECT_STEMS: [stem for word in words for stem in tokens.stems(word)],
        Column.CODES: contents[Column.CODES] + [code for run in runs for code in tokens.codes_of(run)],
        Column.PIECES: contents[Column.PIECES] + tokens.pieces_of(map(tokens.folded, runs)),
    }


def _with_text(head: Contents, texts: Iterable[str]) -> Contents:
    found: dict[Column, list[str]] = defaultdict(list, {column: list(words) for column, words in head.items()})
    for text in texts:
        for run in tokens.runs(text):
            for word in tokens.words_of(run):
                found[Column.TEXT].append(tokens.folded(word))
                found[Column.TEXT_STEMS] += tokens.stems(word)
            if tokens.is_code(run):
                found[Column.CODES] += tokens.codes_of(run)
                found[Column.PIECES] += tokens.pieces_of([tokens.folded(run)])
        found[Column.TEXT].append(tokens.GAP)
    return found


def _digest(head: Contents) -> str:
    words = "\n".join(" ".join(head[column]) for column in Column if column in head)
    return blake2b(words.encode(), digest_size=8).hexdigest()
