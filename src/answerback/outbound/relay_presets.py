"""Relays that many teams send through: what to enter, but for user and password. Facts of their own documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mailroom.smtp.route import Tls

SIGNED, FIXED = "signed", "fixed"  # settings.RETURN_PATH


@dataclass(frozen=True, slots=True)
class Preset:
    name: str  # as it calls itself
    host: str
    port: int = 587
    tls: Tls = Tls.VERIFY
    user: str = ""  # where it is the same for everybody
    return_path: str = SIGNED


PRESETS: Final[Mapping[str, Preset]] = {
    "microsoft": Preset("Microsoft 365", "smtp.office365.com", return_path=FIXED),
    "google": Preset("Gmail, Google Workspace", "smtp.gmail.com", return_path=FIXED),
    "ses": Preset("Amazon SES", "email-smtp.eu-central-1.amazonaws.com"),
    "brevo": Preset("Brevo", "smtp-relay.brevo.com"),
    "mailgun": Preset("Mailgun", "smtp.mailgun.org"),
    "mailjet": Preset("Mailjet", "in-v3.mailjet.com"),
    "postmark": Preset("Postmark", "smtp.postmarkapp.com"),
    "resend": Preset("Resend", "smtp.resend.com", user="resend"),
    "sendgrid": Preset("SendGrid", "smtp.sendgrid.net", user="apikey"),
    "sparkpost": Preset("SparkPost", "smtp.sparkpostmail.com", user="SMTP_Injection"),
    "postfix": Preset("Postfix, Exim", "127.0.0.1", 25, Tls.NONE),
}
