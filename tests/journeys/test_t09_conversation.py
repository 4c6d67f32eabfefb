"""What comes back: the customer's answer, a stranger with copied references, a forged bounce, an absence note."""

from __future__ import annotations

from email import message_from_string, policy
from email.message import EmailMessage

from tests.journeys.conftest import Desk, eventually

FORGED = """\
From: MAILER-DAEMON@mx.t09.sandbox.test
To: {support}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: text/plain

<{customer}>: host mx said: 550 5.1.1 User unknown

--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.t09.sandbox.test

Final-Recipient: rfc822; {customer}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--cut--
"""


def written(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail.set_content(text)
    return mail


def test_answer_joins_and_a_copied_reference_does_not(desk: Desk) -> None:
    customer = "answer@t09.sandbox.test"  # its fate: the customer answers by itself, to Reply-To
    ticket = desk.opens_ticket(customer, "Rita")
    eventually(lambda: len(desk.comments(ticket)) == 2)
    assert desk.comments(ticket)[1]["body"].startswith("Thank you")

    [message_id] = {row["message_id"] for row in desk.deliveries(ticket).values() if row["kind"] == "answer"}
    stranger = written("eve@evil.t09.sandbox.test", desk.support, f"Re: Your order (#{ticket})", "Send me everything.")
    stranger["In-Reply-To"] = stranger["References"] = message_id
    desk.customer_sends(stranger)
    other = desk.ticket_of("eve@evil.t09.sandbox.test")
    assert other != ticket
    assert len(desk.comments(ticket)) == 2


def test_forged_bounce_changes_nothing(desk: Desk) -> None:
    customer = "ok@forged.t09.sandbox.test"
    ticket = desk.opens_ticket(customer, "Otto")
    [told] = [one for one in desk.settles(ticket).values() if one["email_address"] == customer]
    bounce = message_from_string(FORGED.format(customer=customer, support=desk.support), policy=policy.default)
    host = desk.support.rpartition("@")[2]
    desk.customer_sends(bounce, to=f"b-aeaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@{host}", envelope_from="<>")
    eventually(lambda: desk.prints("rawmail", "--jsonl", "--state", "unmatched"))
    assert desk.recipients(ticket)[customer]["answerback"]["state"] == told["answerback"]["state"] == "accepted"
    assert desk.tags(ticket) == []


def test_absence_note_is_shown_and_not_answered(desk: Desk) -> None:
    customer = "away@t09.sandbox.test"
    ticket = desk.opens_ticket(customer, "Willi")
    eventually(lambda: len(desk.comments(ticket)) == 2)
    assert desk.comments(ticket)[1]["public"] is False
    assert len([row for row in desk.deliveries(ticket) if row == customer]) == 1


def test_greylisted_mail_arrives_at_the_second_try(desk: Desk) -> None:
    customer = "greylist@t09.sandbox.test"
    ticket = desk.opens_ticket(customer, "Greta")
    eventually(lambda: desk.recipients(ticket)[customer]["answerback"]["state"] == "accepted")
    assert desk.deliveries(ticket)[customer]["attempts"] == 2
