"""Settings of mail in the administration: what is typed, tried against a real server, saved, and never shown again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from django.test import Client
from tests.mailroom.smtp.certificates import make_certificate
from tests.mailroom.smtp.scripted_server import Script, Server
from tests.outbound.hop import Hop, listening
from tests.world import World

from answerback.outbound import destinations, relay_presets
from answerback.store import mailboxes
from mailroom.imap_url import Mailbox
from mailroom.smtp.route import Endpoint, Mx, Relay, Tls

URL = "/admin/outgoing"
RELAY = {
    "way": "relay",
    "host": "relay.acme.test",
    "port": "587",
    "tls": "verify",
    "user": "support",
    "sign_in": "password",
    "secret": "s3cret/@:",
    "return_path": "signed",
}
MAILBOX = {
    "host": "imap.acme.test",
    "port": "",
    "safety": "imaps",
    "user": "support@acme.test",
    "sign_in": "password",
    "secret": "p%w d",
    "folder": "INBOX",
    "then": "move",
    "move_to": "Done",
}


@pytest.fixture(autouse=True)
def empty(world: World, settings: Any) -> None:
    world.bruno.person.language = "en"
    world.bruno.person.save()
    settings.RELAY_URL, settings.IMAP_URLS, settings.RETURN_PATH = "", "", "signed"
    settings.MAIL_SETTINGS_SET_OUTSIDE, settings.MAIL_SETTINGS_REPLACED = frozenset(), {}


def endpoint() -> Endpoint:
    route = destinations.route()
    assert isinstance(route, Relay)
    return route.endpoints[0]


def test_a_relay_holds_once_it_is_saved(bruno: Client) -> None:
    page = bruno.post(URL, RELAY, follow=True)
    assert endpoint() == Endpoint("relay.acme.test", 587, Tls.VERIFY, "support", "s3cret/@:")
    assert "It holds from now on" in page.text
    assert "s3cret" not in page.text
    assert 'value="relay.acme.test"' in page.text


def test_an_empty_password_keeps_the_old_one_for_the_same_server_only(bruno: Client) -> None:
    bruno.post(URL, RELAY)
    bruno.post(URL, RELAY | {"secret": "", "tls": "implicit", "port": "465"})
    assert (endpoint().tls, endpoint().password) == (Tls.IMPLICIT, "s3cret/@:")
    bruno.post(URL, RELAY | {"secret": "", "host": "thief.test"})
    assert (endpoint().host, endpoint().password) == ("thief.test", "")


def test_a_relay_with_an_application_of_microsoft(bruno: Client) -> None:
    app = {"sign_in": "microsoft", "tenant": "acme", "client_id": "C", "secret": "s3cret"}
    there = {"host": "smtp.office365.com", "return_path": "fixed", "user": "support@acme.test"}
    bruno.post(URL, RELAY | app | there)
    saved = endpoint()
    assert (saved.auth, saved.oauth and saved.oauth.provider) == ("xoauth2", "microsoft")
    assert (saved.oauth and saved.oauth.secret, saved.password) == ("s3cret", "")
    bruno.post(URL, RELAY | app | there | {"secret": ""})
    assert endpoint() == saved, "what is left empty stays"
    assert "wants to know the tenant" in bruno.post(URL, RELAY | app | there | {"tenant": ""}).text


def test_straight_to_the_recipients(bruno: Client) -> None:
    bruno.post(URL, RELAY | {"way": "mx"})
    assert isinstance(destinations.route(), Mx)


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"host": ""}, "This field is required"),
        ({"host": "smtp://relay.acme.test"}, "This is no name of a server"),
        ({"host": "relay.acme.test:587"}, "This is no name of a server"),
        ({"tls": "none"}, "User and password are sent under TLS only"),
        ({"user": ""}, "A password needs a user."),
        ({"port": "70000"}, "less than or equal to 65535"),
        ({"host": "smtp.office365.com"}, "takes only its own addresses"),
    ],
)
def test_what_cannot_work_is_told_and_what_was_typed_stays(wrong: dict[str, str], told: str, bruno: Client) -> None:
    page = bruno.post(URL, RELAY | wrong)
    assert (page.status_code, told in page.text) == (422, True)
    assert 'value="s3cret/@:"' in page.text
    assert destinations.route() is None


@pytest.mark.parametrize("key", relay_presets.PRESETS)
def test_a_preset_fills_in_what_is_known_and_leaves_what_was_typed(key: str, bruno: Client) -> None:
    preset = relay_presets.PRESETS[key]
    page = bruno.post(f"{URL}/preset", RELAY | {"preset": key})
    assert f'value="{preset.host}"' in page.text
    assert f'value="{preset.user or "support"}"' in page.text
    assert 'value="s3cret/@:"' in page.text
    plain = {"user": "", "secret": ""} if preset.tls is Tls.NONE else {}
    saved = bruno.post(
        URL,
        RELAY
        | plain
        | {"host": preset.host, "port": preset.port, "tls": preset.tls.value, "return_path": preset.return_path},
    )
    assert saved.status_code == 302


def test_no_such_preset(bruno: Client) -> None:
    assert bruno.post(f"{URL}/preset", RELAY | {"preset": "carrier-pigeon"}).status_code == 404


def test_a_try_at_a_relay_that_takes_our_mail(bruno: Client) -> None:
    with listening(Hop()) as hop:
        typed = {
            "way": "relay",
            "host": "127.0.0.1",
            "port": hop.port,
            "tls": "none",
            "return_path": "signed",
            "sign_in": "password",
        }
        page = bruno.post(f"{URL}/try", typed)
    assert "It takes our mail" in page.text
    assert not hop.kept
    assert destinations.route() is None, "trying saves nothing"


def test_a_try_tells_in_plain_words_what_the_relay_said(bruno: Client) -> None:
    refusing = Hop(refuses="554 5.7.1 You are on our list")
    typed = {"way": "relay", "host": "127.0.0.1", "tls": "none", "return_path": "signed", "sign_in": "password"}
    with listening(refusing) as hop:
        page = bruno.post(f"{URL}/try", typed | {"port": hop.port})
        assert "does not want to talk with us" in page.text
        assert "554 5.7.1 You are on our list" in page.text
        page = bruno.post(f"{URL}/try", typed | {"port": hop.port, "tls": "must"})
    page = bruno.post(f"{URL}/try", typed | {"port": hop.port})
    assert "Nobody answers there." in page.text


def test_a_try_where_no_encryption_is_offered(bruno: Client) -> None:
    with listening(Server(Script())) as server:
        page = bruno.post(f"{URL}/try", RELAY | {"host": "127.0.0.1", "port": server.port, "tls": "must"})
    assert "The connection could not be made safe." in page.text


def test_a_try_with_a_wrong_password(bruno: Client, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, x509.DNSName("relay.acme.test"))
    with listening(Server(Script(tls=certificate.context, users={"support": "right"}))) as server:
        typed = RELAY | {"host": "127.0.0.1", "port": server.port, "tls": "must"}
        assert "does not take this user with this password" in bruno.post(f"{URL}/try", typed).text
        page = bruno.post(f"{URL}/try", typed | {"secret": "right"})
        assert "user and password are right" in page.text


def test_a_try_of_what_cannot_work_says_so_before_anybody_is_asked(bruno: Client) -> None:
    assert "This field is required" in bruno.post(f"{URL}/try", RELAY | {"host": ""}).text


def test_what_is_set_outside_is_shown_and_cannot_be_changed(bruno: Client, settings: Any) -> None:
    settings.RELAY_URL = "smtps://u:s3cret@outside.acme.test"
    settings.MAIL_SETTINGS_SET_OUTSIDE = frozenset({"RELAY_URL", "MAIL_DOMAIN", "IMAP_URLS", "EVENTS_SES"})
    page = bruno.get(URL).text
    assert "outside.acme.test:465" in page
    assert "s3cret" not in page
    assert page.count("it cannot be changed here") == 2
    names = {"names": "1", "mail_domain": "x.test", "reply_address": "none", "return_path_domain": "b.acme.test"}
    assert bruno.post(URL, names).status_code == 302
    assert (settings.MAIL_DOMAIN, settings.REPLY_ADDRESS) == ("localhost.localdomain", "none")
    assert bruno.get("/admin/incoming/mailbox").status_code == 404
    assert "it cannot be changed here" in bruno.get("/admin/incoming/services/ses").text
    bruno.post("/admin/incoming/services/ses", {"secret": "arn:aws:sns:eu-central-1:123456789012:answerback"})
    assert not settings.EVENT_SECRETS["ses"]


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"mail_domain": "https://acme.test"}, "This is not a domain"),
        ({"mail_domain": ""}, "This field is required"),
        ({"return_path_domain": "two words"}, "This is not a domain"),
        ({"probe_address": "nobody"}, "This is not an e-mail address."),
    ],
)
def test_names_that_cannot_be(wrong: dict[str, str], told: str, bruno: Client, settings: Any) -> None:
    typed = {"names": "1", "mail_domain": "help.acme.test", "reply_address": "plus"}
    assert told in bruno.post(URL, typed | wrong).text
    assert settings.MAIL_DOMAIN == "localhost.localdomain"


def test_a_mailbox_is_followed_changed_and_left(bruno: Client) -> None:
    bruno.post("/admin/incoming/mailbox", MAILBOX)
    [mailbox] = mailboxes.configured()
    assert mailbox == Mailbox("imap.acme.test", 993, "support@acme.test", password="p%w d", then="move", move_to="Done")
    page = bruno.get("/admin/incoming").text
    assert "imap.acme.test/support@acme.test/INBOX" in page
    url = "/admin/incoming/mailbox?name=imap.acme.test/support@acme.test/INBOX"
    assert "p%w d" not in bruno.get(url).text
    bruno.post(url, MAILBOX | {"secret": "", "folder": "In box", "then": "keep"})
    [mailbox] = mailboxes.configured()
    assert (mailbox.folder, mailbox.then, mailbox.password) == ("In box", "keep", "p%w d")
    bruno.post(url.replace("INBOX", "In box"), {"act": "remove"})
    assert mailboxes.configured() == []


def test_a_mailbox_with_an_application_of_a_provider(bruno: Client) -> None:
    app = {"sign_in": "microsoft", "tenant": "acme", "client_id": "C", "host": "outlook.office365.com"}
    bruno.post("/admin/incoming/mailbox", MAILBOX | app)
    google = {"sign_in": "google", "client_id": "G", "client_secret": "S", "host": "imap.gmail.com", "secret": "r"}
    bruno.post("/admin/incoming/mailbox", MAILBOX | google)
    first, second = mailboxes.configured()
    assert first.oauth
    assert (first.oauth.client_secret, first.oauth.scope) == ("p%w d", "https://outlook.office365.com/.default")
    assert second.oauth
    assert (second.oauth.client_secret, second.oauth.refresh_token) == ("S", "r")
    url = f"/admin/incoming/mailbox?name={second.name}"
    bruno.post(url, MAILBOX | google | {"client_secret": "", "secret": "", "then": "seen"})
    assert mailboxes.configured()[1].oauth == second.oauth, "what is left empty stays"


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"host": ""}, "This field is required"),
        ({"secret": ""}, "Without it nobody can sign in."),
        ({"sign_in": "microsoft", "client_id": "C"}, "wants to know the tenant"),
        ({"sign_in": "google"}, "Say which application signs in."),
        ({"move_to": ""}, "Name the folder."),
        ({"support_address": "support"}, "This is not an e-mail address."),
    ],
)
def test_a_mailbox_that_cannot_be(wrong: dict[str, str], told: str, bruno: Client) -> None:
    page = bruno.post("/admin/incoming/mailbox", MAILBOX | wrong)
    assert (page.status_code, told in page.text) == (422, True)
    assert mailboxes.configured() == []


def test_the_same_folder_twice(bruno: Client) -> None:
    bruno.post("/admin/incoming/mailbox", MAILBOX)
    assert "is followed already" in bruno.post("/admin/incoming/mailbox", MAILBOX).text


def test_a_mail_service_is_believed_once_its_secret_is_there(bruno: Client, settings: Any) -> None:
    url = "/admin/incoming/services/postmark"
    assert "/hooks/postmark/events" in bruno.get(url).text
    assert "This is not what Postmark proves itself with." in bruno.post(url, {"secret": "short"}).text
    bruno.post(url, {"secret": "answerback:0123456789abcdef"})
    assert settings.EVENT_SECRETS["postmark"] == "answerback:0123456789abcdef"
    page = bruno.get(url).text
    assert "0123456789abcdef" not in page
    bruno.post(url, {"act": "remove"})
    assert not settings.EVENT_SECRETS["postmark"]
    assert bruno.get("/admin/incoming/services/pigeon").status_code == 404
