"""A new colleague is invited by mail and chooses the first password."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from tests.workspace.test_password_links import NEW, choose, mails, newest_link, newest_mail
from tests.world import PASSWORD, World

from answerback.core import clock
from answerback.people import accounts
from answerback.people.models import Account

WAITING = "Eingeladen, noch nicht angemeldet"


def invite(admin: Client, **more: str) -> str:
    given = {"name": "Carl Neu", "email": "carl@acme.test", "language": "en", "role": "agent", "password": ""}
    return admin.post("/admin/", given | more, follow=True).text


def carl() -> Account:
    return Account.objects.get(email="carl@acme.test")


def test_a_colleague_without_a_password_is_invited_in_their_language(world: World, bruno: Client) -> None:
    page = invite(bruno)
    assert "Carl Neu ist per Mail eingeladen." in page
    assert page.count(WAITING) == 1
    mail = newest_mail()
    assert (mail["To"], mail["Subject"]) == ("Carl Neu <carl@acme.test>", "You have been invited")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "Bruno Lead has made an account for you" in mail.get_content()


def test_the_link_leads_into_the_workspace(world: World, bruno: Client) -> None:
    invite(bruno)
    newcomer = Client()
    with clock.at(clock.now() + timedelta(days=6, hours=23)):
        assert "Choose your password" in newcomer.get(newest_link()).text
        assert choose(newcomer, newest_link()) == "/"
    assert newcomer.get("/views/open").status_code == 200
    assert carl().check_password(NEW)
    assert WAITING not in bruno.get("/admin/").text


def test_the_link_holds_for_seven_days(world: World, bruno: Client, client: Client) -> None:
    invite(bruno)
    with clock.at(clock.now() + timedelta(days=7, seconds=1)):
        assert "This link does not work any more" in choose(client, newest_link())


def test_sending_again_ends_the_link_before(world: World, bruno: Client, client: Client) -> None:
    invite(bruno)
    old = newest_link()
    assert "Carl Neu ist per Mail eingeladen." in bruno.post(f"/admin/people/{carl().pk}/invite", follow=True).text
    assert len(mails()) == 2
    assert "This link does not work any more" in client.get(old).text
    assert choose(client, newest_link()) == "/"


def test_nobody_with_a_password_is_invited_again(world: World, bruno: Client) -> None:
    page = bruno.post(f"/admin/people/{world.ada.pk}/invite", follow=True).text
    assert "Dieses Konto hat schon ein Passwort." in page
    world.ada.refresh_from_db()
    assert world.ada.check_password(PASSWORD)
    assert mails() == []


def test_nobody_who_may_not_sign_in_is_invited_again(world: World, bruno: Client) -> None:
    invite(bruno)
    Account.objects.filter(email="carl@acme.test").update(is_active=False)
    assert bruno.post(f"/admin/people/{carl().pk}/invite").status_code == 404
    assert WAITING not in bruno.get("/admin/").text


def test_the_list_tells_that_the_invitation_did_not_arrive(world: World, bruno: Client) -> None:
    invite(bruno)
    lost = "Die Mail kam nicht an"
    assert lost not in bruno.get("/admin/").text
    world.outcome(mails()[-1], "550 5.7.1 Not here")
    assert lost in bruno.get("/admin/").text
    assert "You have been invited" in bruno.get("/delivery/agents").text
    bruno.post(f"/admin/people/{carl().pk}/invite")
    assert lost not in bruno.get("/admin/").text


def test_who_never_had_a_password_nor_an_invitation_can_be_sent_one(world: World, bruno: Client) -> None:
    account = accounts.create("carl@acme.test", "Carl Neu", None, language="en")
    page = bruno.get("/admin/").text
    assert page.count("Per Mail einladen") == 1
    assert WAITING not in page
    assert WAITING in bruno.post(f"/admin/people/{account.pk}/invite", follow=True).text


@pytest.mark.parametrize("password, good", [(NEW, True), ("short", False)])
def test_a_first_password_can_still_be_given(password: str, good: bool, world: World, bruno: Client) -> None:
    invite(bruno, password=password)
    assert mails() == []
    assert Account.objects.filter(email="carl@acme.test").exists() is good
    if good:
        assert carl().check_password(password)


def test_who_has_an_account_is_not_invited(world: World, bruno: Client) -> None:
    assert "Diese Person hat bereits ein Konto." in invite(bruno, email="ada@acme.test")
    assert mails() == []
