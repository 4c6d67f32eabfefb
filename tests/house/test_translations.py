"""Every text has its German words; and the check that says so would notice a missing one."""

from __future__ import annotations

from pathlib import Path

import pytest

from answerback.cli import messages
from answerback.cli.checkout import ROOT

PO = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Language: de\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small checkout: one module, one template, no catalogue yet."""
    templates = tmp_path / messages.PACKAGE / "templates"
    templates.mkdir(parents=True)
    (tmp_path / messages.PACKAGE / "desk.py").write_text(
        "from django.utils.translation import gettext_lazy as _, ngettext\n"
        "A = _('Open')\n"
        "B = ngettext('%(count)s ticket', '%(count)s tickets', 2)\n"
    )
    (templates / "page.html").write_text(
        "{% load i18n %}\n"
        '  <h1>{% translate "Don\'t panic" %}</h1>\n'
        "{% blocktranslate trimmed with name=user.name %}\n"
        "    Not delivered\n"
        "    to {{ name }}\n"
        "{% endblocktranslate %}{% translate 'Open' context 'verb' %}\n"
        '<script>var broken = `\'"""`; \\</script> {# a note #}\n'
    )
    return tmp_path


def write_catalogue(tree: Path, *entries: str) -> None:
    path = tree / messages.CATALOGUE
    path.parent.mkdir(parents=True)
    path.write_text(PO + "\n\n".join(entries) + "\n", "utf-8")


COMPLETE = (
    'msgid "Open"\nmsgstr "Offen"',
    'msgctxt "verb"\nmsgid "Open"\nmsgstr "Öffnen"',
    'msgid "Don\'t panic"\nmsgstr "Keine Panik"',
    'msgid "Not delivered to %(name)s"\nmsgstr "Nicht zugestellt an %(name)s"',
    'msgid "%(count)s ticket"\nmsgid_plural "%(count)s tickets"\n'
    'msgstr[0] "%(count)s Ticket"\nmsgstr[1] "%(count)s Tickets"',
)


def test_the_german_catalogue_is_complete() -> None:
    assert messages.problems(ROOT) == []


def test_code_and_templates_are_read(tree: Path) -> None:
    found = {(message.context, message.id) for message in messages.extracted(tree) if message.id}
    assert found == {
        (None, "Open"),
        ("verb", "Open"),
        (None, "Don't panic"),
        (None, "Not delivered to %(name)s"),
        (None, ("%(count)s ticket", "%(count)s tickets")),
    }


def test_a_complete_catalogue_has_no_problems(tree: Path) -> None:
    write_catalogue(tree, *COMPLETE)
    assert messages.problems(tree) == []


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("", "not in the catalogue: 'Open'"),
        ('msgid "Open"\nmsgstr ""', "no German translation: 'Open'"),
        ('#, fuzzy\nmsgid "Open"\nmsgstr "Offen"', "the German translation is marked fuzzy: 'Open'"),
        ('msgid "Open"\nmsgstr "%(x)s"', "the German translation has a placeholder that the message has not: 'Open'"),
        ('msgid "Open"\nmsgstr "Offen"\n\nmsgid "Gone"\nmsgstr "Weg"', "in no source any more: 'Gone'"),
    ],
)
def test_each_fault_is_found(tree: Path, entry: str, problem: str) -> None:
    write_catalogue(tree, entry, *COMPLETE[1:])
    assert any(line.endswith(problem) for line in messages.problems(tree))


def test_an_unreadable_catalogue_is_one_problem(tree: Path) -> None:
    write_catalogue(tree, "this is no catalogue")
    assert len(messages.problems(tree)) == 1


def test_an_update_keeps_words_and_drops_stale_messages(tree: Path) -> None:
    write_catalogue(tree, *COMPLETE[:1], 'msgid "Gone"\nmsgstr "Weg"')
    updated = messages.updated_catalogue(tree)
    assert updated.get("Open").string == "Offen"
    assert updated.get("Gone") is None
    assert not updated.get("Not delivered to %(name)s").string
