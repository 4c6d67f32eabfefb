"""The documents say what is: names, files, settings, verbs, addresses and fates in them exist, and none is left out."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import click
import pytest

from answerback import cli, env
from answerback.api.root import api
from answerback.cli.checkout import ROOT
from answerback.sandbox.fates import FATES
from mailroom import lifecycle
from mailroom.causes import reference
from mailroom.states import State

DOCS = ROOT / "docs"
PAGES = [ROOT / name for name in ("README.md", "STYLE.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    DOCS.rglob("*.md")
)
ROOTS = {"answerback": ROOT / "src/answerback", "mailroom": ROOT / "src/mailroom"}
# what the words of a path may be relative to
FOLDERS = (ROOT, ROOT / "src", ROOT / "src/answerback", ROOT / "src/mailroom", DOCS)

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
_DOTTED = re.compile(r"(?<![\w./@-])[a-z_]\w*(?:\.\w+)+(?![\w/@-])")
_PATH = re.compile(r"(?<![\w./<>{}…@:-])(?:[\w.-]+/)+[\w.-]*(?![\w<>{}…/])")
_SUFFIXES = (
    *("html", "js", "css", "toml", "md", "txt", "py", "json", "po", "mo", "in"),
    *("pem", "png", "socket", "service", "test", "sqlite3"),
)
_DOCUMENT = re.compile(r"(?<![\w/.-])(?:docs/[\w/-]+(?:\.md)?|[a-z]+\.md)(?![\w/])")
_MADE = ("var/", "node_modules/", ".venv/")  # not in git


def id_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def code_of(page: Path) -> str:
    return "\n".join(_CODE.findall(page.read_text("utf-8")))


def lines_with(page: str, start: str) -> list[str]:
    return [line for line in (DOCS / page).read_text("utf-8").split("\n") if line.startswith(start)]


# Names and files


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_name_of_the_code_exists(page: Path) -> None:
    unknown = [name for name in set(_DOTTED.findall(code_of(page))) if is_ours(name) and not exists(name)]
    assert not unknown


def is_ours(name: str) -> bool:
    """Does the name begin as one of our packages or modules does? File names and hosts do not count."""
    first, last = name.split(".")[0], name.rpartition(".")[2]
    return last not in _SUFFIXES and (first in ROOTS or any(package(root, first) for root in ROOTS))


def package(root: str, name: str) -> bool:
    return (ROOTS[root] / name).is_dir() or (ROOTS[root] / f"{name}.py").is_file()


def exists(name: str) -> bool:
    """`desk.jobs.start` as `answerback.desk.jobs.start`, `smtp.mx.resolve` as `mailroom.smtp.mx.resolve`."""
    spellings = [name] if name.split(".")[0] in ROOTS else [f"{root}.{name}" for root in ROOTS]
    return any(resolves(spelling) for spelling in spellings)


def resolves(name: str) -> bool:
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        if module := imported(".".join(parts[:size])):
            return has(module, parts[size:])
    return False


def imported(name: str) -> ModuleType | None:
    try:
        return import_module(name) if find_spec(name) else None
    except ModuleNotFoundError:
        return None


def has(thing: object, names: list[str]) -> bool:
    """Attributes, also those that a class only annotates."""
    for name in names:
        if name in getattr(thing, "__annotations__", {}):
            return True
        if not hasattr(thing, name):
            return False
        thing = getattr(thing, name)
    return True


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_file_of_the_repository_exists(page: Path) -> None:
    named = {path for path in _PATH.findall(code_of(page)) if path.split("/")[0] in TOPS and not path.startswith(_MADE)}
    assert not [path for path in named if not any((folder / path).exists() for folder in FOLDERS)]


TOPS = {entry.name for folder in FOLDERS for entry in folder.iterdir() if entry.is_dir()}


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_page_is_linked_from_the_readme_or_its_neighbours() -> None:
    linked = {(page.parent / link).resolve() for page in PAGES for link in _LINK.findall(page.read_text("utf-8"))}
    assert not [id_of(page) for page in PAGES if page.name != "README.md" and page.resolve() not in linked]


@pytest.mark.parametrize("folder", ["src", "tests"])
def test_every_document_that_the_code_names_exists(folder: str) -> None:
    named = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in (ROOT / folder).rglob("*.py")
        for name in _DOCUMENT.findall(path.read_text("utf-8"))
    }
    assert named
    assert not [(path, name) for path, name in named if not (ROOT / name).exists() and not (DOCS / name).exists()]


# Settings


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Every setting that settings.py asks for, with its default; read in a folder of its own."""
    found: dict[str, object] = {}

    class Listening(env.Env):
        def __init__(self) -> None:
            super().__init__({env.PREFIX + "DATA_DIR": str(tmp_path)}, tmp_path / "none.toml")

    def hears(name: str) -> None:
        answer = getattr(env.Env, name)

        def listen(self: env.Env, setting: str, *rest: object, **options: object) -> object:
            found.setdefault(setting, rest[0] if rest else options.get("default", DEFAULTS[name]))
            return answer(self, setting, *rest, **options)

        setattr(Listening, name, listen)

    for name in DEFAULTS:
        hears(name)
    monkeypatch.setattr(env, "Env", Listening)
    runpy.run_path(str(ROOT / "src/answerback/settings.py"))
    return found


