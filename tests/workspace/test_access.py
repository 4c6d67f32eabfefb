"""Nobody sees a page without signing in, agents see no administration, no form works without its token."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import URLPattern
from tests.world import PASSWORD, World

from answerback.workspace.urls import urlpatterns

OPEN = {"sign-in", "sign-in/forgot", "sign-in/password", "sign-out", "language", "files/<str:token>"}
ARGUMENTS = {
    "number": "1", "comment_id": "1", "delivery_id": "1", "person_id": "1", "raw_mail_id": "1", "account_id": "1",
    "address_id": "1", "notice_id": "1", "token_id": "1", "rule_id": "1", "view_id": "1", "key": "ses",
    "table": "time", "token": "x", "name": "test", "destination": "mx:home.test",
    "draft_id": "1", "webhook_id": "1", "call_id": "1", "macro_id": "1", "job_id": "1",
}  # fmt: skip


def address(pattern: URLPattern) -> str:
    route = str(pattern.pattern)
    for name, value in ARGUMENTS.items():
        for kind in ("int", "str", "slug", "path"):
            route = route.replace(f"<{kind}:{name}>", value)
    assert "<" not in route
    return "/" + route


GUARDED = sorted(address(pattern) for pattern in urlpatterns if str(pattern.pattern) not in OPEN)
ADMINISTRATION = [one for one in GUARDED if one.startswith(("/admin/", "/setup"))]


@pytest.mark.parametrize("url", GUARDED)
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_outsider_is_sent_to_the_sign_in(url: str, method: str, world: World, client: Client) -> None:
    response = getattr(client, method)(url)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/sign-in?next=")


def test_a_part_of_a_page_asks_for_a_full_reload_when_the_session_is_over(world: World, client: Client) -> None:
    response = client.get("/frame/views", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Refresh"]) == (401, "true")


@pytest.mark.parametrize("url", ADMINISTRATION)
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_agent_may_not_administer(url: str, method: str, ada: Client) -> None:
    assert getattr(ada, method)(url).status_code == 403


@pytest.mark.parametrize("url", ["/sign-in", "/language", "/tickets/1/reply", "/deliveries/1/fix", "/admin/"])
def test_a_form_without_its_token_is_refused(url: str, world: World) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.bruno)
    assert browser.post(url, {"text": "x"}).status_code == 403


def test_signing_in_leads_to_the_first_view(world: World, client: Client) -> None:
    response = client.post("/sign-in", {"username": "ada@acme.test", "password": PASSWORD})
    assert response.headers["Location"] == "/"
    assert client.get("/").headers["Location"] == "/views/my-open"


def test_a_wrong_password_is_told_in_the_browsers_language(world: World, client: Client) -> None:
    response = client.post(
        "/sign-in", {"username": "ada@acme.test", "password": "wrong"}, headers={"Accept-Language": "de"}
    )
    assert "Diese Adresse und dieses Passwort gehören nicht zusammen." in response.text


def test_the_language_form_does_not_lead_to_other_sites(world: World, client: Client) -> None:
    response = client.post("/language", {"language": "de", "next": "https://evil.example/"})
    assert response.headers["Location"] == "/sign-in"


@pytest.mark.parametrize("url", ["/sign-in", "/views/open", "/tickets/1", "/delivery/causes"])
def test_pages_carry_a_strict_policy_and_no_inline_code(url: str, world: World, ada: Client) -> None:
    world.ticket()
    response = ada.get(url, follow=True)
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert " style=" not in response.text
    assert " onclick" not in response.text
    assert "<script>" not in response.text
