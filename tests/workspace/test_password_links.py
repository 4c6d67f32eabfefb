"""A forgotten password: a mail, a link that works once, a new password; and nobody learns who has an account."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from django.test import Client
from tests.world import PASSWORD, World

from answerback.core import clock, rate
from answerback.outbound import envelopes
from answerback.outbound.models import Delivery, Message
from answerback.people import accounts, identities
from answerback.store import raw
from answerback.workspace.pages import passwords

NEW = "an even longer battery"


@pytest.fixture(autouse=True)
def nobody_counted_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COUNTER", rate.Counter(3600))


def ask(client: Client, email: str = "ada@acme.test") -> str:
    return client.post("/sign-in/forgot", {"email": email}).text


def mails() -> list[Delivery]:
    return list(Delivery.objects.filter(kind=Message.Kind.SYSTEM).order_by("id"))


def newest_mail() -> EmailMessage:
    """As it goes on the wire."""
    [envelope] = envelopes.load([mails()[-1].pk])
    return message_from_bytes(envelope.content, policy=policy.default)  # type: ignore[return-value]


def newest_link() -> str:
    found = re.search(r"https?://[^/\s]+(/sign-in/password\?link=\S+)", newest_mail().get_content())
    assert found
    return found[1]


def choose(client: Client, link: str, password: str = NEW, again: str = "") -> str:
    answer = client.post(link, {"new_password1": password, "new_password2": again or password})
    return answer.headers.get("Location", "") or answer.text


def test_the_sign_in_page_leads_there(world: World, client: Client) -> None:
    assert 'href="/sign-in/forgot"' in client.get("/sign-in").text
    assert "Forgot your password?" in client.get("/sign-in/forgot").text


def test_a_link_sets_a_new_password_and_ends_the_other_sessions(world: World, ada: Client) -> None:
    visitor = Client()
    ask(visitor)
    link = newest_link()
    page = visitor.get(link)
    assert "ada@acme.test" in page.text
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert "no-store" in page.headers["Cache-Control"]
    assert choose(visitor, link) == "/"
    assert visitor.get("/views/open").status_code == 200  # signed in
    assert ada.get("/views/open").headers["Location"].startswith("/sign-in")
    world.ada.refresh_from_db()
    assert world.ada.check_password(NEW)


def test_the_mail_is_automatic_from_nobodys_address_and_in_the_accounts_language(world: World, client: Client) -> None:
    ask(client, "BRUNO@acme.test")
    mail = newest_mail()
    assert mail["To"] == "Bruno Lead <bruno@acme.test>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "postmaster@" in mail["From"]
    assert mail["Reply-To"] is None
    assert mail["Subject"] == "Neues Passwort wählen"
    assert "innerhalb einer Stunde" in mail.get_content()


def test_the_answer_does_not_tell_who_has_an_account(world: World, client: Client) -> None:
    world.bruno.is_active = False
    world.bruno.save()
    answers = {
        re.sub(r'value="[\w-]{64}"|"x-csrftoken": "[\w-]+"', "", ask(client, email).replace(email, ""))
        for email in ("ada@acme.test", "bruno@acme.test", "clara@customer.test", "nobody@acme.test")
    }
    assert len(answers) == 1
    assert [mail.recipient for mail in mails()] == ["ada@acme.test"]


def test_at_most_three_mails_an_hour(world: World, client: Client) -> None:
    answers = {re.sub(r'value="[\w-]{64}"|"x-csrftoken": "[\w-]+"', "", ask(client)) for _ in range(4)}
    assert (len(mails()), len(answers)) == (3, 1)
    with clock.at(clock.now() + timedelta(minutes=61)):
        ask(client)
    assert len(mails()) == 4


def test_one_client_cannot_ask_for_ever(world: World, client: Client) -> None:
    with clock.at(clock.now().replace(minute=30)):
        for number in range(passwords.PER_CLIENT):
            assert client.post("/sign-in/forgot", {"email": f"x{number}@acme.test"}).status_code == 200
        refused = client.post("/sign-in/forgot", {"email": "ada@acme.test"})
        assert refused.status_code == 429
        assert "Too many requests came from here." in refused.text
        assert mails() == []
        other = client.post("/sign-in/forgot", {"email": "ada@acme.test"}, REMOTE_ADDR="192.0.2.7")
        assert other.status_code == 200


def test_addresses_of_one_ipv6_network_count_together(world: World, client: Client) -> None:
    with clock.at(clock.now().replace(minute=30)):
        answers = [
            client.post("/sign-in/forgot", {"email": "x@acme.test"}, REMOTE_ADDR=f"2001:db8::{number:x}")
            for number in range(passwords.PER_CLIENT + 1)
        ]
    assert answers[-1].status_code == 429


@pytest.mark.parametrize("dead", ["used", "other used", "too old", "signed in since", "switched off", "forged", "none"])
def test_a_link_that_does_not_hold(dead: str, world: World, client: Client) -> None:
    ask(client)
    link, now = newest_link(), clock.now()
    match dead:
        case "used":
            choose(Client(), link)
        case "other used":
            ask(client)
            choose(Client(), newest_link())
        case "too old":
            now += timedelta(hours=1, seconds=1)
        case "signed in since":
            Client().post("/sign-in", {"username": "ada@acme.test", "password": PASSWORD})
        case "switched off":
            world.ada.is_active = False
            world.ada.save()
        case "forged":
            link = link[:-1] + ("A" if link[-1] != "A" else "B")
        case "none":
            link = "/sign-in/password"
    with clock.at(now):
        assert "This link does not work any more" in client.get(link).text
        assert "This link does not work any more" in choose(client, link, "yet another battery")
    world.ada.refresh_from_db()
    assert not world.ada.check_password("yet another battery")


def test_looking_at_the_page_uses_nothing_up(world: World, client: Client) -> None:
    ask(client)
    for _ in range(3):
        assert "Choose a new password" in client.get(newest_link()).text
    assert choose(client, newest_link()) == "/"


@pytest.mark.parametrize(
    "password, again, complaint",
    [
        ("short", "", "This password is too short."),
        ("password1234", "", "This password is too common."),
        ("ada@acme.test", "", "too similar to the email"),
        (NEW, NEW + "!", "The two password fields didn’t match."),
    ],
)
def test_a_bad_password_is_refused_and_the_link_still_holds(
    password: str, again: str, complaint: str, world: World, client: Client
) -> None:
    ask(client)
    assert complaint in choose(client, newest_link(), password, again)
    assert choose(client, newest_link()) == "/"


def test_the_link_stands_in_no_log(world: World, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ask(client)
    link = newest_link()
    choose(client, link, "short")
    choose(client, link)
    client.get(link)
    assert link.partition("=")[2] not in caplog.text


def test_the_link_is_made_from_our_own_address(world: World, client: Client) -> None:
    client.post("/sign-in/forgot", {"email": "ada@acme.test"}, headers={"Host": "evil.example"})
    assert "evil.example" not in newest_mail().get_content()


def test_another_address_of_the_person_gets_no_link(world: World, client: Client) -> None:
    """Any agent may give a person an address: it must not open the account."""
    identities.add(world.bruno.person, "ada.private@home.test", world.ada, primary=True)
    ask(client, "ada.private@home.test")
    assert mails() == []
    ask(client, "bruno@acme.test")
    assert mails()[-1].recipient == "bruno@acme.test"


def test_a_changed_identity_does_not_turn_the_mail_aside(world: World, client: Client) -> None:
    identity = identities.find("bruno@acme.test")
    assert identity
    identities.correct(identity, "ada.private@home.test", world.ada)
    ask(client, "bruno@acme.test")
    assert mails()[-1].recipient == "bruno@acme.test"


@pytest.mark.parametrize("fix", ["resend", "correct_address", "stop"])
def test_nobody_sends_such_a_mail_elsewhere(fix: str, world: World, client: Client, ada: Client) -> None:
    ask(Client(), "bruno@acme.test")
    [mail] = mails()
    world.outcome(mail, "550 5.1.1 User unknown")
    assert ada.get(f"/deliveries/{mail.pk}/card").status_code == 404
    assert ada.post(f"/deliveries/{mail.pk}/fix", {"fix": fix, "address": "ada@home.test"}).status_code == 404


def test_an_admin_sees_that_the_mail_did_not_arrive(world: World, bruno: Client) -> None:
    ask(Client())
    world.outcome(mails()[-1], "550 5.1.1 User unknown")
    page = bruno.get("/delivery/agents").text
    assert "Choose a new password" in page
    assert "5.1.1" in page


def test_a_report_about_it_is_the_admins_to_read(world: World, ada: Client, bruno: Client) -> None:
    ask(Client())
    report = raw.save(b"Subject: Returned\r\n\r\nwith the whole mail", doorway="smtp", envelope_from="")
    world.outcome(mails()[-1], "550 5.1.1 User unknown")
    mails()[-1].events.update(raw_mail_id=report.pk)
    assert ada.get(f"/mail/{report.pk}").status_code == 403
    assert bruno.get(f"/mail/{report.pk}").status_code == 200


def test_an_account_without_a_password_gets_one(world: World, client: Client) -> None:
    accounts.create("carl@acme.test", "Carl", None, language="en")
    ask(client, "carl@acme.test")
    assert choose(client, newest_link()) == "/"
