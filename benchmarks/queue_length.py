"""Memory and pace of the delivering worker by how much waits: `python -m benchmarks.queue_length [--seconds N]`.

For 1, 1,000, 100,000 and 1,000,000 waiting mails of 4 KB, on SQLite: a worker of its own delivers to `smtp-sink` for
some seconds; printed are the mails that it carried a second, the processor time of each, and the most memory that it
had (VmHWM). Goal: at most 150 MB, and the same at every length. Then the whole product (`serve`) that has nothing to
do, ten seconds after its start. Goal: at most 200 MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from benchmarks.delivery import anchors
from benchmarks.delivery.ours import Desk
from benchmarks.delivery.spent import memory as memory_of

LENGTHS = (1, 1_000, 100_000, 1_000_000)
SETTLED = 10.0  # seconds after the start of the product


@click.command()
@click.option("--seconds", default=15.0, show_default=True, help="How long the worker delivers.")
@click.option("--length", "lengths", type=int, multiple=True, default=LENGTHS, show_default=True)
def main(seconds: float, lengths: Sequence[int]) -> None:
    click.echo(f"load {os.getloadavg()[0]:.1f}\n")
    click.echo("| waiting | mails/s | CPU per mail | most memory |\n|---|---|---|---|")
    with ExitStack() as running:
        folder = Path(running.enter_context(TemporaryDirectory(prefix="answerback-benchmark-", dir="/var/tmp")))
        sink = running.enter_context(anchors.sink())
        for length in lengths:
            desk = Desk(folder / str(length), "")
            desk.prepare(sink)
            desk.fill(length)
            spent, memory = desk.deliver_for(seconds)
            click.echo(f"| {length:,} | {spent.rate:,.0f} | {spent.per_mail:,.0f} µs | {memory / 2**20:.0f} MB |")
        click.echo(f"\nthe whole product, idle: {_idle(folder / 'idle') / 2**20:.0f} MB")


def _idle(folder: Path) -> int:
    """Octets of memory of the whole product that has nothing to do."""
    settings = {
        "ANSWERBACK_DATA_DIR": str(folder),
        "ANSWERBACK_HTTP_LISTEN": f"127.0.0.1:{anchors.free_port()}",
        "ANSWERBACK_SMTP_LISTEN": f"127.0.0.1:{anchors.free_port()}",
    }
    command = [str(Path(sys.executable).with_name("answerback"))]
    environment = os.environ | settings
    folder.mkdir()
    subprocess.run([*command, "migrate"], env=environment, check=True, capture_output=True)
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([*command, "serve"], env=environment, stdout=log, stderr=log) as product,
    ):
        anchors.wait_for(int(settings["ANSWERBACK_HTTP_LISTEN"].rpartition(":")[2]))
        time.sleep(SETTLED)
        memory = memory_of(product.pid, "VmRSS")
        product.terminate()
    return memory


if __name__ == "__main__":
    main()
