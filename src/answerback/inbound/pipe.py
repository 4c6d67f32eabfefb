"""The pipe doorway: one message on stdin, from a mail server on the same machine."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.store import raw
from answerback.store.models import RawMail
from answerback.store.raw import Incoming


def receive(content: bytes, envelope_from: str, envelope_to: Sequence[str]) -> RawMail:
    """Store the message; when this returns it is durable. OSError or DatabaseError where it could not be stored.

    A pipe has answered the server's RCPT already, so every recipient is taken; none at all means the default address.
    """
    null_path = "" if envelope_from == "<>" else envelope_from.strip("<>")
    return raw.save_all([Incoming(content, raw.PIPE, envelope_from=null_path, envelope_to=list(envelope_to))])[0]
