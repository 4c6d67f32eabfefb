"""What was changed in the administration, in the shape of Zendesk's audit log."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.auth import admin
from answerback.api.describe import PAGED, doc, listed, query
from answerback.api.users import time
from answerback.desk import admin_changes
from answerback.desk.admin_changes import Act
from answerback.desk.models import AdminChange

router = Router(tags=["audit log"])
_ACTIONS = {Act.ADDED: "create", Act.CHANGED: "update", Act.REMOVED: "destroy"}
_FILTERS = (
    query("filter[source_type]", "of one kind, such as trigger or mail_setting"),
    query("query", "words that occur in it"),
)


class AnswerbackAuditLogOut(Schema):
    """`changes`: each field with what it was and is, a secret masked. `via`: web, api, command or link."""

    changes: dict[str, list[Any]]
    via: str


class AuditLogOut(Schema):
    id: int
    url: str
    action: str
    actor_id: int | None
    actor_name: str
    source_id: str
    source_type: str
    source_label: str
    created_at: str
    answerback: AnswerbackAuditLogOut


AuditLogList = listed("audit_logs", AuditLogOut)


@router.get("/audit_logs", **doc(AuditLogList, takes=(*PAGED, *_FILTERS), faults=(403,)))
def list_audit_logs(request: HttpRequest) -> HttpResponse:
    """Changes of the administration, newest first"""
    admin(request)
    rows = admin_changes.find(request.GET.get("query", ""), request.GET.get("filter[source_type]", ""))
    return paging.answer(request, rows, "audit_logs", present, newest_first=True)


def present(rows: list[AdminChange]) -> list[dict[str, Any]]:
    return [
        {
            "id": row.pk,
            "url": paging.url(f"audit_logs/{row.pk}.json"),
            "action": _ACTIONS[Act(row.act)],
            "actor_id": row.by.person_id if row.by else None,
            "actor_name": row.by_name,
            "source_id": row.subject_id,
            "source_type": row.kind,
            "source_label": row.subject,
            "created_at": time(row.at),
            "answerback": {"changes": row.changes, "via": row.via},
        }
        for row in rows
    ]
