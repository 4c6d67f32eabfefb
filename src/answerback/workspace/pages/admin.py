"""Administration: people and roles, groups, support addresses, API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.password_validation import validate_password
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.desk.accounts import invitation
from answerback.outbound.models import Delivery, Message
from answerback.people import accounts, team, tokens
from answerback.people.identities import AddressTakenError, BadAddressError
from answerback.people.models import Account, ApiToken, Group
from answerback.tickets import support_addresses
from answerback.tickets.models import SupportAddress
from answerback.workspace import words
from answerback.workspace.access import account_of, admin_required
from answerback.workspace.pages import agent_mail
from answerback.workspace.pages.profile import dress

ADDRESS_PROBLEMS = {
    "syntax": gettext_lazy("This is not an e-mail address."),
    "too_long": gettext_lazy("The part before the @ may have at most 27 characters, so that a reply token fits."),
    "taken": gettext_lazy("This address is a support address already."),
}


class NewAccountForm(forms.Form):
    name = forms.CharField(max_length=200, label=gettext_lazy("Name"))
    email = forms.EmailField(label=gettext_lazy("E-mail address"))
    language = forms.ChoiceField(choices=list(words.LANGUAGES.items()), label=gettext_lazy("Language"))
    role = forms.ChoiceField(label=gettext_lazy("Role"))
    password = forms.CharField(
        required=False,
        label=gettext_lazy("First password"),
        help_text=gettext_lazy("Leave it empty, and the new colleague is invited by mail to choose one."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [(key, _(title)) for key, title in reversed(words.ROLES.items())]  # type: ignore[attr-defined]
        dress(self)

    def clean_password(self) -> str:
        if self.cleaned_data["password"]:
            validate_password(self.cleaned_data["password"])
        return str(self.cleaned_data["password"])


class SupportAddressForm(forms.Form):
    address = forms.CharField(max_length=254, label=gettext_lazy("Address"))
    name = forms.CharField(
        max_length=100, label=gettext_lazy("Name"), help_text=gettext_lazy("Stands in From beside the agent's name.")
    )
    language = forms.ChoiceField(choices=list(words.LANGUAGES.items()), label=gettext_lazy("Language"))
    group = forms.ModelChoiceField(
        Group.objects.order_by("name"), required=False, empty_label="–", label=gettext_lazy("Group")
    )
    default = forms.BooleanField(required=False, label=gettext_lazy("New tickets leave from here"))
    active = forms.BooleanField(required=False, initial=True, label=gettext_lazy("Takes mail"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)
        for name in ("default", "active"):
            self.fields[name].widget.attrs["class"] = ""


@admin_required
def people(request: HttpRequest) -> HttpResponse:
    form = NewAccountForm(request.POST or None, initial={"role": "agent", "language": get_language() or "en"})
    if request.method == "POST" and form.is_valid() and _add_account(request, form):
        return redirect("/admin/")
    rows = list(Account.objects.select_related("person").prefetch_related("groups").order_by("person__name"))
    context = {
        "at": "people",
        "accounts": rows,
        **_invitations(rows),
        "groups": list(Group.objects.order_by("name")),
        "roles": [(key, _(title)) for key, title in words.ROLES.items()],
        "form": form,
    }
    return _page(request, "admin/people.html", context)


@admin_required
@require_POST
def change_account(request: HttpRequest, account_id: int) -> HttpResponse:
    account = get_object_or_404(Account, pk=account_id)
    role = request.POST.get("role", "")
    try:
        team.change(
            account,
            role=role if role in words.ROLES else account.role,
            supervisor="supervisor" in request.POST,
            active="active" in request.POST,
            groups=list(Group.objects.filter(pk__in=[pk for pk in request.POST.getlist("groups") if pk.isdigit()])),
        )
    except team.LastAdminError:
        messages.error(request, _("One administrator has to remain."))
    else:
        messages.success(request, _("Saved."))
    return redirect("/admin/")


@admin_required
@require_POST
def invite_again(request: HttpRequest, account_id: int) -> HttpResponse:
    try:
        account = invitation.send_again(account_id, account_of(request))
    except Account.DoesNotExist:
        raise Http404 from None
    except invitation.TakenUpError:
        messages.warning(request, _("This colleague has chosen a password already."))
    else:
        messages.success(request, _("%s has been invited by mail.") % account.person.name)
    return redirect("/admin/")


@admin_required
def groups(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        _save_group(request)
        return redirect("/admin/groups")
    rows = list(Group.objects.prefetch_related("members__person").order_by("name"))
    return _page(request, "admin/groups.html", {"at": "groups", "groups": rows})


@admin_required
def addresses(request: HttpRequest, address_id: int = 0) -> HttpResponse:
    """The list with an empty form; with an id, that address in the form."""
    row = get_object_or_404(SupportAddress, pk=address_id) if address_id else None
    form = SupportAddressForm(request.POST or None, initial=initial_of(row))
    if request.method == "POST" and form.is_valid() and save_address(form, row):
        messages.success(request, _("Saved."))
        return redirect("/admin/addresses")
    rows = list(SupportAddress.objects.select_related("group").order_by("-active", "address"))
    return _page(request, "admin/addresses.html", {"at": "addresses", "addresses": rows, "form": form, "row": row})


@admin_required
def api_tokens(request: HttpRequest) -> HttpResponse:
    fresh = ""
    if request.method == "POST" and (name := request.POST.get("name", "").strip()[:100]):
        fresh = tokens.issue(account_of(request), name)
    rows = list(ApiToken.objects.select_related("account__person").order_by("-created_at"))
    return _page(request, "admin/tokens.html", {"at": "tokens", "tokens": rows, "fresh": fresh})


@admin_required
@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    tokens.revoke(token_id, account_of(request))
    messages.success(request, _("The token does not work any more."))
    return redirect("/admin/tokens")


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context | {"section": "admin"})


def _add_account(request: HttpRequest, form: NewAccountForm) -> bool:
    given = form.cleaned_data
    try:
        if given["password"]:
            accounts.create(given["email"], given["name"], given["password"], given["role"], given["language"])
            messages.success(request, _("Saved."))
        else:
            invitation.invite(given["email"], given["name"], given["role"], given["language"], account_of(request))
            messages.success(request, _("%s has been invited by mail.") % given["name"])
    except AddressTakenError:
        form.add_error("email", _("This person has an account already."))
    except BadAddressError:
        form.add_error("email", ADDRESS_PROBLEMS["syntax"])
    return not form.errors


def _invitations(rows: Sequence[Account]) -> dict[str, Any]:
    """People without a password who were sent mail about it, and those of them whom the newest did not reach."""
    waiting = [row.person_id for row in rows if not row.has_usable_password()]
    sent = Delivery.objects.filter(kind=Message.Kind.SYSTEM, person__in=waiting).order_by("id")
    newest = dict(sent.values_list("person", "pk"))
    lost = agent_mail.undelivered().filter(pk__in=newest.values())
    return {"invited": set(newest), "unreached": set(lost.values_list("person", flat=True))}


def _save_group(request: HttpRequest) -> None:
    name, pk = request.POST.get("name", "").strip(), request.POST.get("group", "")
    if pk.isdigit():
        if not team.rename_group(get_object_or_404(Group, pk=int(pk)), name):
            messages.error(request, _("There is a group of that name already."))
    elif name:
        team.add_group(name)


def initial_of(row: SupportAddress | None) -> dict[str, Any]:
    if row is None:
        return {"active": True, "language": get_language() or "en"}
    names = ("address", "name", "language", "group", "default", "active")
    return {name: getattr(row, name) for name in names}


def save_address(form: SupportAddressForm, row: SupportAddress | None) -> bool:
    """Whether it could be saved; else the form says why not."""
    try:
        support_addresses.save_address(row, **form.cleaned_data)
    except support_addresses.UnusableAddressError as error:
        form.add_error("address", ADDRESS_PROBLEMS[error.problem])
        return False
    return True
