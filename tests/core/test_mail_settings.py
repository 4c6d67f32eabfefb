"""Settings of mail that are changed in the workspace: kept sealed, outdone by the environment, and taken over."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from django.db import connection

from answerback.core import mail_settings, sealing
from answerback.core.mail_settings import SetOutsideError
from answerback.core.models import MailSetting
from answerback.env import Env

RELAY = "smtp://support:s3cret@relay.acme.test:587?tls=verify"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def defaults(settings: Any) -> None:
    """What one finds on an empty machine, and nothing of it is left behind."""
    settings.MAIL_DOMAIN = settings.RETURN_PATH_DOMAIN = "localhost.localdomain"
    settings.MAIL_SETTINGS_SET_OUTSIDE, settings.MAIL_SETTINGS_REPLACED = frozenset(), {}


def test_what_is_saved_holds_at_once_and_is_gone_when_it_is_taken_back(settings: Any) -> None:
    mail_settings.change({"RELAY_URL": RELAY, "EVENTS_RESEND": "whsec_abc"})
    assert (settings.RELAY_URL, settings.EVENT_SECRETS["resend"]) == (RELAY, "whsec_abc")
    mail_settings.change({"RELAY_URL": "", "EVENTS_RESEND": ""})
    assert (settings.RELAY_URL, settings.EVENT_SECRETS["resend"]) == ("", "")
    assert not MailSetting.objects.exists()


def test_another_process_takes_it_over(settings: Any) -> None:
    before = mail_settings.in_force()
    MailSetting.objects.create(name="RELAY_URL", sealed=sealing.seal(RELAY), changed_at="2026-11-23T12:00:00Z")
    assert mail_settings.in_force() == before
    mail_settings.take_over()
    assert (settings.RELAY_URL, mail_settings.in_force() == before) == (RELAY, False)


def test_what_the_environment_says_wins_and_cannot_be_changed(settings: Any) -> None:
    mail_settings.change({"RELAY_URL": RELAY})
    settings.MAIL_SETTINGS_SET_OUTSIDE, settings.RELAY_URL = frozenset({"RELAY_URL"}), "mx"
    settings.MAIL_SETTINGS_REPLACED = {}  # a restart
    mail_settings.take_over()
    assert settings.RELAY_URL == "mx"
    with pytest.raises(SetOutsideError):
        mail_settings.change({"RELAY_URL": RELAY})


def test_the_domain_of_return_paths_follows_our_name_until_it_has_one_of_its_own(settings: Any) -> None:
    mail_settings.change({"MAIL_DOMAIN": "help.acme.test"})
    assert settings.RETURN_PATH_DOMAIN == "help.acme.test"
    mail_settings.change({"RETURN_PATH_DOMAIN": "bounce.acme.test"})
    assert (settings.MAIL_DOMAIN, settings.RETURN_PATH_DOMAIN) == ("help.acme.test", "bounce.acme.test")
    mail_settings.change({"MAIL_DOMAIN": "", "RETURN_PATH_DOMAIN": ""})
    assert settings.RETURN_PATH_DOMAIN == "localhost.localdomain"


def test_nothing_of_it_can_be_read_in_the_database() -> None:
    mail_settings.change({"RELAY_URL": RELAY})
    assert "s3cret" not in MailSetting.objects.get().sealed
    assert "relay.acme.test" not in MailSetting.objects.get().sealed


def test_an_old_key_opens_until_what_it_sealed_is_sealed_anew(settings: Any) -> None:
    old = settings.SECRET_KEY
    mail_settings.change({"RELAY_URL": RELAY})
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key " * 5, [old]
    assert mail_settings.unreadable() == []
    mail_settings.seal_anew()
    settings.SECRET_KEY_FALLBACKS = []
    mail_settings.take_over()
    assert (mail_settings.unreadable(), settings.RELAY_URL) == ([], RELAY)


def test_what_no_key_opens_is_named_and_does_not_hold(settings: Any) -> None:
    mail_settings.change({"RELAY_URL": RELAY})
    settings.SECRET_KEY = "another key " * 5
    mail_settings.seal_anew()
    mail_settings.take_over()
    assert (mail_settings.unreadable(), settings.RELAY_URL) == (["RELAY_URL"], "")


def test_whoever_was_built_from_settings_hears_of_others() -> None:
    async def story() -> None:
        before = mail_settings.in_force()
        waiting = asyncio.create_task(mail_settings.until_other_than(before, asyncio.Event()))
        mail_settings._put("PROBE_ADDRESS", "nobody-*@elsewhere.test")
        async with asyncio.timeout(20):
            await waiting

    asyncio.run(story())


def test_set_means_that_anybody_says_something(tmp_path: Any) -> None:
    toml = tmp_path / "answerback.toml"
    toml.write_text('mail_domain = "acme.test"')
    env = Env({"ANSWERBACK_RELAY_URL": ""}, toml)
    assert [env.is_set(name) for name in ("RELAY_URL", "MAIL_DOMAIN", "RETURN_PATH")] == [True, True, False]


@pytest.mark.django_db(transaction=True)
def test_what_was_read_before_a_change_is_not_put_after_it(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Seen as the first steps asking DNS about the domain that had just been replaced."""
    opened = mail_settings._opened
    has_read, is_saved = threading.Event(), threading.Event()

    def read_and_be_slow() -> dict[str, str | None]:
        before = opened()
        if threading.current_thread() is following:
            has_read.set()
            is_saved.wait(0.5)  # in vain where saving waits for us
        return before

    def follow() -> None:
        mail_settings.take_over()
        connection.close()

    monkeypatch.setattr(mail_settings, "_opened", read_and_be_slow)
    following = threading.Thread(target=follow)
    following.start()
    has_read.wait()
    mail_settings.change({"MAIL_DOMAIN": "help.acme.test"})
    is_saved.set()
    following.join()
    assert settings.MAIL_DOMAIN == "help.acme.test"
