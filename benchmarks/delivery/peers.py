"""Other libraries, in an environment of their own that is thrown away."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.delivery.anchors import PATIENCE, free_port, wait_for
from benchmarks.delivery.spent import Spent, processor_seconds

PACKAGES = ("aiosmtplib==5.1.3", "aiosmtpd==1.4.6", "django-post-office==3.12.0", "Django==5.2.19", "uvloop==0.23.0")
_SCRIPTS = Path(__file__).parent / "peers_scripts"


@dataclass(frozen=True)
class Environment:
    folder: Path

    def run(self, script: str, port: int, count: int, size: int) -> Spent:
        """What the script says."""
        command = [self._python, str(_SCRIPTS / script), str(port), str(count), str(size)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode:
            raise RuntimeError(f"{script}: {done.stderr[-2000:]}")
        return Spent(*json.loads(done.stdout.splitlines()[-1]))

    def serve(self, script: str, feed: Callable[[int], Spent]) -> Spent:
        """What the script took for what `feed` sent to the port at which it listens."""
        port = free_port()
        with subprocess.Popen([self._python, str(_SCRIPTS / script), str(port)], cwd=self.folder) as server:
            try:
                wait_for(port)
                before = processor_seconds([server.pid])
                fed = feed(port)
                return fed._replace(processor=processor_seconds([server.pid]) - before)
            finally:
                server.terminate()

    @property
    def _python(self) -> str:
        return str(self.folder / "bin" / "python")


def environment(folder: Path) -> Environment:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *PACKAGES], check=True)
    return Environment(folder)
