"""The record of what administrators change: whatever changes something writes into it, and no secret is in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client
from django.urls import URLPattern
from tests.workspace.test_mail_settings_pages import MAILBOX, RELAY
from tests.workspace.test_rules import form as rule_form
from tests.world import World

from answerback.cli import dkim, user
from answerback.core import clock, mail_settings
from answerback.desk import admin_changes
from answerback.desk.admin_changes import Via
from answerback.desk.models import AdminChange
from answerback.outbound import cause_rules
from answerback.people import first_account, team, tokens
from answerback.people.models import Account, Group
from answerback.rules import webhooks
from answerback.rules.models import Automation, Macro, Trigger, Webhook
from answerback.rules.webhooks import Wanted
from answerback.tickets.models import SupportAddress
from answerback.workspace.urls import urlpatterns

HOOK = {"name": "Billing", "endpoint": "https://billing.example.com/x", "events": ["delivery.failed"]}
# under /admin, and what posts to it change nothing: they show, try, write a mail or call somebody once more
CHANGE_NOTHING = {
    "admin/audit",
    "admin/dns",
    "admin/dns/findings",
    "admin/people/<int:account_id>/invite",
    "admin/outgoing/preset",
    "admin/outgoing/try",
    "admin/incoming",
    "admin/triggers",
    "admin/automations",
    "admin/rules/condition",
    "admin/rules/action",
    "admin/rules/estimate",
    "admin/rules/try",
    "admin/cause-rules",
    "admin/cause-rules/try",
    "admin/cause-rules/reread",
    "admin/webhooks",
    "admin/webhooks/<int:webhook_id>",
    "admin/webhooks/<int:webhook_id>/calls/<int:call_id>/replay",
}


@pytest.fixture(autouse=True)
def empty(world: World, settings: Any) -> None:
    world.bruno.person.language = "en"
    world.bruno.person.save()
    settings.RELAY_URL, settings.IMAP_URLS = "", ""
    settings.MAIL_SETTINGS_SET_OUTSIDE, settings.MAIL_SETTINGS_REPLACED = frozenset(), {}


def _hook() -> Webhook:
    return webhooks.save_webhook(
        None, Wanted(**HOOK, authentication="", user_name="", password="", headers="", active=True)
    )


def _token() -> int:
    tokens.issue(Account.objects.get(email="bruno@acme.test"), "nightly")
    return int(Account.objects.get(email="bruno@acme.test").api_tokens.get().pk)


def _ada() -> int:
    return int(Account.objects.get(email="ada@acme.test").pk)


def _support() -> int:
    return int(SupportAddress.objects.get().pk)


def _cause_rule() -> int:
    return int(cause_rules.save_rule(None, "rule 17", "reputation", None).pk)


Posted = tuple[str, dict[str, Any]]
# route -> where to post what, and the kind that has to stand in the record then
CHANGES: dict[str, tuple[Callable[[], Posted], str]] = {
    "admin/": (
        lambda: (
            "/admin/",
            {"name": "C", "email": "c@acme.test", "language": "en", "role": "agent", "password": "a long enough one"},
        ),
        "account",
    ),
    "admin/people/<int:account_id>": (lambda: (f"/admin/people/{_ada()}", {"role": "admin", "active": "1"}), "account"),
    "admin/groups": (lambda: ("/admin/groups", {"name": "Second line"}), "group"),
    "admin/addresses": (
        lambda: ("/admin/addresses", {"address": "sales@acme.test", "name": "S", "language": "en", "active": "on"}),
        "support_address",
    ),
    "admin/addresses/<int:address_id>": (
        lambda: (f"/admin/addresses/{_support()}", {"address": "support@acme.test", "name": "New", "language": "de"}),
        "support_address",
    ),
    "admin/outgoing": (lambda: ("/admin/outgoing", RELAY), "mail_setting"),
    "admin/incoming/mailbox": (lambda: ("/admin/incoming/mailbox", MAILBOX), "mail_setting"),
    "admin/incoming/services/<slug:key>": (
        lambda: ("/admin/incoming/services/postmark", {"secret": "answerback:0123456789abcdef"}),
        "mail_setting",
    ),
    "admin/tokens": (lambda: ("/admin/tokens", {"name": "nightly"}), "token"),
    "admin/tokens/<int:token_id>/revoke": (lambda: (f"/admin/tokens/{_token()}/revoke", {}), "token"),
    "admin/escalation": (lambda: ("/admin/escalation", {"hours": "9"}), "setting"),
    "admin/retention": (lambda: ("/admin/retention", {"days": "900", "confirmed": "1"}), "setting"),
    "admin/triggers/new": (lambda: ("/admin/triggers/new", rule_form()), "trigger"),
    "admin/triggers/<int:rule_id>": (
        lambda: (f"/admin/triggers/{_first(Trigger)}", rule_form(rule=str(_first(Trigger)))),
        "trigger",
    ),
    "admin/triggers/<int:rule_id>/act": (lambda: (f"/admin/triggers/{_first(Trigger)}/act", {"act": "off"}), "trigger"),
    "admin/automations/new": (lambda: ("/admin/automations/new", _hourly()), "automation"),
    "admin/automations/<int:rule_id>": (
        lambda: (f"/admin/automations/{_first(Automation)}", _hourly(rule=str(_first(Automation)))),
        "automation",
    ),
    "admin/automations/<int:rule_id>/act": (
        lambda: (f"/admin/automations/{_first(Automation)}/act", {"act": "off"}),
        "automation",
    ),
    "admin/cause-rules/new": (
        lambda: ("/admin/cause-rules/new", {"words": "rule 17", "cause": "reputation", "rule": "0"}),
        "cause_rule",
    ),
    "admin/cause-rules/<int:rule_id>": (
        lambda: (f"/admin/cause-rules/{_cause_rule()}", {"words": "rule 18", "cause": "reputation"}),
        "cause_rule",
    ),
    "admin/cause-rules/<int:rule_id>/act": (
        lambda: (f"/admin/cause-rules/{_cause_rule()}/act", {"act": "delete"}),
        "cause_rule",
    ),
    "admin/webhooks/new": (lambda: ("/admin/webhooks/new", HOOK), "webhook"),
    "admin/webhooks/<int:webhook_id>/edit": (
        lambda: (f"/admin/webhooks/{_hook().pk}/edit", HOOK | {"name": "Invoices"}),
        "webhook",
    ),
    "admin/webhooks/<int:webhook_id>/act": (
        lambda: (f"/admin/webhooks/{_hook().pk}/act", {"act": "rotate"}),
        "webhook",
    ),
}


def _first(model: Any) -> int:
    return int(model.objects.order_by("position").values_list("pk", flat=True)[0])


def _hourly(**more: str) -> dict[str, Any]:
    hours = {"all_field": ["status", "NEW"], "all_operator": ["is", "is"], "all_value": ["solved", "4"]}
    return rule_form("automation", **hours) | more | {"all_field": ["status", "SOLVED"]}


def record() -> list[tuple[str, str, str, dict[str, Any]]]:
    return [(row.kind, row.act, row.subject, row.changes) for row in AdminChange.objects.order_by("pk")]


def test_every_route_of_the_administration_is_known_here() -> None:
    routes = {str(entry.pattern) for entry in urlpatterns if isinstance(entry, URLPattern)}
    assert {route for route in routes if route.startswith("admin/")} == set(CHANGES) | CHANGE_NOTHING


@pytest.mark.parametrize("route", CHANGES)
def test_whatever_is_changed_stands_in_the_record(route: str, bruno: Client) -> None:
    prepare, kind = CHANGES[route]
    url, typed = prepare()
    assert not AdminChange.objects.exists()
    answer = bruno.post(url, typed)
    assert answer.status_code < 400, answer.text[:2000]
    rows = AdminChange.objects.filter(kind=kind)
    assert rows.exists(), record()
    assert {(row.by_name, row.via) for row in rows} == {("Bruno Lead", "web")}
    assert "Bruno Lead" in bruno.get("/admin/audit").text


def test_from_what_to_what(world: World, bruno: Client) -> None:
    typed = {"role": "admin", "active": "1", "supervisor": "1", "groups": [str(world.group.pk)]}
    bruno.post(f"/admin/people/{world.ada.pk}", typed)
    changes = {"role": ["agent", "admin"], "supervisor": [False, True]}
    assert record() == [("account", "changed", "Ada Agent <ada@acme.test>", changes)]
    page = bruno.get("/admin/audit").text
    assert "<del>Agent</del>" in page
    assert "<ins>Administrator</ins>" in page


def test_no_secret_is_in_it(bruno: Client) -> None:
    bruno.post("/admin/outgoing", RELAY)
    bruno.post("/admin/outgoing", RELAY | {"secret": "an0ther"})
    bruno.post("/admin/incoming/mailbox", MAILBOX)
    bruno.post("/admin/webhooks/new", HOOK | {"authentication": "bearer", "password": "t0ken-of-theirs"})
    secret = Webhook.objects.get().secret
    told = " ".join(f"{row.changes} {row.words}" for row in AdminChange.objects.all())
    for hidden in ("s3cret", "an0ther", "p%w", "p%25w", "t0ken-of-theirs", secret):
        assert hidden not in told
    assert "smtp://support:•••@relay.acme.test:587" in told
    relay = AdminChange.objects.filter(subject="RELAY_URL").latest("pk")
    assert (relay.act, len(relay.changes["value"])) == ("changed", 2), "that it changed is told"


@pytest.mark.parametrize(
    "value, shown",
    [
        ("smtp://u:p@h:25?tls=must", "smtp://u:•••@h:25?tls=must"),
        ("smtps://h", "smtps://h"),
        ("imaps://u:p@h/a imaps://v:q@i/b", "imaps://u:•••@h/a imaps://v:•••@i/b"),
        (
            "imaps://u:r@h/a?auth=google&client_id=C&client_secret=S",
            "imaps://u:•••@h/a?auth=google&client_id=C&client_secret=•••",
        ),
    ],
)
def test_addresses_are_shown_without_their_passwords(value: str, shown: str) -> None:
    assert mail_settings.masked("RELAY_URL", value) == shown


def test_what_is_refused_leaves_no_trace(world: World, bruno: Client) -> None:
    bruno.post("/admin/outgoing", RELAY | {"host": ""})
    bruno.post(f"/admin/people/{world.bruno.pk}", {"role": "agent", "active": "1"})  # the last administrator
    bruno.post("/admin/escalation", {"hours": "never"})
    assert record() == []


def test_a_new_order_is_one_change_and_a_new_name_of_a_group_concerns_no_member(world: World, bruno: Client) -> None:
    bruno.post(f"/admin/triggers/{_first(Trigger)}/act", {"act": "down"})
    [(kind, act, subject, changes)] = record()
    assert (kind, act, subject, list(changes)) == ("trigger", "changed", "", ["order"])
    assert sorted(changes["order"][0]) == sorted(changes["order"][1])
    AdminChange.objects.all().delete()
    bruno.post("/admin/groups", {"name": "First line", "group": str(world.group.pk)})
    assert record() == [("group", "changed", "First line", {"name": ["Support", "First line"]})]


def test_groups_are_told_by_name(world: World, bruno: Client) -> None:
    second = team.add_group("Second line") or Group.objects.get(name="Second line")
    bruno.post(f"/admin/people/{world.ada.pk}", {"role": "agent", "active": "1", "groups": [second.pk]})
    assert record()[0][3] == {"groups": ["Support", "Second line"]}


def test_shared_macros_count_and_ones_own_do_not(world: World, bruno: Client) -> None:
    shared = Macro.objects.filter(owner__isnull=True).order_by("pk")[0]
    Macro.objects.create(title="Mine", owner=world.bruno, created_at=clock.now(), updated_at=clock.now())
    for macro in Macro.objects.filter(title__in=["Mine", shared.title]):
        bruno.post(f"/macros/{macro.pk}/act", {"act": "delete"})
    assert [row[:3] for row in record()] == [("macro", "removed", shared.title)]


def test_commands_and_the_first_link_are_told(world: World, client: Client) -> None:
    CliRunner().invoke(user.command, ["add", "dora@acme.test", "--name", "Dora", "--admin"])
    CliRunner().invoke(user.command, ["passwd", "dora@acme.test"])
    CliRunner().invoke(dkim.command, ["acme.test"])
    assert {(row[0], row[1]) for row in record()} == {("account", "added"), ("account", "changed"), ("dkim", "added")}
    assert set(AdminChange.objects.values_list("via", flat=True)) == {Via.COMMAND}
    assert record()[1][3] == {"password": ["•••", "•••"]}


def test_the_first_account_is_told(db: None, client: Client) -> None:
    Account.objects.all().delete()
    typed = {"name": "Ines First", "email": "ines@acme.test", "password": "correct horse battery"}
    client.post(first_account.link().partition("8025")[2], typed)
    assert [(row.kind, row.act, row.via) for row in AdminChange.objects.all()] == [("account", "added", "link")]


# Looking at it


def test_an_empty_record_says_so_and_a_search_that_finds_nothing_too(bruno: Client) -> None:
    assert "No changes yet" in bruno.get("/admin/audit").text
    assert "No change fits" in bruno.get("/admin/audit?q=nonsense").text


def test_it_is_searched_by_words_and_by_kind(world: World, bruno: Client) -> None:
    bruno.post("/admin/groups", {"name": "Zweite Übergabe"})
    bruno.post("/admin/escalation", {"hours": "9"})
    assert admin_changes.find("bruno ÜBERGABE").count() == 1
    assert admin_changes.find("ada").count() == 0
    page = bruno.get("/admin/audit?kind=setting").text
    assert "Escalation, hours" in page
    assert "Zweite Übergabe" not in page


def test_it_is_paged(world: World, bruno: Client) -> None:
    for number in range(60):
        with clock.at(clock.now() + timedelta(seconds=number)), admin_changes.recording(lambda: world.bruno, Via.WEB):
            team.add_group(f"Group {number:02}")
    first = bruno.get("/admin/audit").text
    assert "Group 59" in first
    assert "Group 00" not in first
    older = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "Group 00" in bruno.get(older).text


def test_programs_read_it_and_their_own_changes_stand_in_it(world: World, client: Client) -> None:
    header = {"Authorization": f"Bearer {tokens.issue(world.bruno, 'nightly')}"}
    made = client.post(
        "/api/v2/cause_rules",
        {"cause_rule": {"words": "rule 17", "cause": "reputation"}},
        "application/json",
        headers=header,
    )
    assert made.status_code == 201, made.content
    answer = client.get("/api/v2/audit_logs?filter[source_type]=cause_rule&query=bruno", headers=header).json()
    [row] = answer["audit_logs"]
    assert (row["action"], row["actor_name"], row["source_label"]) == ("create", "Bruno Lead", "rule 17")
    assert row["answerback"] == {"changes": {"words": [None, "rule 17"], "cause": [None, "reputation"]}, "via": "api"}
    agent = {"Authorization": f"Bearer {tokens.issue(world.ada, 'mine')}"}
    assert client.get("/api/v2/audit_logs", headers=agent).status_code == 403


def test_roles_that_programs_give_stand_in_it_and_customers_do_not(world: World, client: Client) -> None:
    header = {"Authorization": f"Bearer {tokens.issue(world.bruno, 'nightly')}"}

    def call(method: str, path: str, **user: object) -> None:
        answer = client.generic(
            method, f"/api/v2/{path}", json.dumps({"user": user}), "application/json", headers=header
        )
        assert answer.status_code < 400, answer.content

    call("POST", "users", name="Kim Customer", email="kim@customer.test")
    assert record() == []
    call("POST", "users", name="Dora", email="dora@acme.test", role="agent")
    call("PUT", f"users/{world.ada.person_id}", role="admin")
    call("DELETE", f"users/{world.ada.person_id}")
    told = [(kind, act, changes) for kind, act, _subject, changes in record()]
    assert [(kind, act) for kind, act, _changes in told] == [("account", "added"), *[("account", "changed")] * 2]
    assert [changes for _kind, _act, changes in told[1:]] == [
        {"role": ["agent", "admin"]},
        {"is_active": [True, False]},
    ]
    assert set(AdminChange.objects.values_list("by_name", "via")) == {("Bruno Lead", "api")}
