"""The REST API under `/api/v2`, in Zendesk's shapes."""

from __future__ import annotations

from ninja import NinjaAPI
from ninja.operation import Operation

from answerback import __version__
from answerback.api import (
    audit_logs,
    cause_rules,
    deleted_users,
    errors,
    failures,
    groups,
    identities,
    jobs,
    macros,
    notifications,
    rules,
    searching,
    suspended,
    tickets,
    uploads,
    users,
    views,
    webhooks,
)
from answerback.api.auth import TokenAuth
from answerback.api.reading import JsonParser


class Api(NinjaAPI):
    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Handlers have names that differ: what clients made from the document call them by."""
        return operation.view_func.__name__


api = Api(
    title="Answerback",
    version=__version__,
    auth=TokenAuth(),
    parser=JsonParser(),
    docs_url=None,
    openapi_url=None,
    urls_namespace="api",
)
errors.install(api)
for router in (
    users.router,
    deleted_users.router,
    identities.router,
    jobs.router,
    tickets.router,
    groups.router,
    searching.router,
    views.router,
    notifications.router,
    failures.router,
    suspended.router,
    uploads.router,
    rules.router,
    macros.router,
    cause_rules.router,
    webhooks.router,
    audit_logs.router,
):
    api.add_router("", router)
