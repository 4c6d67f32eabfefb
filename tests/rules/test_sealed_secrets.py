"""Secrets of webhooks lie sealed: a copy of the database alone opens none, another key loses none."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from answerback.reports import readiness
from answerback.rules import webhooks
from answerback.rules.models import Webhook
from answerback.rules.webhooks import Wanted

TOKEN = "t0ken-of-theirs"
pytestmark = pytest.mark.django_db


@pytest.fixture
def webhook() -> Webhook:
    wanted = Wanted("Billing", "https://billing.example.com/x", [], True, authentication="bearer", password=TOKEN)
    return webhooks.save_webhook(None, wanted)


def stored() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, password FROM rules_webhook")
        return cursor.fetchone()


def secrets_of_doctor() -> readiness.Check:
    return next(check for check in readiness.look() if check.id == "secrets")


def test_whoever_reads_the_row_has_it_and_whoever_reads_the_table_has_not(webhook: Webhook) -> None:
    read = Webhook.objects.get()
    assert (read.secret, read.password) == (webhook.secret, TOKEN)
    assert [text.startswith("sealed:") for text in stored()] == [True, True]
    assert webhook.secret not in stored()[0]


def test_what_lay_plain_is_sealed_by_the_next_migrate() -> None:
    webhooks.save_webhook(None, Wanted("Billing", "https://billing.example.com/x", [], True))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE rules_webhook SET secret = 'of-before'")
    assert Webhook.objects.get().secret == "of-before"
    webhooks.seal_anew()
    assert Webhook.objects.get().secret == "of-before"
    assert stored()[0].startswith("sealed:")
    assert stored()[1] == "", "nothing is no secret"


def test_an_old_key_opens_until_all_is_sealed_anew(webhook: Webhook, settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key " * 5, [settings.SECRET_KEY]
    assert Webhook.objects.get().password == TOKEN
    webhooks.seal_anew()
    settings.SECRET_KEY_FALLBACKS = []
    assert Webhook.objects.get().password == TOKEN


def test_without_its_key_it_is_named_and_not_lost(webhook: Webhook, settings: Any) -> None:
    right, before = settings.SECRET_KEY, stored()
    assert not secrets_of_doctor().warns
    settings.SECRET_KEY = "another key " * 5
    assert (secrets_of_doctor().warns, "Billing" in secrets_of_doctor().state) == (True, True)
    Webhook.objects.get().save()
    webhooks.seal_anew()
    assert stored() == before
    settings.SECRET_KEY = right
    assert Webhook.objects.get().password == TOKEN
