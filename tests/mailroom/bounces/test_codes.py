"""Which number of a text is a reply code, and which server said it."""

import pytest

from mailroom.bounces.codes import read_codes, read_remote_mta


@pytest.mark.parametrize(
    ("text", "reply_code", "status"),
    [
        ("550 5.1.1 <a@b.example>: unknown", 550, "5.1.1"),
        ("host mx.b.example[192.0.2.1] said: 550 5.1.1 no (in reply to RCPT TO command)", 550, "5.1.1"),
        ("host mx.b.example[192.0.2.1] said: 450\n    4.2.1 <a@b.example>: full", 450, "4.2.1"),
        ("host mx.b.example [192.0.2.1]: 550 Requested action not taken", 550, ""),
        ("Remote Server returned '550 5.4.1 Recipient address rejected'", 550, "5.4.1"),
        ("550-5.7.26 This mail is\n550 5.7.26 unauthenticated", 550, "5.7.26"),
        ("553 sorry, badrcptto (#5.7.1)", 553, "5.7.1"),
        ("smtp; 5.1.0 - Unknown address error 550-'5.7.1 <x@y.example>... no' (delivery attempts: 0)", 550, "5.7.1"),
        ("smtp; 5.3.0 - Other mail system problem 550-'Unknown user a@b.example'", 550, "5.3.0"),
        ("PERM_FAILURE: SMTP Error (state 9): 550 5.7.1 blocked", 550, "5.7.1"),
        ("ERROR_CODE :550, ERROR_CODE :5.2.1 <a@b.example>... no", 550, "5.2.1"),
        ("Address: <a@b.example>, ResponseCode 421, , Host not reachable.", 421, ""),
        ("550: : User unknown", 550, ""),
        ("550 - Requested action not taken: no such user here", 550, ""),
        ("mail.local: unknown user: a\n554 <a@b.example>... Service unavailable", 554, ""),
        ("Sorry, no mailbox here by that name. (#5.1.1)", None, "5.1.1"),
        ("SMTP error after RCPT command:\nhost: mx.b.example\n5.2.2 <a@b.example>... full", None, "5.2.2"),
    ],
)
def test_codes_that_are_there_are_found(text: str, reply_code: int | None, status: str) -> None:
    codes = read_codes(text)
    assert (codes.reply_code, str(codes.status or "")) == (reply_code, status)


@pytest.mark.parametrize(
    "text",
    [
        "message size 550 exceeds limit 500",
        "Could not deliver for the last 432000 seconds. Giving up.",
        "message size 18876259 exceeds size limit 10485760 of server b.example[192.0.2.148]",
        "unable to connect to remote server [192.0.2.222:25]: Operation timed out",
        "4.16.55.1; see https://b.example/error-codes",
        "by mx9.b.example (8.13.1/8.13.1) with ESMTP id 550AB",
        "(5.65/1.36) id 0000000",
        "Reason 1 (Unable-To-Transfer); Diagnostic 5",
        "see http://www.b.example/554/help for 550 reasons",
        "The first 500 lines follow",
        "420 Main Street",
    ],
)
def test_other_numbers_are_no_codes(text: str) -> None:
    codes = read_codes(f"It was about {text}")
    assert (codes.reply_code, codes.status) == (None, None)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("host mx.b.example[192.0.2.1] said: 550 no", "mx.b.example"),
        ("host mx.b.example [192.0.2.1]: 550 no", "mx.b.example"),
        ("    host [192.0.2.1]\n    SMTP error", "192.0.2.1"),
        ("... while talking to mx.b.example.:", "mx.b.example"),
        ("rejected by the server for the recipient domain b.example by mx.b.example. [192.0.2.1].", "mx.b.example"),
        ("192.0.2.1 does not like recipient.", "192.0.2.1"),
        ("mx.b.example [192.0.2.1] did not like our RCPT TO:", "mx.b.example"),
        ("Remote server (192.0.2.1) issued an error.", "192.0.2.1"),
        ("Your host is not allowed to connect", ""),
        ("Sorry, no mailbox here by that name.", ""),
    ],
)
def test_the_server_that_said_it(text: str, host: str) -> None:
    assert read_remote_mta(text) == host
