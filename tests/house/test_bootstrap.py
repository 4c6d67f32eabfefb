"""The parts of ./answerback that decide. That it makes a checkout ready is shown by every fresh clone."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from answerback.cli.checkout import ROOT

SCRIPT = ROOT / "answerback"


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with a checkout of its own in a temporary folder."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = SourceFileLoader("bootstrap_under_test", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    (tmp_path / ".venv").mkdir()
    return module


def step(bootstrap: ModuleType, source: Path, result: Path, failing: bool = False) -> object:
    def make() -> None:
        if failing:
            raise bootstrap.NotReadyError("no")
        result.write_text("made")

    return bootstrap.Step("thing", "making the thing", [source], result, make)


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 7))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names
    assert os.access(SCRIPT, os.X_OK)


def test_a_step_is_done_until_its_sources_change(bootstrap: ModuleType, tmp_path: Path) -> None:
    source, result = tmp_path / "lock", tmp_path / "result"
    source.write_text("1")
    thing = step(bootstrap, source, result)
    assert not thing.is_done()
    thing.run()
    assert thing.is_done()
    source.write_text("2")
    assert not thing.is_done()


def test_a_step_whose_result_was_removed_is_not_done(bootstrap: ModuleType, tmp_path: Path) -> None:
    source, result = tmp_path / "lock", tmp_path / "result"
    source.write_text("1")
    thing = step(bootstrap, source, result)
    thing.run()
    result.unlink()
    assert not thing.is_done()


def test_an_interrupted_step_leaves_no_stamp(bootstrap: ModuleType, tmp_path: Path) -> None:
    source, result = tmp_path / "lock", tmp_path / "result"
    source.write_text("1")
    step(bootstrap, source, result).run()
    with pytest.raises(bootstrap.NotReadyError):
        step(bootstrap, source, result, failing=True).run()
    assert not step(bootstrap, source, result).is_done()


@pytest.mark.parametrize(
    ("verb", "expected"),
    [
        ("demo", ["venv", "runtime", "node"]),
        ("test", ["venv", "runtime", "dev", "node"]),
        ("lint", ["venv", "runtime", "dev", "node"]),
    ],
)
def test_tools_come_with_the_developers_verbs(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verb: str, expected: list[str]
) -> None:
    monkeypatch.setattr(bootstrap, "LOCALE", tmp_path / "locale")
    assert [part.name for part in bootstrap.steps_for([verb])] == expected


def test_tools_are_kept_up_to_date_once_there(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bootstrap, "LOCALE", tmp_path / "locale")
    (tmp_path / ".venv" / ".stamp-dev").write_text("older")
    assert "dev" in [part.name for part in bootstrap.steps_for(["demo"])]
    assert "dev" in [part.name for part in bootstrap.steps_for([])]


@pytest.mark.parametrize(
    ("version", "major"), [("v20.20.2", 20), ("v18.19.0\n", 18), ("24.1.0", 24), ("", 0), ("not found", 0)]
)
def test_node_major(bootstrap: ModuleType, version: str, major: int) -> None:
    assert bootstrap.node_major(version) == major


def test_an_empty_home_gets_caches_in_the_checkout(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "")
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere/else")
    environ = bootstrap.installer_environment()
    assert environ["HOME"].startswith(str(bootstrap.VENV))
    assert environ["UV_PYTHON_DOWNLOADS"] == "never"
    assert "VIRTUAL_ENV" not in environ


@pytest.mark.parametrize(("verb", "kept"), [("test", True), ("lint", True), ("serve", False)])
def test_what_is_compiled_is_kept_for_developers_but_not_beside_its_source(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, verb: str, kept: bool
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    environ = bootstrap.command_environment([verb])
    assert ("PYTHONDONTWRITEBYTECODE" not in environ) is kept
    assert ("PYTHONPYCACHEPREFIX" in environ) is kept
    assert environ.get("PYTHONPYCACHEPREFIX", str(bootstrap.VENV)).startswith(str(bootstrap.VENV))


def test_an_old_python_gets_one_line(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    with pytest.raises(bootstrap.NotReadyError, match=r"^Python 3\.11 or newer is needed, this is 3\.9\..*$"):
        bootstrap.check_platform()


def test_a_failing_command_ends_in_one_line(bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(bootstrap.NotReadyError, match="the packages could not be had"):
        bootstrap.call([sys.executable, "-c", "print('why'); raise SystemExit(3)"], "the packages could not be had")
    assert capsys.readouterr().err == "  why\n"


def test_two_starts_do_not_collide(bootstrap: ModuleType, tmp_path: Path) -> None:
    child = (
        "import fcntl, os, sys\n"
        "handle = os.open(sys.argv[1], os.O_RDONLY)\n"
        "try: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except BlockingIOError: sys.exit(7)\n"
    )
    attempt = [sys.executable, "-c", child, str(tmp_path)]
    with bootstrap.locked(tmp_path):
        assert subprocess.run(attempt, check=False).returncode == 7
    assert subprocess.run(attempt, check=False).returncode == 0


@pytest.mark.parametrize(("verb", "code"), [("serve", 1), ("receive-pipe", os.EX_TEMPFAIL)])
def test_an_update_that_failed_returns_no_mail(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, verb: str, code: int
) -> None:
    def not_ready(steps: object) -> None:
        raise bootstrap.NotReadyError("no packages")

    monkeypatch.setattr(bootstrap, "make_ready", not_ready)
    assert bootstrap.main([verb]) == code
