"""Lock files name versions and hashes, never a host, and say the same as what people wrote."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from answerback.cli import locks
from answerback.cli.checkout import ROOT

REQUIREMENTS = ROOT / "requirements"


def direct_packages(path: Path) -> list[str]:
    lines = (line.strip() for line in path.read_text("utf-8").split("\n"))
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def plain_name(requirement: str) -> str:
    return re.split(r"[\[<>=! ;]", requirement)[0]


def pins(name: str) -> dict[str, str]:
    return dict(
        re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", (REQUIREMENTS / f"{name}.txt").read_text("utf-8"), re.MULTILINE)
    )


def test_no_lock_names_an_address() -> None:
    assert locks.addresses(ROOT) == []


@pytest.mark.parametrize("line", ["--index-url https://x.test/simple", "foo @ file:///opt/foo.whl", '"resolved": "x"'])
def test_an_address_would_be_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "bad.txt").write_text(f"a==1\n{line}\n")
    (tmp_path / "package-lock.json").write_text("{}")
    assert locks.addresses(tmp_path) == [f"requirements/bad.txt:2: {line}"]


@pytest.mark.parametrize("name", locks.PYTHON_LOCKS)
def test_every_wanted_package_is_locked_with_hashes(name: str) -> None:
    locked = pins(name)
    wanted = {plain_name(line) for line in direct_packages(REQUIREMENTS / f"{name}.in")}
    assert wanted
    assert wanted <= locked.keys()
    entries = re.split(r"\n(?=[a-z])", (REQUIREMENTS / f"{name}.txt").read_text("utf-8").strip())
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_tools_are_tested_with_the_products_versions() -> None:
    runtime, dev = pins("runtime"), pins("dev")
    assert {name: dev.get(name) for name in runtime} == runtime


def test_the_wheel_asks_for_what_the_checkout_installs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["dependencies"] == direct_packages(REQUIREMENTS / "runtime.in")


def test_pysqlite3_only_where_it_has_a_wheel() -> None:
    assert "pysqlite3 ; sys_platform == 'linux' and platform_machine == 'x86_64'" in direct_packages(
        REQUIREMENTS / "runtime.in"
    )


def test_front_end_packages_are_pinned_exactly_and_locked() -> None:
    wanted = json.loads((ROOT / "package.json").read_text("utf-8"))
    packages = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        assert packages[f"node_modules/{name}"]["version"] == version
    assert wanted["dependencies"]["htmx.org"].startswith("2.")
