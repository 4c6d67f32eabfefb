"""The other pages: each opens in both languages, and their forms do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client
from django.utils.html import escape
from tests.world import World

from answerback.desk.calling_webhooks import webhook_queue
from answerback.desk.calling_webhooks.webhook_policy import Answer
from answerback.people import blocked_senders
from answerback.people.models import Account, Group, Identity
from answerback.rules import webhooks as webhook_rows
from answerback.rules.models import Macro, Trigger, Webhook, WebhookCall
from answerback.rules.webhooks import Wanted
from answerback.store import raw
from answerback.store.models import RawMail
from answerback.tickets.models import SupportAddress, Ticket
from mailroom.causes import catalogue, zendesk

PAGES = [
    "/delivery", "/delivery/causes", "/mail/unprocessed", "/mail/suspended", "/mail/blocked", "/profile",
    "/tickets/new", "/views/new", "/search",
    "/admin/", "/admin/groups", "/admin/incoming", "/admin/dns", "/admin/addresses", "/admin/tokens", "/admin/triggers",
    "/admin/automations",
    "/admin/webhooks", "/admin/webhooks/new",
]  # fmt: skip
TOKENS = Path("src/answerback/static/css/tokens.css")


@pytest.mark.parametrize("url", PAGES)
def test_every_page_opens_in_the_readers_language(url: str, world: World, bruno: Client) -> None:
    response = bruno.get(url)
    assert response.status_code == 200
    assert '<html lang="de"' in response.text
    assert "Zum Inhalt springen" in response.text


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_cause_reference_has_an_anchor_for_every_cause(language: str, world: World, ada: Client) -> None:
    world.ada.person.language = language
    world.ada.person.save()
    page = ada.get("/delivery/causes").text
    for key in catalogue.load().causes:
        assert f'id="{key}"' in page


def test_each_code_is_an_anchor_once(world: World, ada: Client) -> None:
    ids = re.findall(r' id="([^"]+)"', ada.get("/delivery/causes").text)
    assert len(ids) == len(set(ids))
    assert {"550", "5.1.1", "5.2.2", "X.2.2"} <= set(ids)


def test_causes_are_found_by_code(world: World, ada: Client) -> None:
    page = ada.get("/delivery/causes", {"q": "5.2.2"}).text
    assert 'id="mailbox_full"' in page
    assert 'id="address_unknown"' not in page


def test_every_code_and_status_id_is_told_with_its_meaning(world: World, bruno: Client) -> None:
    page = bruno.get("/delivery/causes").text
    for code in catalogue.load().status_codes:
        assert escape(code.meaning["de"]) in page
    for status in zendesk.statuses().values():
        assert f'id="status-{status.id}"' in page
        assert escape(status.message["de"]) in page


def test_a_code_of_a_vendor_is_found_and_leads_to_its_cause(world: World, ada: Client) -> None:
    page = ada.get("/delivery/causes", {"q": "5.7.133"}).text
    assert '<a href="#recipient_restricted">' in page
    assert "Microsoft" in page
    assert "Nothing found" in ada.get("/delivery/causes", {"q": "5.8.999"}).text


def test_a_customer_gets_another_address_and_it_becomes_primary(world: World, ada: Client) -> None:
    url = f"/customers/{world.clara.pk}/identities"
    ada.post(url, {"act": "add", "address": "clara@home.test"})
    identity = Identity.objects.get(address="clara@home.test")
    ada.post(url, {"act": "primary", "identity": identity.pk})
    identity.refresh_from_db()
    assert identity.primary
    assert Identity.objects.filter(person=world.clara, primary=True).count() == 1


def test_an_address_of_somebody_else_is_refused_by_name(world: World, ada: Client) -> None:
    url = f"/customers/{world.clara.pk}/identities"
    page = ada.post(url, {"act": "add", "address": "deniz@customer.test"}, follow=True).text
    assert "deniz@customer.test belongs to Deniz Demir already." in page


def test_a_new_ticket_is_mailed_to_requester_and_ccs(world: World, ada: Client) -> None:
    ada.post(
        "/tickets/new",
        {"requester": "new@customer.test", "cc": "Deniz <deniz@customer.test>", "subject": "Hello", "text": "Hi."},
    )
    ticket = Ticket.objects.latest("id")
    recipients = set(ticket.deliveries.filter(kind="answer").values_list("recipient", flat=True))
    assert recipients == {"new@customer.test", "deniz@customer.test"}


def test_a_new_ticket_with_a_bad_address_keeps_the_text(world: World, ada: Client) -> None:
    page = ada.post("/tickets/new", {"requester": "nobody", "subject": "Hello", "text": "A long text."}).text
    assert "“nobody” is not an e-mail address." in page
    assert "A long text." in page


def test_mail_that_became_no_ticket_can_be_ignored(world: World, ada: Client) -> None:
    mail = raw.save(b"Subject: Odd\r\n\r\n<script>alert(1)</script>", doorway="smtp", envelope_from="x@y.test")
    raw.settle(mail.pk, RawMail.State.UNREADABLE, reason="no-sender")
    page = ada.get("/mail/unprocessed").text
    assert "Odd" in page
    assert "The sender cannot be read" in page
    assert "&lt;script&gt;" in ada.get(f"/mail/{mail.pk}").text
    ada.post(f"/mail/{mail.pk}/act", {"act": "ignore"})
    assert RawMail.objects.get(pk=mail.pk).state == RawMail.State.IGNORED


def test_spam_is_let_in_or_deleted(world: World, ada: Client) -> None:
    blocked_senders.block("x@y.test", world.ada)
    mails = [raw.save(b"From: x@y.test\r\nSubject: Hi\r\n\r\n%d" % n, doorway="smtp") for n in range(3)]
    for mail in mails:
        raw.settle(mail.pk, RawMail.State.SUSPENDED, reason="blocked: x@y.test")
    assert ada.get("/mail/suspended").text.count("The sender is blocked") == 3
    ada.post("/mail/suspended/delete", {"mails": [mails[0].pk]})
    page = ada.post(f"/mail/{mails[1].pk}/act", {"act": "recover"}, follow=True).text
    assert "Mail from x@y.test becomes tickets again." in page
    assert [RawMail.objects.get(pk=mail.pk).state for mail in mails] == ["deleted", "ticket", "suspended"]


def test_a_sender_is_blocked_and_let_in_again(world: World, ada: Client) -> None:
    refused = ada.post("/mail/blocked", {"sender": "ada@acme.test"})
    assert refused.status_code == 422
    assert 'value="ada@acme.test"' in refused.text
    assert "@bad.test" in ada.post("/mail/blocked", {"sender": "@Bad.test"}, follow=True).text
    ada.post("/mail/blocked/undo", {"sender": "@bad.test"})
    assert not blocked_senders.everybody().exists()


def test_a_ticket_is_marked_as_spam_and_back(world: World, ada: Client) -> None:
    ticket = world.ticket()
    page = ada.post(f"/tickets/{ticket.pk}/spam", {"act": "mark"}, follow=True).text
    assert "Mail from Clara Customer waits apart and becomes no ticket." in page
    page = ada.post(f"/tickets/{ticket.pk}/spam", {"act": "undo"}, follow=True).text
    assert "The ticket is open, and its sender may write again." in page
    assert "waits apart" not in page


def test_the_last_administrator_stays(world: World, bruno: Client) -> None:
    page = bruno.post(f"/admin/people/{world.bruno.pk}", {"role": "agent", "active": "on"}, follow=True).text
    assert "Ein Administrator muss bleiben." in page
    assert Account.objects.get(pk=world.bruno.pk).is_admin


def test_groups_support_addresses_and_triggers_change(world: World, bruno: Client) -> None:
    bruno.post("/admin/groups", {"name": "Billing"})
    group = Group.objects.get(name="Billing")
    data = {"address": "bill@acme.test", "name": "Billing", "language": "en", "group": group.pk, "active": "on"}
    bruno.post("/admin/addresses", data)
    assert SupportAddress.objects.get(address="bill@acme.test").group == group
    trigger = Trigger.objects.filter(active=True).first()
    assert trigger
    bruno.post(f"/admin/triggers/{trigger.pk}/act", {"act": "off"})
    assert not Trigger.objects.get(pk=trigger.pk).active


def test_an_api_token_is_shown_once(world: World, bruno: Client) -> None:
    page = bruno.post("/admin/tokens", {"name": "Reports"}).text
    found = re.search(r'id="fresh-token">([^<]+)<', page)
    assert found
    assert found[1] not in bruno.get("/admin/tokens").text


def test_the_profile_sets_language_theme_and_signature(world: World, ada: Client) -> None:
    ada.post("/profile", {"name": "Ada A.", "language": "de", "theme": "dark", "signature": "Ada"})
    page = ada.get("/profile").text
    assert '<html lang="de" data-theme="dark">' in page
    assert "Ihr Profil" in page


def test_only_supervisors_and_admins_pause_a_destination(world: World, ada: Client, bruno: Client) -> None:
    data = {"act": "pause", "destination": "customer.test"}
    assert ada.post("/delivery/switch", data).status_code == 403
    bruno.post("/delivery/switch", data)
    assert "Angehalten" in bruno.get("/delivery").text


def test_unknown_pages_are_told_kindly(world: World, bruno: Client) -> None:
    response = bruno.get("/tickets/999999")
    assert response.status_code == 404
    assert "Diese Seite gibt es nicht" in response.text


def colours() -> dict[str, tuple[str, str]]:
    """Token -> (light, dark) of the plain hexadecimal ones."""
    found = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", TOKENS.read_text("utf-8"))
    return {name: (light, dark) for name, light, dark in found}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


ON = [(ink, ground) for ink in ("ink", "ink-soft", "ink-faint", "accent-ink")
      for ground in ("canvas", "surface", "raised", "sunken", "hover", "selected")]  # fmt: skip
ON += [(f"{state}-ink", f"{state}-tint") for state in ("bad", "wait", "good", "calm", "note", "info")]
ON += [(f"{state}-ink", ground) for state in ("bad", "wait", "good") for ground in ("canvas", "surface", "raised")]


@pytest.mark.parametrize(("ink", "ground"), ON)
@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(ink: str, ground: str, scheme: int) -> None:
    tokens = colours()
    assert contrast(tokens[ink][scheme], tokens[ground][scheme]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_white_on_the_accent_is_readable_and_controls_have_visible_borders(scheme: int) -> None:
    tokens = colours()
    assert contrast("#ffffff", tokens["accent"][scheme]) >= 4.5
    assert contrast(tokens["line-strong"][scheme], tokens["surface"][scheme]) >= 3


def test_a_webhook_is_made_and_its_secret_shown_once(world: World, bruno: Client) -> None:
    form = {"name": "Billing", "endpoint": "https://billing.test/hook", "events": ["delivery.failed"], "active": "on"}
    page = bruno.post("/admin/webhooks/new", form, follow=True).text
    webhook = Webhook.objects.get()
    assert webhook.secret in page
    assert "Kopieren Sie jetzt den Signaturschlüssel" in page
    assert webhook.secret not in bruno.get(f"/admin/webhooks/{webhook.pk}").text


def test_a_webhook_form_says_what_is_wrong_and_keeps_the_rest(world: World, bruno: Client) -> None:
    form = {"name": "Billing", "endpoint": "billing", "authentication": "bearer", "headers": "X-Team: one"}
    page = bruno.post("/admin/webhooks/new", form).text
    assert "Das ist keine Adresse, die mit http:// oder https:// beginnt." in page
    assert "X-Team: one" in page
    assert not Webhook.objects.exists()


def test_the_log_of_a_webhook_tells_request_answer_and_attempts(world: World, bruno: Client) -> None:
    wanted = {"authentication": "bearer", "password": "s3cret-token"}
    webhook = webhook_rows.save_webhook(
        None, Wanted("Billing", "https://billing.test/", ["delivery.failed"], True, **wanted)
    )
    url = f"/admin/webhooks/{webhook.pk}"
    bruno.post(f"{url}/act", {"act": "test"})
    [claimed] = webhook_queue.claim(1)
    webhook_queue.record(claimed, Answer(error="no_such_host Name unknown", seconds=0.25))
    page = bruno.get(url).text
    assert "Diesen Host gibt es nicht: Name unknown" in page
    assert "0,25 s" in page
    assert "This is a test call." in page
    assert "s3cret-token" not in page
    bruno.post(f"{url}/calls/{claimed.call_id}/replay")
    assert WebhookCall.objects.filter(replay=True, state="waiting").exists()
    assert "noch einmal" in bruno.get(url).text


def test_a_webhook_is_switched_rotated_and_deleted(world: World, bruno: Client) -> None:
    webhook = webhook_rows.save_webhook(None, Wanted("Billing", "https://billing.test/", [], True))
    url = f"/admin/webhooks/{webhook.pk}/act"
    bruno.post(url, {"act": "off"})
    assert not Webhook.objects.get().active
    page = bruno.post(url, {"act": "rotate"}, follow=True).text
    assert Webhook.objects.get().secret in page
    assert Webhook.objects.get().secret != webhook.secret
    bruno.post(url, {"act": "delete"})
    assert not Webhook.objects.exists()


def test_merging_shows_both_and_says_that_it_is_for_good(world: World, bruno: Client) -> None:
    one, two = world.ticket("Printer on fire"), world.ticket("Still on fire", ccs=[world.deniz])
    page = bruno.get(f"/tickets/{two.pk}/merge").text
    assert "Andere Tickets derselben Person" in page
    assert f"/tickets/{two.pk}/merge?into={one.pk}" in page
    assert f"?into={one.pk}" in bruno.get(f"/tickets/{two.pk}/merge", {"q": "printer"}).text
    page = bruno.get(f"/tickets/{two.pk}/merge", {"into": one.pk}).text
    assert "Das lässt sich nicht rückgängig machen." in page
    assert "Deniz Demir" in page
    page = bruno.post(f"/tickets/{two.pk}/merge", {"into": one.pk, "ccs": world.deniz.pk}, follow=True).text
    assert f"#{two.pk} in dieses Ticket zusammengeführt." in page
    assert f"Zusammengeführt mit #{one.pk}" in bruno.get(f"/tickets/{two.pk}").text


def test_several_tickets_of_a_list_are_merged(world: World, ada: Client) -> None:
    one, two, three = (world.ticket(name) for name in ("One", "Two", "Three"))
    ids = f"{one.pk},{two.pk},{three.pk}"
    assert "Which of these stays?" in ada.get("/tickets/merge", {"ids": ids}).text
    assert "Which of these stays?" in ada.post("/tickets/merge", {"tickets": [one.pk, two.pk]}).text
    ada.post("/tickets/merge", {"ids": [one.pk, three.pk], "into": two.pk})
    assert set(Ticket.objects.filter(merged_into=two)) == {one, three}


def test_a_closed_ticket_is_not_merged(world: World, ada: Client) -> None:
    one, two = world.ticket("One"), world.ticket("Two")
    Ticket.objects.filter(pk=two.pk).update(status="closed")
    assert "Closed tickets cannot be merged" in ada.get(f"/tickets/{two.pk}/merge").text
    page = ada.post(f"/tickets/{one.pk}/merge", {"into": two.pk}, follow=True).text
    assert "The ticket that was to stay is closed by now." in page


def test_an_open_failure_of_a_merged_ticket_stands_on_the_remaining_one(world: World, ada: Client) -> None:
    one, two = world.ticket("One"), world.ticket("Two")
    world.answer(two)
    world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
    ada.post(f"/tickets/{two.pk}/merge", {"into": one.pk})
    assert f"from merged ticket #{two.pk}" in ada.get(f"/tickets/{one.pk}").text


def test_macros_are_made_found_copied_deleted_and_taken_back(world: World, bruno: Client) -> None:
    form = {"title": "Versand:: Paket weg", "text_de": "Es ist weg.", "status": "solved", "who": "all", "active": "on"}
    bruno.post("/macros/new", form)
    macro = Macro.objects.get(title="Versand::Paket weg")
    assert "Versand › Paket weg" in bruno.get("/macros", {"q": "paket"}).text
    assert "Versand::Paket weg (Kopie)" in bruno.get("/macros/new", {"copy": macro.pk}).text
    page = bruno.post(f"/macros/{macro.pk}/act", {"act": "delete"}, follow=True).text
    assert "„Versand::Paket weg“ wurde gelöscht." in page
    page = bruno.post(f"/macros/{macro.pk}/act", {"act": "undo"}, follow=True).text
    assert "Das Makro ist wieder da." in page


def test_own_macros_are_put_in_order_without_moving_the_shared_ones(world: World, ada: Client) -> None:
    shared = list(Macro.objects.values_list("pk", "position"))
    for title in ("One", "Two", "Three"):
        ada.post("/macros/new", {"title": title, "active": "on"})
    own = {macro.title: macro.pk for macro in Macro.objects.filter(owner=world.ada)}
    ada.post(f"/macros/{own['Three']}/act", {"act": "place", "place": "0"})
    ada.post(f"/macros/{own['One']}/act", {"act": "down"})
    page = ada.get("/macros").text
    shown = re.findall(r'id="macro-(\d+)"', page)
    assert shown[-3:] == [str(own[name]) for name in ("Three", "Two", "One")]
    assert page.count("data-sortable-item") == 3
    assert list(Macro.objects.filter(owner=None).values_list("pk", "position")) == shared
    assert "data-sortable-item" not in ada.get("/macros", {"q": "o"}).text


def test_an_agent_keeps_macros_of_her_own_and_changes_no_shared_ones(world: World, ada: Client) -> None:
    ada.post("/macros/new", {"title": "Mine", "who": "all", "active": "on"})
    assert Macro.objects.get(title="Mine").owner == world.ada
    shared = Macro.objects.get(key="take_and_solve")
    assert ada.get(f"/macros/{shared.pk}").status_code == 403
    assert ada.post(f"/macros/{shared.pk}/act", {"act": "delete"}).status_code == 403


def test_the_composer_offers_macros_and_applies_one(world: World, bruno: Client) -> None:
    ticket, macro = world.ticket(), Macro.objects.get(key="take_and_solve")
    menu = bruno.get(f"/tickets/{ticket.pk}/macros").text
    assert "Nicht zugestellt" in menu
    assert "Übernehmen und lösen" in menu
    done = bruno.get(f"/tickets/{ticket.pk}/macros/{macro.pk}").json()
    assert (done["status"], done["send_label"]) == ("solved", "Als gelöst senden")
    assert done["lines"] == ["Bearbeiter: Bruno Lead", "Status: Gelöst"]
