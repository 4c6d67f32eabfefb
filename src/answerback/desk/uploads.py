"""A file that an agent sends along: stored at once, attached when the comment is."""

from __future__ import annotations

from answerback.store import blobs
from answerback.tickets.changes import NewAttachment

UNKNOWN_TYPE = "application/octet-stream"


def keep(content: bytes, file_name: str, content_type: str = "") -> NewAttachment:
    """Store the octets durably. OSError where the disk refuses."""
    return NewAttachment(
        blob=blobs.save(content), file_name=file_name[:255], content_type=content_type[:127] or UNKNOWN_TYPE
    )
