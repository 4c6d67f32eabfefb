"""Speaking to a relay while somebody watches, before it is used: as far as the login, without any mail."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from answerback.outbound.engine import client_options
from mailroom.report import DeliveryReport
from mailroom.smtp.route import Relay
from mailroom.smtp.session import check_login

PATIENCE = 15  # seconds for each step: a person waits


def try_out(relay: Relay) -> DeliveryReport | None:
    """None where it takes a session of ours, login included; else what stands in the way."""
    usual = client_options()
    quick = replace(usual.timeouts, dns=PATIENCE, connect=PATIENCE, banner=PATIENCE, ehlo=PATIENCE)
    return asyncio.run(check_login(relay, replace(usual, timeouts=quick)))
