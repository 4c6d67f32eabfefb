"""`answerback locks`: choose versions anew and write the lock files. Also: what a lock file must not hold.

Policy: a lock names packages, versions and hashes of the files for all platforms, never a host: where packages come
from is the machine's own setting. Without `--upgrade` versions stay as they are where they still fit.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click

from answerback.cli.checkout import require_checkout, say

REQUIREMENTS = Path("requirements")
PYTHON_LOCKS = ("runtime", "dev", "uv", "node", "build")
NPM_LOCK = Path("package-lock.json")
COMPILE = (
    *("uv", "pip", "compile", "--quiet", "--universal", "--fork-strategy", "fewest", "--python-version", "3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"),
)
NPM = ("npm", "install", "--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved", "--no-audit")
ADDRESS = re.compile(r"\w+://|\bfile:|--(?:extra-)?index-url|--find-links|\"resolved\"")


@click.command()
@click.option("--upgrade", is_flag=True, help="Take the newest versions that requirements/*.in allow.")
def command(upgrade: bool) -> None:
    """Write the lock files from requirements/*.in and package.json. For developers, in a checkout."""
    root = require_checkout()
    for name in PYTHON_LOCKS:
        _compile(root, name, upgrade)
    subprocess.run(NPM, cwd=root, check=True)
    _drop_funding(root / NPM_LOCK)
    say("lock files written: run `./answerback lint` and `./answerback test`")


def addresses(root: Path) -> list[str]:
    """Every line of a lock file that names a place to fetch from, as `file:line: text`."""
    paths = [*sorted((root / REQUIREMENTS).glob("*.txt")), root / NPM_LOCK]
    return [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8").split("\n"), start=1)
        if ADDRESS.search(line)
    ]


def _compile(root: Path, name: str, upgrade: bool) -> None:
    """Write requirements/NAME.txt. The developers' lock keeps to the product's versions."""
    command = [sys.executable, "-m", *COMPILE, str(REQUIREMENTS / f"{name}.in")]
    command += ["--output-file", str(REQUIREMENTS / f"{name}.txt")]
    command += ["--constraints", str(REQUIREMENTS / "runtime.txt")] if name == "dev" else []
    command += ["--upgrade"] if upgrade else []
    subprocess.run(command, cwd=root, env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"}, check=True)


def _drop_funding(path: Path) -> None:
    """Remove the sponsors' addresses, which npm notes beside versions and never reads again."""
    lock = json.loads(path.read_text("utf-8"))
    for package in lock["packages"].values():
        package.pop("funding", None)
    path.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n", "utf-8")
