"""Every address of the product. The workspace's and the API's own lists stand with them."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from answerback.api import errors, openapi, probes
from answerback.api.root import api
from answerback.inbound import event_calls, mail_calls

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v2/openapi", openapi.served),
    path("api/docs", openapi.readable),
    path("api/v2/", api.urls),
    path("api/v2/<path:rest>", errors.unknown_address),
    path("healthz", probes.healthz),
    path("readyz", probes.readyz),
    path("metrics", probes.metrics),
    path("hooks/<slug:provider>/events", event_calls.receive),
    path("hooks/<slug:provider>/mail", mail_calls.receive),
    path("sandbox/", include("answerback.sandbox.urls")),
    path("", include("answerback.workspace.urls")),
]

handler400 = "answerback.workspace.errors.not_found"
handler403 = "answerback.workspace.errors.forbidden"
handler404 = "answerback.workspace.errors.not_found"
handler500 = "answerback.workspace.errors.our_fault"
