"""The form of a mailbox that mail is fetched from: filled from one that is followed, and turned into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from answerback.workspace import server_sign_in
from answerback.workspace.server_sign_in import PASSWORD, ServerForm
from mailroom.address import syntax_problem
from mailroom.imap_url import Mailbox

SAFETY = [
    ("imaps", gettext_lazy("TLS from the start (port 993)")),
    ("verify", gettext_lazy("STARTTLS, and the certificate has to be right")),
    ("must", gettext_lazy("STARTTLS, with any certificate")),
    ("none", gettext_lazy("none: only on the same machine")),
]
THEN = [
    ("seen", gettext_lazy("mark it as read")),
    ("keep", gettext_lazy("leave it as it is")),
    ("delete", gettext_lazy("delete it there")),
    ("move", gettext_lazy("move it into another folder")),
]


class MailboxForm(ServerForm):
    """`others`: those that are followed, `old` among them."""

    safety = forms.ChoiceField(choices=SAFETY, label=gettext_lazy("Encryption (TLS)"))
    folder = forms.CharField(max_length=200, label=gettext_lazy("Folder"))
    support_address = forms.CharField(
        required=False,
        max_length=254,
        label=gettext_lazy("Whose mail it is where the mail does not say"),
        help_text=gettext_lazy("A support address. Empty: the default one."),
    )
    then = forms.ChoiceField(choices=THEN, label=gettext_lazy("What becomes of a mail that we have stored"))
    move_to = forms.CharField(required=False, max_length=200, label=gettext_lazy("Folder to move it to"))

    def __init__(self, *args: Any, old: Mailbox | None = None, others: Sequence[Mailbox] = (), **kwargs: Any) -> None:
        super().__init__(*args, old=old, **kwargs)
        self.fields["user"].required = True
        self.fields["host"].widget.attrs["placeholder"] = "imap.example.com"
        self._others = [one for one in others if one is not old]

    def clean_support_address(self) -> str:
        typed = str(self.cleaned_data["support_address"])
        if typed and syntax_problem(typed):
            raise forms.ValidationError(_("This is not an e-mail address."))
        return typed

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if not given.get("port") and "port" not in self.errors:
            given["port"] = 993 if given.get("safety") == "imaps" else 143
        if given.get("sign_in") == PASSWORD and not self.secret_of_account():
            self.add_error("secret", _("Without it nobody can sign in."))
        if given.get("then") == "move" and not given.get("move_to"):
            self.add_error("move_to", _("Name the folder."))
        if not self.errors and any(one.name == self.mailbox().name for one in self._others):
            self.add_error("user", _("This folder of this account is followed already."))
        return given

    def mailbox(self) -> Mailbox:
        given = self.cleaned_data
        return Mailbox(
            host=given["host"],
            port=given["port"],
            user=given["user"],
            folder=given["folder"],
            password=self.password(),
            oauth=self.oauth(),
            implicit_tls=given["safety"] == "imaps",
            tls="verify" if given["safety"] == "imaps" else given["safety"],
            support_address=given["support_address"],
            then=given["then"],
            move_to=given["move_to"] if given["then"] == "move" else "",
        )


def of(mailbox: Mailbox | None) -> dict[str, Any]:
    """What the form begins with."""
    if mailbox is None:
        return {"port": 993, "safety": "imaps", "sign_in": PASSWORD, "folder": "INBOX", "then": "seen"}
    return server_sign_in.of(mailbox) | {
        "port": mailbox.port,
        "safety": "imaps" if mailbox.implicit_tls else mailbox.tls,
        "folder": mailbox.folder,
        "support_address": mailbox.support_address,
        "then": mailbox.then,
        "move_to": mailbox.move_to,
    }
