"""Who works at the demo's shop, which addresses it has, and how to sign in.

Passwords are made up for each installation. Only the three people of `credentials.json` get one: hashing is slow on
purpose, and nobody needs to sign in as the others.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.hashers import make_password

from answerback.core import clock
from answerback.people import accounts, tokens
from answerback.people.models import Account, ApiToken, Group
from answerback.tickets.models import SupportAddress
from mailroom import address as addresses

TEAM_DOMAIN = "team.radhaus.sandbox.test"
TOKEN_NAME = "demo"  # noqa: S105
SUPPORT, SHIPPING, BILLING = "Support", "Versand/Shipping", "Buchhaltung/Billing"


@dataclass(frozen=True)
class Credentials:
    """What a visitor needs. Accounts are {"email", "password"}, the API is {"email", "token"}."""

    admin: dict[str, str]
    agent: dict[str, str]
    agent_de: dict[str, str]
    api: dict[str, str]
    support_address: str


@dataclass(frozen=True, slots=True)
class Agent:
    local: str  # of the address
    name: str
    language: str
    groups: tuple[str, ...]
    signature: str
    role: str = Account.Role.AGENT
    supervisor: bool = False

    @property
    def email(self) -> str:
        return f"{self.local}@{TEAM_DOMAIN}"


@dataclass(frozen=True, slots=True)
class Desk:
    """What the stories need of the shop."""

    agents: Mapping[str, Account]  # by the key in AGENTS
    groups: Mapping[str, Group]  # by name
    addresses: Mapping[str, SupportAddress]  # by language


AGENTS: Mapping[str, Agent] = {
    "ruth": Agent(
        "ruth.albers", "Ruth Albers", "en", (SUPPORT, SHIPPING, BILLING), "Ruth Albers\nWheelhouse", Account.Role.ADMIN
    ),
    "ada": Agent("ada.whitfield", "Ada Whitfield", "en", (SUPPORT,), "Ada Whitfield\nWheelhouse Support"),
    "jonas": Agent(
        "jonas.kraemer",
        "Jonas Krämer",
        "de",
        (SUPPORT, SHIPPING),
        "Mit freundlichen Grüßen\nJonas Krämer\nRadhaus Service",
    ),
    "mehmet": Agent("mehmet.aydin", "Mehmet Aydın", "de", (SHIPPING,), "Viele Grüße\nMehmet Aydın\nRadhaus Versand"),
    "sofia": Agent(
        "sofia.lindqvist",
        "Sofia Lindqvist",
        "en",
        (BILLING,),
        "Kind regards\nSofia Lindqvist\nWheelhouse Billing",
        supervisor=True,
    ),
    "tom": Agent(
        "tom.becker", "Tom Becker", "de", (SUPPORT,), "Viele Grüße aus der Werkstatt\nTom Becker\nRadhaus Werkstatt"
    ),
}
SIGN_IN: Mapping[str, str] = {"admin": "ruth", "agent": "ada", "agent_de": "jonas"}

SUPPORT_ADDRESSES: Mapping[str, tuple[str, str]] = {
    "en": ("support", "Wheelhouse Support"),
    "de": ("service", "Radhaus Service"),
}


def is_there() -> bool:
    """Has somebody set up this desk already?"""
    return Account.objects.exists()


def create() -> Desk:
    """Accounts that nobody can sign in with yet, groups, support addresses."""
    groups = {name: Group.objects.create(name=name) for name in (SUPPORT, SHIPPING, BILLING)}
    agents = {key: _create_agent(agent, groups) for key, agent in AGENTS.items()}
    return Desk(agents, groups, _create_support_addresses(groups[SUPPORT]))


@dataclass(frozen=True, slots=True)
class Password:
    """A new password and its hash."""

    text: str
    hashed: str

    @classmethod
    def make(cls) -> Password:
        text = secrets.token_urlsafe(12)
        return cls(text, make_password(text))


def make_passwords() -> dict[str, Password]:
    """One for each who signs in. Takes seconds, and needs no database: it may be done beside other work."""
    return {role: Password.make() for role in SIGN_IN}


def give_credentials(passwords: Mapping[str, Password]) -> Credentials:
    """These passwords, and a new token, for those who sign in; what they had before is void."""
    signing_in = {role: Account.objects.get(email=AGENTS[key].email) for role, key in SIGN_IN.items()}
    for role, account in signing_in.items():
        account.password = passwords[role].hashed
        account.save(update_fields=["password"])
    admin = signing_in["admin"]
    ApiToken.objects.filter(account=admin, name=TOKEN_NAME).delete()
    accounts_given = {
        role: {"email": account.email, "password": passwords[role].text} for role, account in signing_in.items()
    }
    return Credentials(
        **accounts_given,
        api={"email": admin.email, "token": tokens.issue(admin, TOKEN_NAME)},
        support_address=_support_address("en"),
    )


def _create_agent(agent: Agent, groups: Mapping[str, Group]) -> Account:
    account = accounts.create(agent.email, agent.name, None, agent.role, agent.language)
    account.signature, account.supervisor = agent.signature, agent.supervisor
    account.save(update_fields=["signature", "supervisor"])
    account.groups.set(groups[name] for name in agent.groups)
    return account


def _create_support_addresses(group: Group) -> dict[str, SupportAddress]:
    return {
        language: SupportAddress.objects.create(
            name=name,
            address=_support_address(language),
            normal=addresses.normalise(_support_address(language)),
            group=group,
            language=language,
            default=language == "en",
            created_at=clock.now(),
        )
        for language, (_, name) in SUPPORT_ADDRESSES.items()
    }


def _support_address(language: str) -> str:
    return f"{SUPPORT_ADDRESSES[language][0]}@{settings.MAIL_DOMAIN}"
