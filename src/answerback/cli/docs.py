"""`answerback docs`: the documents as a small static site, which asks nothing of the Internet.

Policy: a link that leads nowhere, a heading that is not there, a page that no list names: each ends the build.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from answerback.cli.checkout import require_checkout, say

SITE = Path("var/site")
SPHINX = ("-m", "sphinx", "--builder", "html", "--nitpicky", "--fail-on-warning", "--keep-going", "--quiet")


@click.command()
@click.option("--to", default=SITE, type=click.Path(path_type=Path), help="The folder of the site.", show_default=True)
def command(to: Path) -> None:
    """Build the site of the documents. For developers, in a checkout."""
    root = require_checkout()
    if not build(root / "docs", root / to):
        sys.exit(1)
    say(f"the site begins at {root / to}/index.html")


def build(pages: Path, site: Path) -> bool:
    """False where something is amiss; Sphinx has said on stderr what."""
    known = site.with_name(f"{site.name}.doctrees")  # what Sphinx has read, for the next time
    tool = [sys.executable, *SPHINX, "--doctree-dir", str(known), str(pages), str(site)]
    return subprocess.run(tool, check=False).returncode == 0
