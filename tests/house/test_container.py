"""The container's files name what is there: files that are copied, settings, the Python of the lock files."""

from __future__ import annotations

import json
import re

import yaml

from answerback.cli.checkout import ROOT

CONTAINERFILE = (ROOT / "deploy/Containerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))
SETTINGS = set(re.findall(r"^\| `(ANSWERBACK_\w+)`", (ROOT / "docs/settings.md").read_text("utf-8"), re.MULTILINE))


def test_what_is_copied_from_the_checkout_exists() -> None:
    copied = [line.split()[1:-1] for line in CONTAINERFILE.split("\n") if line.startswith("COPY ")]
    names = [name for names in copied for name in names if not names[0].startswith("--from")]
    assert {"answerback", "requirements", "src"} <= set(names)
    assert not [name for name in names if not (ROOT / name).exists()]


def test_every_setting_exists() -> None:
    given = re.findall(r"(ANSWERBACK_\w+)=", CONTAINERFILE) + list(COMPOSE["services"]["answerback"]["environment"])
    assert given
    assert not set(given) - SETTINGS


def test_the_python_is_the_one_that_the_locks_are_for() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    [least] = re.findall(r'requires-python = ">=([\d.]+)"', project)
    assert set(re.findall(r"^FROM python:([\d.]+)-slim", CONTAINERFILE, re.MULTILINE)) == {least}


def test_the_ports_are_those_that_are_listened_on() -> None:
    listening = set(re.findall(r"_LISTEN=0\.0\.0\.0:(\d+)", CONTAINERFILE))
    assert set(re.findall(r"^EXPOSE (.+)$", CONTAINERFILE, re.MULTILINE)[0].split()) == listening
    assert {port.rpartition(":")[2] for port in COMPOSE["services"]["answerback"]["ports"]} == listening


def test_the_health_check_is_a_command_of_the_image() -> None:
    [words] = re.findall(r"^\s+CMD (\[.+\])$", CONTAINERFILE, re.MULTILINE)
    program, option, code = json.loads(words)
    assert (program, option) == ("/usr/local/bin/python3", "-c"), "where the official image has it"
    compile(code, "health check", "exec")
