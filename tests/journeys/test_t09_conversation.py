"""What comes back: the customer's answer, a stranger with copied references, a forged bounce, an absence note."""

from __future__ import annotations

from email.message import EmailMessage

from tests.journeys.conftest import Desk, eventually


def written(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail.set_content(text)
    return mail


def test_answer_joins_and_a_copied_reference_does_not(desk: Desk) -> None:
    customer = "reply@t09.sandbox.test"  # its fate: the customer answers by itself, to Reply-To
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
    bounce = written(
        "MAILER-DAEMON@mx.t09.sandbox.test", desk.support, "Undelivered Mail Returned to Sender", "Failed."
    )
    bounce.set_type("multipart/report")
    bounce.set_content(
        f"The mail system\n\n<{customer}>: 550 5.1.1 User unknown\n\nReporting-MTA: dns; mx.t09\n\n"
        f"Final-Recipient: rfc822; {customer}\nAction: failed\nStatus: 5.1.1\n"
    )
    host = desk.support.rpartition("@")[2]
    desk.customer_sends(bounce, to=f"b-aeaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@{host}", envelope_from="<>")
    desk.customer_sends(written("ok@later.t09.sandbox.test", desk.support, "Later", "A mail after the bounce"))
    desk.ticket_of("ok@later.t09.sandbox.test")
    assert desk.recipients(ticket)[customer]["answerback"]["state"] == told["answerback"]["state"] == "accepted"
    assert desk.call("GET", f"tickets/{ticket}")["ticket"]["tags"] == []


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
