from __future__ import annotations

import json
import logging
import sys

import pytest

from answerback.core.logs import JsonLines, Lines, mask

RELAY = "smtp://desk:p%40ss-word-1@relay.test:587?tls=verify smtps://two:second-word@relay2.test"
IMAP = "imaps://box:box-word-9@imap.test/INBOX?client_secret=very-secret-2"


@pytest.fixture
def secrets(settings: object) -> None:
    settings.RELAY_URL, settings.IMAP_URLS = RELAY, IMAP  # type: ignore[attr-defined]
    settings.SECRET_KEY_FALLBACKS = ["old-word-5"]  # type: ignore[attr-defined]
    settings.METRICS_TOKEN = "metrics-token-3"  # type: ignore[attr-defined]
    settings.EVENT_SECRETS = {"postmark": "hook:hook-word-4", "resend": ""}  # type: ignore[attr-defined]


def record(words: str, *values: object, fault: object = None) -> logging.LogRecord:
    return logging.LogRecord("mail", logging.ERROR, "f", 1, words, values, fault)  # type: ignore[arg-type]


def test_one_line_whatever_is_said() -> None:
    try:
        raise ValueError("line\nbreak")
    except ValueError:
        fault = sys.exc_info()
    text = JsonLines().format(record("from %s\nforged", "Ümit\u2028", fault=fault))
    assert "\n" not in text
    line = json.loads(text)
    assert (line["level"], line["message"]) == ("ERROR", "from Ümit\u2028\nforged")
    assert "ValueError" in line["traceback"]


def test_fields_for_machines() -> None:
    told = record("delivery=7")
    told.fields = {"delivery": 7, "outcome": "accepted"}
    line = json.loads(JsonLines().format(told))
    assert (line["delivery"], line["outcome"]) == (7, "accepted")


@pytest.mark.parametrize(
    "secret",
    [
        *("p@ss-word-1", "p%40ss-word-1", "second-word", "box-word-9", "very-secret-2", "metrics-token-3"),
        *("hook:hook-word-4", "hook-word-4", "old-word-5", "postgresql://answerback:database-word@db.test/desk"),
    ],
)
def test_no_secret_is_told(secrets: None, secret: str) -> None:
    try:
        raise RuntimeError(f"the server refused {secret}")
    except RuntimeError:
        told = record("with %s", secret, fault=sys.exc_info())
    for formatter in (Lines(), JsonLines()):
        line = formatter.format(told)
        assert "refused" in line
        assert not any(part in line for part in ("-word", "very-secret", "metrics-token", "ss-word"))


def test_the_rest_is_left_as_it_is(secrets: None) -> None:
    text = "see https://relay.test/a:b@c and smtp://relay.test:25, user desk, password wrong"
    assert mask(text) == text
