"""The first steps: the link for the first account, each step's page, what is kept, and when a step counts as done."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from tests.world import World

from answerback.core import clock, sealing
from answerback.desk import first_steps
from answerback.desk.first_steps import Standing, Step
from answerback.outbound import lanes
from answerback.outbound.models import Delivery
from answerback.people import first_account
from answerback.people.models import Account
from answerback.store import mailboxes, raw
from answerback.store.models import MailboxState
from answerback.tickets.models import SupportAddress

FIRST = {"name": "Ines First", "email": "ines@acme.test", "password": "correct horse battery"}
TITLES = {
    "address": ("Support address", "Supportadresse"),
    "incoming": ("The way in", "Der Weg herein"),
    "outgoing": ("The way out", "Der Weg hinaus"),
    "dns": ("DNS", "DNS"),
    "test": ("Test mail", "Testmail"),
    "way-back": ("The way back", "Der Weg zurück"),
    "done": ("How it stands", "Wie es steht"),
}


@pytest.fixture(autouse=True)
def empty(settings: Any) -> None:
    settings.RELAY_URL, settings.IMAP_URLS, settings.PROBE_ADDRESS = "", "", ""
    settings.MAIL_SETTINGS_SET_OUTSIDE, settings.MAIL_SETTINGS_REPLACED = frozenset(), {}


def link() -> str:
    return first_account.link().partition("8025")[2]


def standing(step: Step) -> Standing:
    return first_steps.standings()[step]


# The account


def test_the_link_makes_an_administrator_and_leads_to_the_first_step(db: None, client: Client) -> None:
    assert "The first account" in client.get(link()).text
    page = client.post(link(), FIRST, follow=True)
    assert page.redirect_chain[-1][0] == "/setup/address"
    account = Account.objects.get()
    assert (account.email, account.is_admin, account.check_password(FIRST["password"])) == (
        "ines@acme.test",
        True,
        True,
    )


@pytest.mark.parametrize("token", ["", "x", "0" * 40])
def test_a_stranger_without_the_link_makes_nothing(db: None, client: Client, token: str) -> None:
    page = client.post(f"/setup?token={token}", FIRST)
    assert (page.status_code, "Nobody can sign in yet" in page.text) == (403, True)
    assert not Account.objects.exists()
    assert "Nobody can sign in yet" in client.get("/sign-in").text


def test_the_link_ends_with_the_first_account(world: World, client: Client) -> None:
    before = Account.objects.count()
    assert client.post(link(), FIRST).headers["Location"].startswith("/sign-in")
    assert Account.objects.count() == before
    assert first_account.create(link().partition("=")[2], **FIRST, language="en") is None
    assert "Nobody can sign in yet" not in client.get("/sign-in").text


def test_the_link_is_another_under_another_key(db: None, settings: Any) -> None:
    before = link()
    settings.SECRET_KEY = "another key " * 5
    assert link() != before


@pytest.mark.parametrize(
    "wrong, told",
    [({"password": "short"}, "at least 10"), ({"email": "ines"}, "valid email"), ({"name": ""}, "required")],
)
def test_a_first_account_that_cannot_be(wrong: dict[str, str], told: str, db: None, client: Client) -> None:
    page = client.post(link(), FIRST | wrong)
    assert (page.status_code, told in page.text) == (422, True)
    assert f'value="{(FIRST | wrong)["email"]}"' in page.text
    assert not Account.objects.exists()


# The pages


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", TITLES)
def test_each_step_in_both_languages(name: str, language: str, world: World, bruno: Client) -> None:
    world.bruno.person.language = language
    world.bruno.person.save()
    page = bruno.get(f"/setup/{name}")
    assert page.status_code == 200
    assert f"<h1>{TITLES[name][language == 'de']}</h1>" in page.text
    assert ("1 of 6 done", "1 von 6 erledigt")[language == "de"] in page.text


def test_no_such_step(bruno: Client) -> None:
    assert bruno.get("/setup/tea").status_code == 404


def test_it_goes_on_where_it_was_left(world: World, bruno: Client) -> None:
    assert bruno.get("/setup").headers["Location"] == "/setup/incoming"
    for step in list(Step)[1:]:
        first_steps.skip(step)
    assert bruno.get("/setup").headers["Location"] == "/setup/done"


def test_a_step_is_skipped_and_done_all_the_same_once_its_thing_is_there(bruno: Client) -> None:
    assert bruno.post("/setup/outgoing", {"act": "skip"}).headers["Location"] == "/setup/dns"
    assert standing(Step.OUTGOING) is Standing.SKIPPED
    assert "übersprungen" in bruno.get("/setup/done").text
    bruno.post("/setup/outgoing", {"way": "mx", "return_path": "signed"})
    assert standing(Step.OUTGOING) is Standing.DONE


def test_what_was_typed_is_there_again_and_nobody_reads_it_in_the_session(bruno: Client) -> None:
    typed = {"way": "relay", "host": "relay.acme.test", "port": "58", "tls": "must", "secret": "s3cret"}
    assert bruno.post("/setup/outgoing", typed | {"to": "address"}).headers["Location"] == "/setup/address"
    assert "s3cret" not in str(dict(bruno.session))
    page = bruno.get("/setup/outgoing").text
    assert 'value="relay.acme.test"' in page
    assert 'value="s3cret"' in page
    bruno.post("/setup/outgoing", typed | {"return_path": "signed", "user": "u", "sign_in": "password"})
    assert "s3cret" not in bruno.get("/setup/outgoing").text, "saved is never shown"
    assert sealing.unseal(bruno.session["typed"]) == "{}"


def test_a_mistake_stays_on_the_step_with_what_was_typed(bruno: Client) -> None:
    page = bruno.post("/setup/address", {"address": "support", "name": "Acme", "language": "en"})
    assert (page.status_code, 'value="support"' in page.text) == (422, True)


def test_the_support_address_is_made_and_then_changed(world: World, bruno: Client) -> None:
    SupportAddress.objects.all().delete()
    bruno.post("/setup/address", {"address": "help@acme.test", "name": "Acme", "language": "de"})
    made = SupportAddress.objects.get()
    assert (made.address, made.default, made.active) == ("help@acme.test", True, True)
    bruno.post("/setup/address", {"address": "help@acme.test", "name": "Acme Help", "language": "de"})
    assert SupportAddress.objects.get().name == "Acme Help"


def test_the_lines_for_postfix_name_our_own_addresses(settings: Any, bruno: Client) -> None:
    settings.SMTP_LISTEN, settings.RETURN_PATH_DOMAIN = ("127.0.0.1", 2599), "bounce.acme.test"
    SupportAddress.objects.all().update(address="help@acme.test", normal="help@acme.test")
    page = bruno.get("/setup/incoming").text
    assert "help@acme.test    smtp:[127.0.0.1]:2599\nbounce.acme.test  smtp:[127.0.0.1]:2599\n" in page


def test_the_way_in_by_hand_over_or_by_a_mailbox(world: World, bruno: Client) -> None:
    assert (
        bruno.post("/setup/incoming", {"sign_in": "password", "then": "seen"}).headers["Location"] == "/setup/outgoing"
    )
    assert standing(Step.INCOMING) is Standing.OPEN, "nothing has come in"
    mailbox = {"host": "imap.acme.test", "user": "u", "secret": "p", "safety": "imaps", "sign_in": "password"}
    assert bruno.post("/setup/incoming", mailbox | {"then": "seen"}).status_code == 422, "no folder"
    bruno.post("/setup/incoming", mailbox | {"then": "seen", "folder": "INBOX"})
    [followed] = mailboxes.configured()
    assert standing(Step.INCOMING) is Standing.OPEN
    assert followed.name in bruno.get("/setup/incoming/state").text
    MailboxState.objects.create(name=followed.name, since=clock.now(), looked_at=clock.now())
    assert standing(Step.INCOMING) is Standing.DONE


def test_the_way_in_is_proven_by_a_mail(world: World, bruno: Client) -> None:
    raw.save(b"Subject: x\r\n\r\nx", doorway="event-postmark")
    assert standing(Step.INCOMING) is Standing.OPEN
    raw.save(b"Subject: x\r\n\r\nx", doorway="smtp")
    assert standing(Step.INCOMING) is Standing.DONE
    assert "Es kommen Mails an" in bruno.get("/setup/incoming/state").text


def test_names_are_proposed_beside_the_support_address(world: World, bruno: Client, settings: Any) -> None:
    SupportAddress.objects.update(address="support@radhaus.de", normal="support@radhaus.de")
    page = bruno.get("/setup/dns").text
    assert 'value="help.radhaus.de"' in page
    assert 'value="bounce.radhaus.de"' in page
    names = {"mail_domain": "help.radhaus.de", "return_path_domain": "bounce.radhaus.de"}
    assert bruno.post("/setup/dns", names | {"act": "look"}).status_code == 200
    assert (settings.RETURN_PATH_DOMAIN, standing(Step.DNS)) == ("bounce.radhaus.de", Standing.OPEN)
    assert bruno.post("/setup/dns", names).headers["Location"] == "/setup/test"
    assert standing(Step.DNS) is Standing.DONE


def test_a_test_mail_is_watched_until_it_is_accepted(world: World, bruno: Client, settings: Any) -> None:
    settings.RELAY_URL = "smtp://relay.acme.test"
    page = bruno.post("/setup/test", {"act": "send", "address": "ines@elsewhere.test"})
    assert "Unterwegs" in page.text
    assert 'hx-get="/setup/test/state"' in page.text
    delivery = Delivery.objects.get()
    world.outcome(delivery, "550 5.1.1 User unknown")
    page = bruno.get("/setup/test/state")
    assert "Nicht zugestellt" in page.text
    assert "550 5.1.1 User unknown" in page.text
    assert "hx-get" not in page.text, "it is over"
    assert standing(Step.TEST) is Standing.OPEN
    bruno.post("/setup/test", {"act": "send", "address": "ines@elsewhere.test"})
    world.outcome(Delivery.objects.latest("id"), "250 2.0.0 Ok")
    assert standing(Step.TEST) is Standing.DONE


def test_without_a_way_out_every_page_says_so(world: World, bruno: Client) -> None:
    lanes.take_over_settings()
    bruno.post("/setup/test", {"act": "send", "address": "ines@elsewhere.test"})
    page = bruno.get("/setup/test").text
    assert page.count("Mails warten: Noch hat niemand gesagt, wie sie hinausgehen") == 2, "the bar, and the test mail"
    assert 'href="/setup/outgoing"' in page


def test_a_test_mail_to_nowhere(bruno: Client) -> None:
    assert bruno.post("/setup/test", {"act": "send", "address": "ines"}).status_code == 422
    assert not Delivery.objects.exists()


def test_a_probe_needs_a_way_out_and_an_address(world: World, bruno: Client, settings: Any) -> None:
    probe = {"act": "probe", "probe_address": ""}
    assert "nichts gesendet" in bruno.post("/setup/way-back", probe).text
    settings.RELAY_URL = "smtp://relay.acme.test"
    assert "zuerst angenommen wird" in bruno.post("/setup/way-back", probe).text
    page = bruno.post("/setup/way-back", probe | {"probe_address": "nobody-*@elsewhere.test"})
    assert (settings.PROBE_ADDRESS, 'hx-get="/setup/way-back/state"' in page.text) == ("nobody-*@elsewhere.test", True)
    assert bruno.post("/setup/way-back", {"probe_address": "x@y.test"}).headers["Location"] == "/setup/done"
