"""Arrows point down: the import contracts of pyproject.toml hold."""

from __future__ import annotations

import os
import subprocess
import sys

from answerback.cli.checkout import ROOT
from answerback.cli.lint import LINT_IMPORTS


def test_import_contracts_hold() -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, *LINT_IMPORTS], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
