"""`answerback doctor`: is everything there that mail needs?"""

from __future__ import annotations

import json
import sys

import click

from answerback.core import mail_settings
from answerback.reports import readiness


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each check.")
def command(as_json: bool) -> None:
    """Check database, store, queue and relay; exit code 1 where something has to be mended."""
    mail_settings.take_over_at_start()
    found = readiness.look()
    for check in found:
        click.echo(json.dumps(vars(check)) if as_json else _line(check))
    sys.exit(0 if all(check.ready and not check.warns for check in found) else 1)


def _line(check: readiness.Check) -> str:
    mark = click.style("WARN", fg="yellow") if check.warns else click.style("ok  ", fg="green")
    mark = mark if check.ready else click.style("FAIL", fg="red")
    return f"{mark} {check.id:<16} {check.state}" + (f"\n     {check.hint}" if check.hint else "")
