"""By which rule a cause was named, in words."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from mailroom.causes.classify import OWN, Verdict

# kinds of rules of mailroom.causes.classify; %s is the rule's own text
KINDS = {
    "wording": gettext_noop("a known provider’s words “%s”"),
    "phrase": gettext_noop("the words “%s”"),
    "weak": gettext_noop("the words “%s”, since nothing better is said"),
    "status": gettext_noop("the enhanced code %s"),
    "reply": gettext_noop("the reply code %s"),
    "reader": gettext_noop("the kind of notice"),
    "expired": gettext_noop("nothing but that it was given up after waiting"),
    "delay": gettext_noop("nothing but that it is late"),
    "action": gettext_noop("what the report says became of it"),
    "none": gettext_noop("nothing: no rule knows these words or codes"),
}
OF_PAGE = gettext_noop("your own rule “%s”")
OF_SETTING = gettext_noop("the rule “%s” of the setting")


def named_by(verdict: Verdict, of_setting: Collection[str]) -> str:
    """`of_setting`: the words of the setting's own rules."""
    kind, _colon, detail = verdict.rule.partition(":")
    if kind == OWN:
        return _(OF_SETTING if detail in of_setting else OF_PAGE) % detail
    detail = detail.removesuffix("@mail").partition("@")[0] if kind == "reply" else detail.removesuffix("@mail")
    text = _(KINDS.get(kind, KINDS["none"]))
    return text % detail if "%s" in text else text
