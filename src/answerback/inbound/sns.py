"""What must be asked of Amazon SNS: the certificates it signs with, and that it may call us.

Policy: only hosts of Amazon are asked, by TLS with a checked certificate, and redirects are not followed. The address
to confirm at is made from the topic that the admin has named, not taken from the call. A certificate is kept in memory:
another one has another address.
"""

from __future__ import annotations

from functools import lru_cache

import httpx
from django.conf import settings

from mailroom.smtp.route import Tls
from mailroom.smtp.tls import client_context
from mailroom.webhook_signatures import region_of

TIMEOUT = 10  # seconds; Amazon waits 15 for us
MOST = 64 * 1024


@lru_cache(maxsize=8)
def certificate(url: str) -> bytes:
    """PEM. OSError where it cannot be had."""
    return _get(url, {})


def confirm(topic: str, token: str) -> None:
    """OSError where Amazon does not take it."""
    suffix = ".cn" if topic.startswith("arn:aws-cn:") else ""
    asked = {"Action": "ConfirmSubscription", "TopicArn": topic, "Token": token, "Version": "2010-03-31"}
    _get(f"https://sns.{region_of(topic)}.amazonaws.com{suffix}/", asked)


def _get(url: str, query: dict[str, str]) -> bytes:
    trust = client_context(Tls.VERIFY, settings.TLS_CA_FILE)
    try:
        with (
            httpx.Client(verify=trust, trust_env=False, timeout=TIMEOUT) as client,
            client.stream("GET", url, params=query or None) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise OSError(f"{url} answers {response.status_code}")
            return next(response.iter_bytes(MOST), b"")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise OSError(f"{url} cannot be reached: {error or type(error).__name__}") from error
