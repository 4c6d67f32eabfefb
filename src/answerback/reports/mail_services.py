"""Mail services that send or take mail for us, and whether they tell what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from answerback.core import clock
from answerback.outbound import destinations, providers
from answerback.outbound.models import Delivery
from answerback.store.models import RawMail
from mailroom import webhook_signatures

TELLS_WITHIN = timedelta(hours=1)  # so long after sending, a service has told something


@dataclass(frozen=True)
class MailService:
    key: str
    name: str
    setting: str
    is_set_up: bool
    is_relay: bool
    last_event: datetime | None

    @property
    def events_address(self) -> str:
        return _address(self.key, "events")

    @property
    def mail_address(self) -> str:
        """Where it may hand over mail; "" where it has none as it came."""
        return _address(self.key, "mail") if providers.PROVIDERS[self.key].hands_over_mail else ""

    @property
    def is_silent(self) -> bool:
        """It took mail of ours, and has never told anything."""
        return self.is_set_up and self.is_relay and self.last_event is None and _has_sent()


def services() -> list[MailService]:
    """Those that are set up, and our relay where it should be."""
    relay = destinations.provider()
    wanted = [key for key in providers.PROVIDERS if providers.is_set_up(key) or key == relay]
    return [service(key) for key in wanted]


def service(key: str) -> MailService:
    """How that one stands, whether or not it is set up."""
    return MailService(
        key,
        providers.PROVIDERS[key].name,
        providers.setting(key),
        providers.is_set_up(key),
        key == destinations.provider(),
        _last_event(key),
    )


def _address(service: str, what: str) -> str:
    """With words in the place of user and password where the service calls with them."""
    scheme, _, host = settings.BASE_URL.partition("://")
    user = "USER:PASSWORD@" if webhook_signatures.calls_with_password(service) else ""
    return f"{scheme}://{user}{host}/hooks/{service}/{what}"


def _last_event(service: str) -> datetime | None:
    rows = RawMail.objects.filter(doorway=providers.doorway(service)).order_by("-id")
    return rows.values_list("received_at", flat=True).first()


def _has_sent() -> bool:
    """Something that the relay has had for a while."""
    return Delivery.objects.filter(attempts__gt=0, updated_at__lt=clock.now() - TELLS_WITHIN).exists()