DEFAULTS: dict[str, object] = {
    "text": "",
    "integer": 0,
    "flag": False,
    "choice": "",
    "seconds": 0,
    "seconds_list": (),
    "listen": "",
}
_SETTING = re.compile(r"^\| `ANSWERBACK_([A-Z_]+)` \| (.*?) \| (.+) \|$")


def test_every_setting_is_documented_with_its_default(asked: dict[str, object], tmp_path: Path) -> None:
    rows = [found.groups() for line in lines_with("settings.md", "| `ANSWERBACK_") if (found := _SETTING.match(line))]
    assert len(rows) == len(lines_with("settings.md", "| `ANSWERBACK_")), "a row is not `| name | default | meaning |`"
    documented = {name: "" if default == "empty" else default.strip("`") for name, default, _ in rows}
    assert set(asked) | {"CONFIG"} == set(documented)
    derived = {name for name, default in asked.items() if str(tmp_path) in str(default)}
    wrong = {name: default for name, default in asked.items() if name not in derived | IN_WORDS}
    wrong = {name: shown(value) for name, value in wrong.items() if documented[name] != shown(value)}
    assert not wrong


IN_WORDS = {"RETURN_PATH_DOMAIN"}  # the default is another setting


def shown(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return str(int(default)) if isinstance(default, bool) else str(default)


# Verbs


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_is_documented_with_its_options(verb: str) -> None:
    section = section_of(verb)
    command = import_module(f"answerback.cli.{verb.replace('-', '_')}").command
    for option in options_of(command):
        assert f"{option}" in section, option


def section_of(verb: str) -> str:
    text = (DOCS / "commands.md").read_text("utf-8")
    found = re.search(rf"^### `{re.escape(verb)}\b[^`]*`$(.*?)(?=^##|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"docs/commands.md has no section `{verb}`"
    return found[0]


def options_of(command: click.Command) -> Iterator[str]:
    yield from (param.opts[-1] for param in command.params if isinstance(param, click.Option))
    for name, sub in getattr(command, "commands", {}).items():
        yield name
        yield from options_of(sub)


# The API, the sandbox, the states


def test_every_address_of_the_api_is_documented_and_no_other() -> None:
    served = {
        (method.upper(), path) for path, methods in api.get_openapi_schema()["paths"].items() for method in methods
    }
    text = (DOCS / "api.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(GET|POST|PUT|DELETE) (/api/v2/[^`?]*)", text, re.MULTILINE))
    named = {(method, path.replace("{token}", "TOKEN")) for method, path in served}
    assert {(method, re.sub(r"\{\w+\}", "N", path)) for method, path in named} == documented


def test_every_fate_of_the_sandbox_is_documented_and_no_other() -> None:
    rows = {line.split("`")[1]: line for line in lines_with("sandbox.md", "| `") if "@`" in line}
    assert set(rows) == {f"{name}@" for name in FATES}
    for name, fate in FATES.items():
        assert fate.words in rows[f"{name}@"]
        said = " ".join((fate.reply or fate.report).split()[:2])
        assert said in rows[f"{name}@"]


def test_the_causes_are_documented_as_the_catalogue_has_them() -> None:
    assert (DOCS / "causes.md").read_text("utf-8") == reference.markdown()


def test_every_state_is_in_the_glossary_with_where_it_leads() -> None:
    for state in State:
        row = next(line for line in lines_with("glossary.md", f"| `{state}` |"))
        leads = {target for (origin, _), target in lifecycle.TRANSITIONS.items() if origin is state}
        assert set(re.findall(r"→ `(\w+)`", row)) == {str(target) for target in leads}


def test_the_first_ten_minutes_speak_the_words_of_the_page() -> None:
    """Only the words: whether the steps lead there is walked by people and by tests/journeys."""
    files = [file for root in ROOTS.values() for kind in ("html", "py", "toml") for file in root.rglob(f"*.{kind}")]
    said = "\n".join(file.read_text("utf-8") for file in files).casefold()
    guide = (DOCS / "first-ten-minutes.md").read_text("utf-8")
    words = {" ".join(found.split()).rstrip(" …") for found in re.findall(r"(?<![*\w])\*([^*]+)\*(?!\*)", guide)}
    assert {text for text in words - {"italics"} if text.casefold() not in said} == set()


def test_the_keys_are_in_the_guides_of_both_languages() -> None:
    page = (ROOTS["answerback"] / "templates/frame/_keys.html").read_text("utf-8")
    listed = re.findall(r"<kbd>([^<]+)</kbd>", re.sub(r'{% translate "(\w+)" %}', r"\1", page))
    for guide in ("agents.md", "agents.de.md"):
        text = (DOCS / guide).read_text("utf-8").replace("Strg", "Ctrl").replace("Eingabe", "Enter")
        assert {key for key in listed if f"`{key}`" not in text} == set()
