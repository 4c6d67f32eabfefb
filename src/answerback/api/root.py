"""The REST API under `/api/v2`, in Zendesk's shapes."""

from __future__ import annotations

from ninja import NinjaAPI

from answerback import __version__
from answerback.api import errors, notifications, searching, tickets, users
from answerback.api.auth import TokenAuth

api = NinjaAPI(title="Answerback", version=__version__, auth=TokenAuth(), docs_url=None, urls_namespace="api")
errors.install(api)
for router in (users.router, tickets.router, searching.router, notifications.router):
    api.add_router("", router)
