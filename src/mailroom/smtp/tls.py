"""TLS for outgoing connections: which certificate is demanded in which mode."""

from __future__ import annotations

import ssl
from functools import lru_cache

from mailroom.smtp.route import Tls

CHECKED = frozenset({Tls.VERIFY, Tls.IMPLICIT})


@lru_cache(maxsize=32)
def client_context(mode: Tls, ca_file: str) -> ssl.SSLContext:
    """The context of a mode; OSError where `ca_file` cannot be read.

    Without a check the certificate proves nothing, but an eavesdropper still sees nothing (RFC 7435).
    """
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if mode not in CHECKED:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
