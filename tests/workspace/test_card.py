"""The card as the agent meets it: which buttons each state offers, what is refused and how it is told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from tests.outbound.reports import recipient_group, report, return_path
from tests.world import World

from answerback.outbound import lifecycle
from answerback.outbound.models import Delivery
from answerback.outbound.returned import handle_report
from answerback.people import identities
from answerback.tickets.models import Ticket
from mailroom.causes import catalogue
from mailroom.causes.catalogue import Fix
from mailroom.states import Fact

UNKNOWN = "550 5.1.1 No such user"
FULL = "552 5.2.2 Mailbox full"
LATER = "451 4.7.1 Greylisted"
OK = "250 2.0.0 Ok"
PART = {"HX-Request": "true"}


@pytest.fixture
def ticket(world: World) -> Ticket:
    return world.ticket()


def failed(world: World, ticket: Ticket, said: str) -> Delivery:
    world.answer(ticket)
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, said)
    return delivery


def card(browser: Client, delivery: Delivery) -> str:
    return browser.get(f"/deliveries/{delivery.pk}/card", headers=PART).text


def buttons(page: str) -> list[str]:
    """What the card offers, in its order."""
    return re.findall(r'name="fix" value="(\w+)"', page)


@pytest.mark.parametrize(
    "said,offered",
    [
        (UNKNOWN, ["correct_address", "mark_deliverable", "add_address", "mark_handled"]),
        (FULL, ["add_address", "resend", "correct_address", "mark_handled"]),
        ("554 5.7.1 Message looks like spam", ["correct_address", "add_address", "mark_handled"]),
        (LATER, ["retry_now", "correct_address", "stop"]),
        (OK, []),
    ],
)
def test_each_state_offers_what_can_work(
    world: World, ada: Client, ticket: Ticket, said: str, offered: list[str]
) -> None:
    found = buttons(card(ada, failed(world, ticket, said)))
    assert found == offered


def test_every_fix_of_the_catalogue_has_its_button(world: World, ada: Client, ticket: Ticket) -> None:
    delivery = failed(world, ticket, FULL)
    world.clara.phone = "+49 30 1234"
    world.clara.save()
    signs = {
        Fix.CALL: "tel:+49301234", Fix.REPLY_AGAIN: "composer?again=", Fix.SEND_AS_LINKS: "links=1",
        Fix.RETRY_NOW: "retry_now", Fix.STOP: "stop", Fix.USE_OTHER_IDENTITY: "use_other_identity",
        Fix.TELL_ADMIN: "Copy failure text",
    }  # fmt: skip
    template = ada.get(f"/deliveries/{delivery.pk}/card").templates
    source = "".join(part.source for part in template if part.name and part.name.startswith("card/"))
    for key in catalogue.load().causes:
        for fix in catalogue.load().cause(key).fixes:
            assert fix in source or signs[fix] in source


def test_a_held_mail_can_be_let_go_or_stopped(world: World, ada: Client, ticket: Ticket) -> None:
    world.answer(ticket)
    delivery = world.delivery_to(world.clara)
    lifecycle.decide([delivery.pk], Fact.HOLD, reason="rule:Legal looks first")
    assert buttons(card(ada, delivery)) == ["release", "stop"]
    ada.post(f"/deliveries/{delivery.pk}/fix", {"fix": "release"})
    delivery.refresh_from_db()
    assert delivery.state == "queued"


def test_handled_is_struck_through_with_who_and_when_and_can_be_opened_again(
    world: World, ada: Client, bruno: Client, ticket: Ticket
) -> None:
    delivery = failed(world, ticket, FULL)
    ada.post(f"/deliveries/{delivery.pk}/fix", {"fix": "mark_handled", "note": "called", "by_phone": "1"})
    english, german = (browser.get(f"/tickets/{ticket.pk}").text for browser in (ada, bruno))
    assert "handled by phone by Ada Agent" in english
    assert "telefonisch erledigt durch Ada Agent" in german
    assert "glyph--done" in english
    assert buttons(card(ada, delivery)) == ["open_again"]
    ada.post(f"/deliveries/{delivery.pk}/fix", {"fix": "open_again"})
    assert "data-warning" in ada.get(f"/tickets/{ticket.pk}").text
    assert "Ada Agent opened the failure for Clara Customer again" in ada.get(f"/tickets/{ticket.pk}?events").text


def test_a_resend_that_arrived_keeps_the_warning_struck_through(world: World, ada: Client, ticket: Ticket) -> None:
    delivery = failed(world, ticket, FULL)
    ada.post(f"/deliveries/{delivery.pk}/fix", {"fix": "resend"})
    world.outcome(world.delivery_to(world.clara), OK)
    page = ada.get(f"/tickets/{ticket.pk}").text
    assert "put right by Ada Agent by sending again" in page
    assert f'data-card="/deliveries/{delivery.pk}/card"' in page
    assert "Ada Agent sent it again to clara@customer.test" in ada.get(f"/tickets/{ticket.pk}?events").text


def test_an_address_of_somebody_else_is_offered_to_be_moved(world: World, ada: Client, ticket: Ticket) -> None:
    delivery = failed(world, ticket, UNKNOWN)
    asked = {"fix": "correct_address", "address": "eve@elsewhere.test", "and_resend": "1"}
    told = ada.post(f"/deliveries/{delivery.pk}/fix", asked, headers=PART).text
    assert "eve@elsewhere.test belongs to Eve Else already." in told
    assert "It belongs to Clara Customer: move it there and resend" in told
    assert f'href="/customers/{world.clara.pk}/merge?into=' in told
    ada.post(f"/deliveries/{delivery.pk}/fix", asked | {"fix": "take_address"})
    assert world.delivery_to(world.clara).recipient == "eve@elsewhere.test"


def test_words_of_our_own_are_not_put_into_a_servers_mouth(world: World, ada: Client, ticket: Ticket) -> None:
    delivery = failed(world, ticket, UNKNOWN)
    assert "The server's own words" in card(ada, delivery)
    ours = {"smtp_code": None, "remote_mta": "", "diagnostic": "there is no such domain: customer.tset"}
    Delivery.objects.filter(pk=delivery.pk).update(**ours)
    page = card(ada, delivery)
    assert "What we found" in page
    assert "no server was reached" in page


def test_the_second_profile_of_a_person_is_offered_for_merging(world: World, ada: Client, ticket: Ticket) -> None:
    delivery = failed(world, ticket, FULL)
    assert "Perhaps the same person" not in card(ada, delivery)
    other = identities.find_or_create("clara@elsewhere.test", "Clara C.").person
    link = f"/customers/{world.clara.pk}/merge?into={other.pk}&amp;ticket={ticket.pk}"
    assert f'href="{link}">Clara C.</a>' in card(ada, delivery)


def test_an_agents_address_is_not(world: World, ada: Client, ticket: Ticket) -> None:
    delivery = failed(world, ticket, UNKNOWN)
    asked = {"fix": "correct_address", "address": "bruno@acme.test"}
    told = ada.post(f"/deliveries/{delivery.pk}/fix", asked, headers=PART).text
    assert "belongs to Bruno Lead already" in told
    assert "take_address" not in told


def test_who_is_too_late_reads_why_and_sees_the_card_of_now(world: World, ada: Client, ticket: Ticket) -> None:
    delivery = failed(world, ticket, FULL)
    ada.post(f"/deliveries/{delivery.pk}/fix", {"fix": "resend"})
    part = ada.post(f"/deliveries/{delivery.pk}/fix", {"fix": "resend"}, headers=PART).text
    whole = ada.post(f"/deliveries/{delivery.pk}/fix", {"fix": "resend"}).text
    assert "somebody was quicker" in part
    assert "somebody was quicker" in whole
    assert ("<html" in part, "<html" in whole) == (False, True)


def test_the_question_is_asked_below_the_later_answer_in_both_languages(
    world: World, ada: Client, bruno: Client, ticket: Ticket
) -> None:
    delivery = failed(world, ticket, FULL)
    later = world.answer(ticket, "By the way …")
    world.outcome(world.delivery_to(world.clara, later), OK)
    assert "Did this answer replace the one that failed?" in ada.get(f"/tickets/{ticket.pk}").text
    assert "Hat diese Antwort die nicht zugestellte ersetzt?" in bruno.get(f"/tickets/{ticket.pk}").text
    told = {"comment": later.pk, "answer": "no"}
    ada.post(f"/deliveries/{delivery.pk}/replaced", told)
    assert "Did this answer replace" not in ada.get(f"/tickets/{ticket.pk}").text
    assert ada.post(f"/deliveries/{delivery.pk}/replaced", told | {"comment": 10**6}).status_code == 404


def test_the_missed_answer_is_offered_and_fills_the_composer(
    world: World, ada: Client, bruno: Client, ticket: Ticket
) -> None:
    delivery = failed(world, ticket, FULL)
    again = world.ticket("Anybody there?")
    assert "This person never received your answer of" in ada.get(f"/tickets/{again.pk}").text
    assert "Diese Person hat Ihre Antwort vom" in bruno.get(f"/tickets/{again.pk}").text
    filled = ada.get(f"/tickets/{again.pk}/composer?missed={delivery.pk}").text
    assert "&gt; Use the blue bucket." in filled
    assert f'name="replaces" value="{delivery.pk}"' in filled


@pytest.mark.parametrize(
    "language,places",
    [
        ("en", ["the field Final-Recipient of the report", "the field Diagnostic-Code of the report"]),
        ("de", ["das Feld Final-Recipient des Berichts", "das Feld Diagnostic-Code des Berichts"]),
    ],
)
def test_where_the_report_said_it_stands_below_the_words(
    world: World, client: Client, ticket: Ticket, settings: Any, language: str, places: list[str]
) -> None:
    settings.RETURN_PATH_DOMAIN = "acme.test"
    delivery = failed(world, ticket, OK)
    handle_report(1, report(recipient_group(delivery.recipient)), [return_path(delivery)])
    handle_report(1, report(recipient_group(delivery.recipient)), [return_path(delivery)])  # the same mail, read again
    assert delivery.events.filter(fact="report_failed").count() == 1
    client.force_login(world.ada if language == "en" else world.bruno)
    page = card(client, delivery)
    assert [place for place in places if place not in page] == []


def test_where_a_server_said_it_while_we_sent(world: World, ada: Client, ticket: Ticket) -> None:
    page = card(ada, failed(world, ticket, FULL))
    assert page.count("the server’s reply to RCPT TO") == 3  # reply code, enhanced code, text


def test_what_nobody_told_has_no_place(world: World, ada: Client, ticket: Ticket) -> None:
    world.outcome(world.delivery_to(world.clara, world.answer(ticket)), UNKNOWN)
    held = world.delivery_to(world.clara, world.answer(ticket))
    assert held.state == "held"
    assert "Where this was read" not in card(ada, held)
