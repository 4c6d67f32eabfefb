"""The pages of the played internet: what each customer got, and a pen to answer with. Only where SANDBOX is set.

Nobody signs in here: it stands for the world outside. Mail is shown as the workspace shows it, in a sandboxed frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from answerback.sandbox import mailboxes, writing
from answerback.sandbox.fates import FATES, fate_of
from answerback.sandbox.mailboxes import Entry, Mailbox
from answerback.sandbox.posting import RefusedError, is_customer
from answerback.tickets.addresses import default_support_address
from mailroom import address as addresses
from mailroom import html as mail_html
from mailroom import message
from mailroom.message import Mail

SHOWN = 60  # entries of one mailbox
View = Callable[..., HttpResponseBase]
MAIL_FRAME_POLICY = {
    "default-src": [NONE],
    "img-src": [SELF, "data:"],
    "style-src": [UNSAFE_INLINE],
    "frame-ancestors": [SELF],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


@dataclass(frozen=True)
class Row:
    """One line in a mailbox."""

    entry: Entry
    at: datetime
    subject: str
    sender: str
    current: bool


class AnswerForm(forms.Form):
    text = forms.CharField(
        label=_("Your answer"), widget=forms.Textarea(attrs={"rows": 5, "class": "field__input"}), max_length=100_000
    )
    everybody = forms.BooleanField(label=_("Answer to everybody"), required=False)


class WriteForm(forms.Form):
    sender = forms.CharField(label=_("From"), widget=forms.TextInput(attrs={"class": "field__input"}))
    recipient = forms.EmailField(label=_("To"), widget=forms.EmailInput(attrs={"class": "field__input"}))
    subject = forms.CharField(
        label=_("Subject"), widget=forms.TextInput(attrs={"class": "field__input"}), max_length=300
    )
    text = forms.CharField(label=_("Text"), widget=forms.Textarea(attrs={"rows": 8, "class": "field__input"}))
    file = forms.FileField(label=_("File"), required=False, widget=forms.FileInput(attrs={"class": "field__input"}))

    def clean_sender(self) -> addresses.Address:
        sender = addresses.parse_address(self.cleaned_data["sender"])
        if sender is None or not is_customer(sender.spec):
            raise forms.ValidationError(_("Take an address in sandbox.test, such as Clara <clara@shop.sandbox.test>."))
        return sender


def only_in_sandbox(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not settings.SANDBOX:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@only_in_sandbox
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """All mailboxes, and what names do."""
    fates = [(fate, gettext(fate.words)) for fate in FATES.values()]
    return render(request, "sandbox/overview.html", {"boxes": mailboxes.mailboxes(), "fates": fates})


@only_in_sandbox
@require_safe
def mailbox(request: HttpRequest, name: str, key: str = "") -> HttpResponse:
    """A mailbox with one of its mails open, the newest at first."""
    return _show(request, name, key, AnswerForm())


@only_in_sandbox
@require_POST
def answer(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """Answer as this customer."""
    box, content = _box(name), _content(name, key)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _show(request, name, key, form)
    try:
        writing.answer(box.address, content, form.cleaned_data["text"], form.cleaned_data["everybody"])
    except (RefusedError, OSError) as error:
        form.add_error(None, gettext("The mail was not taken: %(reply)s") % {"reply": error})
        return _show(request, name, key, form)
    messages.success(request, gettext("Sent."))
    return HttpResponseRedirect(f"/sandbox/{name}/{key}")


@only_in_sandbox
def write(request: HttpRequest) -> HttpResponse:
    """Write to the desk as a customer, known or new."""
    support = default_support_address()
    initial = {"sender": request.GET.get("from", ""), "recipient": support.address if support else ""}
    form = WriteForm(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _posted(form):
        messages.success(request, gettext("Sent."))
        return HttpResponseRedirect("/sandbox/")
    return render(request, "sandbox/write.html", {"form": form})


@only_in_sandbox
@require_safe
@xframe_options_sameorigin
@csp(MAIL_FRAME_POLICY)  # type: ignore[arg-type]  # declared for views without arguments
def html(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """The HTML of a mail, for a frame."""
    mail = _mail(name, key)
    urls = {part.content_id: f"/sandbox/{name}/{key}/{number}" for number, part in enumerate(mail.attachments)}
    body = mail_html.replace_cid(mail_html.sanitise(mail.html), {cid: url for cid, url in urls.items() if cid})
    page = '<!doctype html><meta charset="utf-8"><base target="_blank"><body style="font: 15px/1.5 system-ui">{}'
    return HttpResponse(format_html(page, mark_safe(body)))  # noqa: S308 (sanitised)


@only_in_sandbox
@require_safe
def source(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """The octets, as plain text."""
    return HttpResponse(_content(name, key), content_type="text/plain; charset=utf-8")


@only_in_sandbox
@require_safe
def attachment(request: HttpRequest, name: str, key: str, number: int) -> HttpResponse:
    """A file of a mail: pictures in place, everything else to download."""
    files = _mail(name, key).attachments
    if number >= len(files):
        raise Http404
    part = files[number]
    picture = part.content_type in ("image/png", "image/jpeg", "image/gif", "image/webp")
    response = HttpResponse(part.content, content_type=part.content_type if picture else "application/octet-stream")
    response["X-Content-Type-Options"] = "nosniff"
    if not picture:
        response["Content-Disposition"] = "attachment"
    return response


def _show(request: HttpRequest, name: str, key: str, form: AnswerForm) -> HttpResponse:
    box = _box(name)
    opened = key or next((entry.key for entry in box.messages), "")
    entry = next((entry for entry in box.entries if entry.key == opened), None)
    mail = _mail(name, opened) if entry and entry.kept else None
    context = {
        "box": box,
        "fate": fate_of(box.address),
        "fate_words": gettext(fate_of(box.address).words),
        "rows": [_row(box, entry, opened) for entry in box.entries[:SHOWN]],
        "entry": entry,
        "mail": mail,
        "headers": [(field, value) for field, value in mail.fields] if mail else [],
        "form": form,
    }
    return render(request, "sandbox/mailbox.html", context)


def _row(box: Mailbox, entry: Entry, opened: str) -> Row:
    mail = message.parse(mailboxes.content(box.name, entry.key) or b"") if entry.kept else None
    return Row(
        entry=entry,
        at=datetime.fromtimestamp(entry.at, UTC),
        subject=mail.subject if mail else entry.reply,
        sender=str(mail.from_ or "") if mail else "",
        current=entry.key == opened,
    )


def _posted(form: WriteForm) -> bool:
    data = form.cleaned_data
    file = data["file"]
    files = [writing.File(file.name, file.content_type, file.read())] if file else []
    try:
        writing.write(data["sender"], data["recipient"], data["subject"], data["text"], files)
    except (RefusedError, OSError) as error:
        form.add_error(None, gettext("The mail was not taken: %(reply)s") % {"reply": error})
        return False
    return True


def _box(name: str) -> Mailbox:
    if (box := mailboxes.mailbox(name)) is None:
        raise Http404
    return box


def _content(name: str, key: str) -> bytes:
    if (content := mailboxes.content(name, key)) is None:
        raise Http404
    return content


def _mail(name: str, key: str) -> Mail:
    return message.parse(_content(name, key))
