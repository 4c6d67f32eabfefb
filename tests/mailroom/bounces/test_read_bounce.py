"""`python -m mailroom.read_bounce`: one JSON line per file, as docs/commands.md has it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from mailroom.read_bounce import main

CORPUS = Path(__file__).parents[2] / "corpus" / "bounces"


def run(capsys: pytest.CaptureFixture[str], *paths: Path) -> list[dict[str, Any]]:
    main([str(path) for path in paths])
    # Not splitlines: the texts hold U+0085 and U+2028.
    return [json.loads(line) for line in capsys.readouterr().out.split("\n") if line]


def test_a_bounce(capsys: pytest.CaptureFixture[str]) -> None:
    path = CORPUS / "dsn" / "01-user-unknown.eml"
    [line] = run(capsys, path)
    assert (line["file"], line["kind"]) == (str(path), "bounce")
    [result] = line["results"]
    diagnostic = result.pop("diagnostic")
    assert diagnostic.startswith("550 5.1.1 <clara@kunde.example>")
    assert result == {
        "recipient": "clara@kunde.example",
        "action": "failed",
        "class": "5",
        "status": "5.1.1",
        "reply_code": "550",
        "cause": "address_unknown",
        "remote_mta": "mail.kunde.example",
        "feedback_type": "",
        "origins": {
            "recipient": "final-recipient",
            "action": "action",
            "status": "status",
            "reply_code": "diagnostic-code",
            "diagnostic": "diagnostic-code",
        },
    }


def test_values_tell_where_they_were_found(capsys: pytest.CaptureFixture[str]) -> None:
    [completed] = run(capsys, CORPUS / "dsn" / "02-no-diagnostic-code.eml")
    assert completed["results"][0]["origins"]["reply_code"] == "text"
    [in_words] = run(capsys, CORPUS / "text" / "03-exim.eml")
    assert {result["origins"]["recipient"] for result in in_words["results"]} == {"named"}
    [by_provider] = run(capsys, CORPUS / "postmark_json" / "01-hard-bounce.eml")
    assert set(by_provider["results"][0]["origins"].values()) == {"postmark"}
    [without] = run(capsys, CORPUS / "text" / "32-nobody-named.eml")
    assert "status" not in without["results"][0]["origins"]


@pytest.mark.parametrize(
    ("sample", "kind", "causes"),
    [
        ("text/13-gmail-delay", "delay", ["connection_failed", "delayed", "unknown", "expired"]),
        ("dsn/06-delivered-and-relayed", "delivered", ["delivered", "relayed", "delivered"]),
        ("arf/01-abuse", "feedback", ["complaint"]),
        ("none/01-customer-asks-about-a-bounce", "ordinary", []),
        ("none/02-forwarded-bounce", "ordinary", []),
        ("none/03-out-of-office", "autoreply", ["autoreply"]),
        ("none/04-newsletter", "ordinary", []),
        ("none/05-read-receipt", "mdn", ["mdn"]),
        ("none/06-postmaster-writes-as-a-person", "ordinary", []),
    ],
)
def test_kinds(capsys: pytest.CaptureFixture[str], sample: str, kind: str, causes: list[str]) -> None:
    [line] = run(capsys, CORPUS / f"{sample}.eml")
    assert line["kind"] == kind
    assert {result["cause"] for result in line["results"]} <= set(causes)
    assert bool(line["results"]) == bool(causes)


def test_paths_come_from_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(CORPUS / "text" / "01-qmail.eml"), str(CORPUS / "text" / "27-chinese.eml")]
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(json.dumps(path) + "\n" for path in paths)))
    assert main([]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.split("\n") if line]
    assert [(line["file"], len(line["results"])) for line in lines] == [(path, 2) for path in paths]


def test_a_file_that_cannot_be_opened_is_named_and_the_rest_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    missing = CORPUS / "no-such-file.eml"
    assert main([str(missing), str(CORPUS / "arf" / "01-abuse.eml")]) == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.split("\n") if line)
    assert first == {"file": str(missing), "error": "No such file or directory"}
    assert second["kind"] == "feedback"
