"""Every page there is, with an address to look at it on the lived-in demo desk.

`test_every_page.py` looks at each with axe, a ruler and a scale, `screenshots.py` takes its picture. A page that is
missing here fails a test: whoever adds an address to `workspace.urls` adds it to PAGES, or says in NOT_PAGES that it
is a part of one or an action. What a page shows only after a click (a card, a menu, a form sent) has an entry of its
own, with the clicks in `then`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from answerback.core import ids
from answerback.sandbox import mailboxes
from tests.journeys.conftest import Desk, eventually


@dataclass(frozen=True)
class PageOf:
    """A page: its route in `workspace.urls`, and where to find one of its kind."""

    name: str
    route: str
    find: Callable[[Desk], str]
    admin: bool = False  # only admins may see it
    then: Callable[[Page], None] | None = None  # what to do there before looking


def _at(path: str) -> Callable[[Desk], str]:
    return lambda desk: path


def _ticket(query: str, after: str = "") -> Callable[[Desk], str]:
    """The newest ticket that the search finds."""

    def find(desk: Desk) -> str:
        found = desk.call("GET", "search", query=f"{query} order_by:created")["results"]
        return f"/tickets/{found[0]['id']}{after}"

    return find


def _customer(desk: Desk) -> str:
    found = desk.call("GET", "search", query="delivery:open order_by:created")["results"]
    return f"/customers/{found[0]['requester_id']}"


def _open_tickets(desk: Desk) -> str:
    return ",".join(str(ticket["id"]) for ticket in desk.call("GET", "search", query="status<solved")["results"][:3])


def _merge(desk: Desk) -> str:
    one, other, *_rest = _open_tickets(desk).split(",")
    return f"/tickets/{one}/merge?into={other}"


def _job(desk: Desk) -> str:
    """A job that is over: what it did, and what it had to leave out."""
    found = desk.call("GET", "job_statuses")["job_statuses"]
    if not found:
        tickets = desk.call("GET", "search", query="status:solved")["results"][:5]
        ids = ",".join(str(ticket["id"]) for ticket in tickets)
        desk.call("PUT", "tickets/update_many", {"ticket": {"additional_tags": ["checked"]}}, ids=ids)
    eventually(lambda: desk.call("GET", "job_statuses")["job_statuses"][0]["status"] == "completed")
    return f"/jobs/{desk.call('GET', 'job_statuses')['job_statuses'][0]['id']}"


def _answering(page: Page) -> None:
    page.click("label[data-key-target=reply]")
    page.locator(".composer [contenteditable], .composer textarea:visible").first.fill("Your bell is on its way.")
    page.click(".composer__send summary")


def _failure_card(page: Page) -> None:
    page.locator("[data-card]:visible").last.click()
    page.wait_for_selector("#card[open] .card__fixes")


def _select_all(page: Page) -> None:
    page.locator("[data-select]").first.wait_for()
    page.keyboard.press("*")
    page.wait_for_selector(".selection__actions:visible")


def _resend_selected(page: Page) -> None:
    _select_all(page)
    page.click(".selection button[value=resend]")
    page.wait_for_url("**/bulk")


def _open_menu(name: str) -> Callable[[Page], None]:
    def then(page: Page) -> None:
        page.click(f".bar__tools summary{name}")

    return then


def _signed_out(page: Page) -> None:
    """An open page that hears it is signed out goes to the sign-in page by itself, in the middle of our reload."""
    url = page.url
    page.goto("about:blank")
    page.context.clear_cookies()
    page.goto(url)


def _forgetful(page: Page) -> None:
    page.fill("input[name=email]", "nobody@sandbox.test")
    page.locator("form.form button").click()
    page.wait_for_selector("main [role=status]")


def _invite(page: Page) -> str:
    """A new colleague, another one each time: the address."""
    name = f"nora-{ids.random_name()[:8]}"
    address = f"{name}@newcomers.sandbox.test"
    page.fill("input[name=name]", name)
    page.fill("input[name=email]", address)
    page.locator("form.form button").click()
    page.get_by_text(address).wait_for()
    return address


def _invited(page: Page) -> None:
    _invite(page)


def _first_password(page: Page) -> None:
    """Where the link of an invitation leads, once the mail has come."""
    site = page.url.partition("/admin/")[0]
    mailbox = f"{site}/sandbox/{mailboxes.name_of(_invite(page))}"
    eventually(lambda: (answer := page.goto(mailbox)) and answer.ok)
    link = re.search(r"\S+/sign-in/password\?link=\S+", page.locator(".played__text").first.inner_text())
    assert link
    page.goto(link[0])
    page.wait_for_selector("input[name=new_password2]")


def _tried(page: Page) -> None:
    """What a reply would be taken for by the rule on the page."""
    page.fill("#trial-sample", "554 5.7.1 Refused by the gateway, rule 17: ask the warehouse")
    page.locator("section:has(#trial-sample) button[type=submit]").click()
    page.wait_for_selector("#trial strong")


def _limited(page: Page) -> None:
    """What a limit would do, before it counts."""
    page.fill("#retention-days", "1")
    page.locator("form.form button[type=submit]").click()
    page.wait_for_selector("button[name=confirmed]")


def _unfolded(page: Page) -> None:
    page.click("details.fold summary")


def _keys(page: Page) -> None:
    page.keyboard.press("?")


PAGES = (
    PageOf("api", "api/docs", _at("/api/docs")),
    PageOf("view-undelivered", "views/<str:key>", _at("/views/undelivered")),
    PageOf("view-trying", "views/<str:key>", _at("/views/trying")),
    PageOf("view-open", "views/<str:key>", _at("/views/open")),
    PageOf("view-selection", "views/<str:key>", _at("/views/undelivered"), then=_select_all),
    PageOf("bulk", "bulk", _at("/views/undelivered"), then=_resend_selected),
    PageOf("menu-user", "views/<str:key>", _at("/views/open"), then=_open_menu(".menu__user")),
    PageOf("menu-notices", "views/<str:key>", _at("/views/open"), then=_open_menu(".bell")),
    PageOf("keys", "views/<str:key>", _at("/views/open"), then=_keys),
    PageOf("views", "views", _at("/views")),
    PageOf("view-new", "views/new", _at("/views/new")),
    PageOf("search", "search", _at("/search?q=delivery:failed")),
    PageOf("search-nothing", "search", _at("/search?q=nonsense:1+zzzz")),
    PageOf("ticket-failed", "tickets/<int:number>", _ticket("delivery:open status<solved")),
    PageOf("ticket-failed-events", "tickets/<int:number>", _ticket("delivery:open status<solved", "?events=1")),
    PageOf("ticket-card", "tickets/<int:number>", _ticket("delivery:open status<solved"), then=_failure_card),
    PageOf("ticket-answering", "tickets/<int:number>", _ticket("delivery:open status<solved"), then=_answering),
    PageOf("ticket-trying", "tickets/<int:number>", _ticket("delivery:trying")),
    PageOf("ticket-closed", "tickets/<int:number>", _ticket("status:closed")),
    PageOf("customer-merge", "customers/<int:person_id>/merge", lambda desk: f"{_customer(desk)}/merge"),
    PageOf("customer-erase", "customers/<int:person_id>/erase", lambda desk: f"{_customer(desk)}/erase", admin=True),
    PageOf("macros", "macros", _at("/macros")),
    PageOf("macro", "macros/<int:macro_id>", _at("/macros/1"), admin=True),
    PageOf("macro-new", "macros/new", _at("/macros/new")),
    PageOf("ticket-merge", "tickets/<int:number>/merge", _ticket("status<solved", "/merge")),
    PageOf("ticket-merge-confirm", "tickets/<int:number>/merge", _merge),
    PageOf("tickets-merge", "tickets/merge", lambda desk: f"/tickets/merge?ids={_open_tickets(desk)}"),
    PageOf("ticket-new", "tickets/new", _at("/tickets/new")),
    PageOf("customers", "customers", _at("/customers")),
    PageOf("customer", "customers/<int:person_id>", _customer),
    PageOf("profile", "profile", _at("/profile")),
    PageOf("delivery", "delivery", _at("/delivery")),
    PageOf("destination", "delivery/destinations/<str:destination>", _at("/delivery/destinations/sandbox.test")),
    PageOf("failures", "delivery/failures", _at("/delivery/failures")),
    PageOf("jobs", "jobs", _at("/jobs")),
    PageOf("job", "jobs/<int:job_id>", _job),
    PageOf("causes", "delivery/causes", _at("/delivery/causes")),
    PageOf("notices", "notices", _at("/notices")),
    PageOf("notices-unread", "notices", _at("/notices?show=unread")),
    PageOf("suppressed", "delivery/suppressed", _at("/delivery/suppressed")),
    PageOf("suppressed-nothing", "delivery/suppressed", _at("/delivery/suppressed?q=zzzz")),
    PageOf("reports", "delivery/reports", _at("/delivery/reports?period=7d"), admin=True),
    PageOf("reports-day", "delivery/reports", _at("/delivery/reports?period=24h&kind=answer"), admin=True),
    PageOf("mail-log", "delivery/log", _at("/delivery/log?what=failed"), admin=True),
    PageOf("mail-log-nothing", "delivery/log", _at("/delivery/log?recipient=zzzz"), admin=True),
    PageOf("agent-mail", "delivery/agents", _at("/delivery/agents"), admin=True),
    PageOf("unprocessed", "mail/unprocessed", _at("/mail/unprocessed")),
    PageOf("suspended", "mail/suspended", _at("/mail/suspended")),
    PageOf("blocked", "mail/blocked", _at("/mail/blocked")),
    PageOf("raw-mail", "mail/<int:raw_mail_id>", _at("/mail/1")),
    PageOf("forgot", "sign-in/forgot", _at("/sign-in/forgot")),
    PageOf("forgot-sent", "sign-in/forgot", _at("/sign-in/forgot"), then=_forgetful),
    PageOf("password-ended", "sign-in/password", _at("/sign-in/password?link=x")),
    PageOf("sign-in", "sign-in", _at("/"), then=_signed_out),  # the last one that an agent sees
    PageOf("setup-address", "setup/<str:name>", _at("/setup/address"), admin=True),
    PageOf("setup-incoming", "setup/<str:name>", _at("/setup/incoming"), admin=True, then=_unfolded),
    PageOf("setup-outgoing", "setup/<str:name>", _at("/setup/outgoing"), admin=True),
    PageOf("setup-dns", "setup/<str:name>", _at("/setup/dns"), admin=True),
    PageOf("setup-test", "setup/<str:name>", _at("/setup/test"), admin=True),
    PageOf("setup-way-back", "setup/<str:name>", _at("/setup/way-back"), admin=True),
    PageOf("setup-done", "setup/done", _at("/setup/done"), admin=True),
    PageOf("admin-people", "admin/", _at("/admin/"), admin=True),
    PageOf("admin-people-invited", "admin/", _at("/admin/"), admin=True, then=_invited),
    PageOf("password", "sign-in/password", _at("/admin/"), admin=True, then=_first_password),
    PageOf("admin-groups", "admin/groups", _at("/admin/groups"), admin=True),
    PageOf("admin-addresses", "admin/addresses", _at("/admin/addresses"), admin=True),
    PageOf("admin-incoming", "admin/incoming", _at("/admin/incoming"), admin=True),
    PageOf("admin-outgoing", "admin/outgoing", _at("/admin/outgoing"), admin=True),
    PageOf("admin-mailbox", "admin/incoming/mailbox", _at("/admin/incoming/mailbox"), admin=True),
    PageOf("admin-service", "admin/incoming/services/<slug:key>", _at("/admin/incoming/services/postmark"), admin=True),
    PageOf("admin-dns", "admin/dns", _at("/admin/dns"), admin=True),
    PageOf("admin-audit", "admin/audit", _at("/admin/audit"), admin=True),
    PageOf("admin-audit-nothing", "admin/audit", _at("/admin/audit?q=zzzz"), admin=True),
    PageOf("admin-tokens", "admin/tokens", _at("/admin/tokens"), admin=True),
    PageOf("admin-triggers", "admin/triggers", _at("/admin/triggers"), admin=True),
    PageOf("admin-escalation", "admin/escalation", _at("/admin/escalation"), admin=True),
    PageOf("admin-retention", "admin/retention", _at("/admin/retention"), admin=True),
    PageOf("admin-retention-asked", "admin/retention", _at("/admin/retention"), admin=True, then=_limited),
    PageOf("admin-trigger", "admin/triggers/<int:rule_id>", _at("/admin/triggers/3"), admin=True),
    PageOf("admin-trigger-new", "admin/triggers/new", _at("/admin/triggers/new"), admin=True),
    PageOf("admin-automations", "admin/automations", _at("/admin/automations"), admin=True),
    PageOf("admin-automation", "admin/automations/<int:rule_id>", _at("/admin/automations/1"), admin=True),
    PageOf("admin-automation-new", "admin/automations/new", _at("/admin/automations/new"), admin=True),
    PageOf("admin-cause-rules", "admin/cause-rules", _at("/admin/cause-rules"), admin=True),
    PageOf("admin-cause-rule", "admin/cause-rules/<int:rule_id>", _at("/admin/cause-rules/1"), admin=True, then=_tried),
    PageOf("admin-cause-rule-new", "admin/cause-rules/new", _at("/admin/cause-rules/new"), admin=True),
    PageOf("admin-webhooks", "admin/webhooks", _at("/admin/webhooks"), admin=True),
    PageOf("admin-webhook", "admin/webhooks/<int:webhook_id>", _at("/admin/webhooks/1"), admin=True),
    PageOf("admin-webhook-new", "admin/webhooks/new", _at("/admin/webhooks/new"), admin=True),
)

# parts of pages, actions, files: seen where their page is seen
NOT_PAGES = frozenset(
    {
        "",
        "setup",
        "setup/incoming/state",
        "setup/test/state",
        "setup/way-back/state",
        "sign-out",
        "language",
        "frame/views",
        "frame/health",
        "frame/jobs",
        "bulk/start",
        "jobs/<int:job_id>/act",
        "frame/notices",
        "notices/menu",
        "notices/read",
        "notices/<int:notice_id>",
        "delivery/suppressed.csv",
        "delivery/suppressed/undo",
        "delivery/reports/<str:table>.csv",
        "delivery/log.csv",
        "views/condition",
        "views/<int:view_id>/edit",
        "admin/dns/findings",
        "tickets/<int:number>/live",
        "tickets/<int:number>/fields",
        "tickets/<int:number>/tags",
        "tickets/<int:number>/ccs",
        "tickets/new/ccs",
        "tickets/<int:number>/composer",
        "tickets/<int:number>/reply",
        "tickets/<int:number>/comments/<int:comment_id>/resend",
        "comments/<int:comment_id>/mail",
        "attachments/<str:token>/<path:name>",
        "addresses/known",
        "addresses/warning",
        "drafts",
        "drafts/<int:draft_id>",
        "drafts/<int:draft_id>/discard",
        "drafts/<int:draft_id>/undo",
        "drafts/preview",
        "search.csv",
        "search/suggest",
        "tickets/<int:number>/draft",
        "tickets/<int:number>/presence",
        "tickets/<int:number>/preview",
        "uploads",
        "uploads/<str:token>/drop",
        "views/<int:view_id>/act",
        "views/<int:view_id>/restore",
        "views/preview",
        "customers/<int:person_id>/edit",
        "customers/<int:person_id>/data.zip",
        "customers/<int:person_id>/identities",
        "profile/password",
        "profile/language",
        "delivery/switch",
        "delivery/probe",
        "deliveries/<int:delivery_id>/card",
        "deliveries/<int:delivery_id>/fix",
        "deliveries/<int:delivery_id>/replaced",
        "addresses/suggestion",
        "files/<str:token>",
        "files/<str:token>/withdraw",
        "mail/<int:raw_mail_id>/act",
        "mail/suspended/delete",
        "mail/blocked/undo",
        "tickets/<int:number>/spam",
        "admin/people/<int:account_id>",
        "admin/people/<int:account_id>/invite",
        "admin/addresses/<int:address_id>",
        "admin/outgoing/preset",
        "admin/outgoing/try",
        "admin/tokens/<int:token_id>/revoke",
        "macros/<int:macro_id>/act",
        "tickets/new/macros",
        "tickets/new/macros/<int:macro_id>",
        "tickets/<int:number>/macros",
        "tickets/<int:number>/macros/<int:macro_id>",
        "admin/triggers/<int:rule_id>/act",
        "admin/automations/<int:rule_id>/act",
        "admin/rules/condition",
        "admin/rules/action",
        "admin/rules/estimate",
        "admin/rules/try",
        "admin/cause-rules/try",
        "admin/cause-rules/reread",
        "admin/cause-rules/<int:rule_id>/act",
        "admin/webhooks/<int:webhook_id>/edit",
        "admin/webhooks/<int:webhook_id>/act",
        "admin/webhooks/<int:webhook_id>/calls/<int:call_id>/replay",
    }
)
