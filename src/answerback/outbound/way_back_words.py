"""What a probe of the way back has shown, and what to change, in the reader's language."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext

from answerback.outbound import destinations, providers, senders, way_back
from answerback.outbound.models import Attempt, Probe
from mailroom.report import Stage
from mailroom.states import State

Result = Probe.Result


def words_of(probe: Probe) -> str:
    """How it stands, in a line."""
    match probe.result:
        case Result.RETURNED:
            return gettext("Failure reports reach us")
        case Result.MISSING:
            return gettext("Failure reports do not reach us")
        case Result.REFUSED:
            return gettext("Refused at once, which proves nothing")
        case Result.ARRIVED:
            return gettext("Taken by somebody, which proves nothing")
        case Result.UNSENT:
            return gettext("Not accepted in time, which proves nothing")
    if probe.delivery.state == State.ACCEPTED:
        return gettext("Accepted; its report has to come back now")
    return gettext("On its way")


def advice(probe: Probe) -> str:
    """What to change; "" where nothing is wrong, or it goes on by itself."""
    where = {
        "address": probe.delivery.recipient,
        "path": way_back.reports_go_to(),
        "domain": settings.RETURN_PATH_DOMAIN,
    }
    return _advice(probe) % where


def _advice(probe: Probe) -> str:
    if probe.result == Result.REFUSED and Attempt.objects.filter(delivery=probe.delivery_id, stage=Stage.MAIL).exists():
        if senders.is_return_path_fixed():
            return gettext("The relay does not let us write from %(path)s. It has to allow that address.")
        return gettext(
            "The relay refused our return path. If it takes only addresses of its own, set "
            "ANSWERBACK_RETURN_PATH=fixed."
        )
    if probe.result == Result.REFUSED:
        return gettext(
            "%(address)s was refused at once, so nobody had to report anything. "
            "Name an address that is accepted first: ANSWERBACK_PROBE_ADDRESS."
        )
    if probe.result == Result.ARRIVED:
        return gettext(
            "Somebody takes every address there, %(address)s too, so nobody had to report anything. "
            "Name another one: ANSWERBACK_PROBE_ADDRESS."
        )
    if probe.result != Result.MISSING:
        return ""
    if probe.unproven_at:
        return gettext(
            "The report about %(address)s came, but nothing in it proves which mail it is about. The relay has to keep "
            "the return path, or to return the headers of the original with X-Answerback-Delivery."
        )
    return f"{_where_reports_get_lost(probe)} " + gettext(
        "Or somebody takes %(address)s in silence: then name another one, ANSWERBACK_PROBE_ADDRESS."
    )


def _where_reports_get_lost(probe: Probe) -> str:
    if service := destinations.provider():
        return gettext("%(service)s tells outcomes by webhook only: set %(setting)s, and make the webhook there.") % {
            "service": providers.PROVIDERS[service].name,
            "setting": providers.setting(service),
        }
    if senders.is_return_path_fixed():
        return gettext(
            "Reports go to %(path)s. Answerback has to fetch that mailbox, or it has to redirect its mail as it is; a "
            "forward writes a new mail around it. Look there for the report about %(address)s."
        )
    if probe.way == destinations.MX_WAY:
        return gettext("Reports go to %(path)s. The MX record of %(domain)s has to lead to Answerback.")
    return gettext(
        "Reports go to %(path)s. The MX record of %(domain)s has to lead to Answerback, and the relay has to keep the "
        "return path. A relay that takes only addresses of its own needs ANSWERBACK_RETURN_PATH=fixed; a mail service "
        "that keeps reports to itself has to tell them by its webhook."
    )


def advice_without_probe() -> str:
    """Why none is sent, and what to change; "" where the first one goes by itself."""
    if not settings.PROBE_EVERY:
        return gettext("Probes are switched off: ANSWERBACK_PROBE_EVERY is 0.")
    if destinations.way() and not way_back.address_pattern():
        return gettext("Name an address that is accepted first and fails later: ANSWERBACK_PROBE_ADDRESS.")
    return ""
