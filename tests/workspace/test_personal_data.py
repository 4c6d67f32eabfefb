"""A copy of somebody's data, and erasing it, on the pages of administrators."""

from __future__ import annotations

import io
import json
from zipfile import ZipFile

import pytest
from django.test import Client
from tests.desk.test_intake import Desk
from tests.world import World

from answerback.desk.composing.reply import Reply, reply
from answerback.desk.erasure import tables
from answerback.desk.models import Job
from answerback.people import identities
from answerback.people.models import Person
from answerback.tickets.models import Attachment, Ticket
from answerback.workers import work_jobs
from answerback.workspace import job_words


def test_the_address_has_to_be_typed(bruno: Client, world: World) -> None:
    page = f"/customers/{world.clara.pk}/erase"
    assert "1 Ticket dieser Person" in (world.ticket() and bruno.get(page).text)
    wrong = bruno.post(page, {"typed": "clara@customer.tes"}).text
    assert "Es wurde nichts gelöscht" in wrong
    assert 'value="clara@customer.tes"' in wrong, "nothing typed is lost"
    assert not Job.objects.exists()
    begun = bruno.post(page, {"typed": " Clara@Customer.test "})
    assert begun.headers["Location"] == f"/jobs/{Job.objects.get().pk}"
    work_jobs.once()
    assert "Adressen und Profil sind gelöscht." in bruno.get(begun.headers["Location"]).text
    assert not Person.objects.filter(name="Clara Customer").exists()


def test_each_table_has_a_name_for_people() -> None:
    assert job_words.TABLES.keys() == tables.TABLES.keys()


def test_an_erased_profile_says_so_and_offers_nothing(bruno: Client, world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    identity = identities.find("deniz@customer.test")
    assert identity
    Desk(world).get("Me too.", sender="Deniz Demir <deniz@customer.test>")
    Ticket.objects.filter(requester=world.deniz).update(requester=world.clara)
    begun = bruno.post(f"/customers/{world.deniz.pk}/erase", {"typed": "deniz@customer.test"})
    work_jobs.once()
    assert "E-Mail außerhalb von Tickets" in bruno.get(begun.headers["Location"]).text
    profile = bruno.get(f"/customers/{world.deniz.pk}").text
    assert "Die Daten dieser Person sind gelöscht." in profile
    assert f"/customers/{world.deniz.pk}/erase" not in profile
    again = bruno.get(f"/customers/{world.deniz.pk}/erase", follow=True).text
    assert "Die Daten dieser Person sind schon gelöscht." in again
    assert bruno.get(f"/tickets/{ticket.pk}").status_code == 200


@pytest.mark.parametrize("page", ["erase", "data.zip"])
def test_only_administrators(ada: Client, world: World, page: str) -> None:
    assert ada.get(f"/customers/{world.clara.pk}/{page}").status_code == 403
    assert f"/customers/{world.clara.pk}/{page}" not in ada.get(f"/customers/{world.clara.pk}").text


def test_the_copy_holds_what_they_wrote_and_what_they_got(bruno: Client, world: World) -> None:
    content = (
        b"From: Clara Customer <clara@customer.test>\r\nTo: support@acme.test\r\nSubject: Zebra\r\n"
        b"Message-ID: <z@customer.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\n\r\nSee the zebra.\r\n--x\r\nContent-Type: text/plain; name=../../plan.txt\r\n"
        b"Content-Disposition: attachment; filename=../../plan.txt\r\n\r\nThe plan\r\n--x--\r\n"
    )
    mail = Desk(world).get(content=content, verified=True)
    mail.refresh_from_db()
    reply(mail.ticket_id or 0, Reply(text="A fine zebra.", public=True), world.ada)
    reply(mail.ticket_id or 0, Reply(text="She is nice.", public=False), world.ada)
    others = world.ticket("Not hers", requester=world.deniz)
    world.answer(others, "Nothing for Clara.")
    Attachment.objects.filter(file_name__contains="plan").update(file_name="../../plan.txt")
    answer = bruno.get(f"/customers/{world.clara.pk}/data.zip")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="person-{world.clara.pk}.zip"'
    archive = ZipFile(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]
    names = archive.namelist()
    assert not [name for name in names if ".." in name.split("/") or name.startswith("/")]
    assert archive.read(f"mails/from-them/{mail.pk}.eml").endswith(content)
    assert [archive.read(name) for name in names if name.startswith("files/")] == [b"The plan"]
    sent = b"".join(archive.read(name) for name in names if name.startswith("mails/to-them/"))
    assert b"A fine zebra." in sent
    assert b"Nothing for Clara." not in sent
    ticket = json.loads(archive.read(f"tickets/{mail.ticket_id}.json"))
    assert [comment["text"] for comment in ticket["comments"]] == ["See the zebra.", "A fine zebra."]
    internal = json.loads(archive.read(f"internal/{mail.ticket_id}.json"))
    assert [comment["text"] for comment in internal["comments"]] == ["She is nice."]
    assert json.loads(archive.read("person.json"))["addresses"][0]["address"] == "clara@customer.test"
    assert f"tickets/{others.pk}.json" not in names
