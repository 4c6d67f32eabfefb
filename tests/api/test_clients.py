"""Programs written for Zendesk, unmodified, against the running server: zenpy, and whatever schemathesis thinks of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from pytest_django.live_server_helper import LiveServer
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks
from tests.world import World, make_world
from zenpy import Zenpy
from zenpy.lib.api_objects import Comment, Identity, Macro, Ticket, User, View, Webhook
from zenpy.lib.exception import RecordNotFoundException

from answerback.api import openapi
from answerback.people import tokens

SCHEMA = schemathesis.openapi.from_dict(openapi.document())
HELD = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]


@pytest.fixture
def live_world(transactional_db: None, live_server: LiveServer, settings: Any, data_dir: Path) -> World:
    settings.BASE_URL = live_server.url  # clients follow the links of our answers
    return make_world()


@pytest.fixture
def zenpy(live_world: World, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Zenpy:
    monkeypatch.setenv("ZENPY_FORCE_NETLOC", live_server.url.removeprefix("http://"))
    monkeypatch.setenv("ZENPY_FORCE_SCHEME", "http")
    client = Zenpy(subdomain="acme", email="bruno@acme.test", token=tokens.issue(live_world.bruno, "zenpy"))
    client.disable_caching()  # QUIRK: its cache takes identity 6 for the identities of user 6
    return client


def test_zenpy_works_with_tickets_and_files(zenpy: Zenpy, live_world: World, tmp_path: Path) -> None:
    file = tmp_path / "plan.txt"
    file.write_text("step one")
    upload = zenpy.attachments.upload(str(file))
    requester = User(name="Rita Ok", email="rita@ok.test")
    made = zenpy.tickets.create(
        Ticket(subject="Order 7", requester=requester, comment=Comment(body="It left.", uploads=[upload.token]))
    )
    assert made.ticket.subject == "Order 7"
    assert made.ticket.requester.email == "rita@ok.test"
    made.ticket.status = "solved"
    made.ticket.comment = Comment(body="And arrived.", public=True)
    assert zenpy.tickets.update(made.ticket).ticket.status == "solved"
    comments = list(zenpy.tickets.comments(ticket=made.ticket))
    assert [comment.body for comment in comments] == ["It left.", "And arrived."]
    [attachment] = comments[0].attachments
    fetched = zenpy.attachments.download(attachment.id, str(tmp_path))
    assert Path(fetched).read_text() == "step one"
    assert [event["type"] for audit in zenpy.tickets.audits(ticket=made.ticket) for event in audit.events]
    for number in range(3):
        live_world.ticket(f"More {number}")
    assert len(list(zenpy.tickets())) == 4
    assert [ticket.subject for ticket in zenpy.search("Order", type="ticket")] == ["Order 7"]
    assert any(len(list(zenpy.views.tickets(view))) for view in zenpy.views())
    with pytest.raises(RecordNotFoundException):
        zenpy.tickets(id=99_999)


def test_zenpy_works_with_users_and_addresses(zenpy: Zenpy) -> None:
    assert zenpy.users.me().email == "bruno@acme.test"
    user = zenpy.users.create(User(name="Nora Neu", email="nora@new.test", verified=True))
    user.phone = "123"
    assert zenpy.users.update(user).phone == "123"
    assert zenpy.users.create_or_update(User(name="Nora", email="nora@new.test")).id == user.id
    assert [found.name for found in zenpy.users.search(query="nora")] == ["Nora"]
    made = zenpy.users.identities.create(user=user, identity=Identity(type="email", value="nn@new.test"))
    zenpy.users.identities.make_primary(user=user, identity=made)
    assert {row.value: row.primary for row in zenpy.users.identities(id=user.id)} == {
        "nora@new.test": False,
        "nn@new.test": True,
    }
    assert len(list(zenpy.users())) == 6
    zenpy.users.delete(user)
    with pytest.raises(RecordNotFoundException):
        zenpy.users(id=user.id)


CALLS = settings(max_examples=3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
DESCRIBED = {f"{operation.ok().label}": operation.ok() for operation in SCHEMA.get_all_operations()}


def test_zenpy_works_with_rules(zenpy: Zenpy, live_world: World) -> None:
    actions = [{"field": "status", "value": "solved"}]
    macro = zenpy.macros.create(Macro(title="Done", actions=actions))
    ticket = live_world.ticket()
    assert zenpy.tickets.show_macro_effect(ticket.pk, macro.id).ticket.status == "solved"
    assert "Done" in {one.title for one in zenpy.macros()}
    unsolved = [{"field": "status", "operator": "less_than", "value": "solved"}]
    view = zenpy.views.create(View(title="Unsolved", all=unsolved))
    assert zenpy.views.execute(view).id == view.id
    assert zenpy.views.count(view).value == 1
    assert [found.id for found in zenpy.search_export(type="ticket", query="Printer")] == [ticket.pk]
    assert len(list(zenpy.triggers())) > 5
    assert list(zenpy.tickets.add_tags(ticket.pk, ["bounced"])) == ["bounced"]
    zenpy.webhooks.create(Webhook(name="Billing", endpoint="https://billing.example.com/", subscriptions=[]))
    assert [one.name for one in zenpy.webhooks.list()] == ["Billing"]


def test_answers_are_as_described_whatever_is_asked(live_world: World, live_server: LiveServer) -> None:
    """Each operation with a few requests that schemathesis makes up from the document."""
    world = live_world
    world.answer(world.ticket(ccs=[world.deniz]))
    world.outcome(world.delivery_to(world.clara), "550 5.1.1 User unknown")
    headers = {"Authorization": f"Bearer {tokens.issue(world.bruno, 'schemathesis')}"}
    for operation in DESCRIBED.values():

        @CALLS
        @given(case=operation.as_strategy())
        def holds(case: schemathesis.Case) -> None:
            response = case.call(base_url=live_server.url, headers=headers)
            case.validate_response(response, checks=HELD)

        holds()
