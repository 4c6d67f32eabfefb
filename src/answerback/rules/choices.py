"""What can be chosen as a value: the definition's own words, and rows such as agents and groups.

Rows are read once for a page (`Names`), however many conditions it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from django.utils.translation import get_language, gettext

from answerback.people.models import Account, Group, Identity, Organization
from answerback.rules.definition import Action, Condition, Kind
from answerback.rules.models import Webhook
from answerback.tickets.models import SupportAddress
from mailroom.causes import catalogue

Options = Sequence[tuple[str, str]]
CHOSEN = frozenset(
    {
        *(Kind.CHOICE, Kind.AGENT, Kind.GROUP, Kind.ORGANIZATION, Kind.SUPPORT_ADDRESS, Kind.CAUSE),
        *(Kind.MAIL, Kind.GROUP_MAIL, Kind.NOTICE, Kind.WEBHOOK),
    }
)


class Names:
    """The rows that values name; each table is read when it is asked for."""

    @cached_property
    def agents(self) -> Options:
        rows = Account.objects.filter(is_active=True).select_related("person").order_by("person__name", "pk")
        return [(str(row.pk), row.person.name) for row in rows]

    @cached_property
    def groups(self) -> Options:
        return [(str(row.pk), row.name) for row in Group.objects.order_by("name")]

    @cached_property
    def organizations(self) -> Options:
        return [(str(row.pk), row.name) for row in Organization.objects.order_by("name")]

    @cached_property
    def support_addresses(self) -> Options:
        return [(row.normal, row.address) for row in SupportAddress.objects.order_by("address")]

    @cached_property
    def webhooks(self) -> Options:
        return [(str(row.pk), row.name) for row in Webhook.objects.all()]

    @cached_property
    def causes(self) -> Options:
        language = get_language() or "en"
        return sorted(
            ((key, cause.text(language).name) for key, cause in catalogue.load().causes.items()), key=lambda row: row[1]
        )

    def person(self, known: Condition | Action, value: str) -> str:
        """The address by which a person is named; "" where the value is no person's id."""
        if known.kind is not Kind.PERSON or not value.isdigit():
            return ""
        identity = Identity.objects.filter(person=int(value)).order_by("-primary", "id").first()
        return identity.address if identity else ""


def of(known: Condition | Action, names: Names) -> Options:
    """Value and title of each choice; empty where the value is typed."""
    own = [(value, gettext(title)) for value, title in known.choices.items()]
    match known.kind:
        case Kind.AGENT | Kind.MAIL | Kind.NOTICE:
            return [*own, *names.agents]
        case Kind.GROUP | Kind.GROUP_MAIL:
            return [*own, *names.groups]
        case Kind.ORGANIZATION:
            return [*own, *names.organizations]
        case Kind.SUPPORT_ADDRESS:
            return names.support_addresses
        case Kind.WEBHOOK:
            return names.webhooks
        case Kind.CAUSE:
            return names.causes
    return own
