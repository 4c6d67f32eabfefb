"""A real Postfix on the loopback, if this machine has one: a configuration and a spool of its own, the system's unused.

It has to be started by root. Mail to the domains it is told of goes to servers on the loopback, or into a pipe.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.journeys.conftest import free_port

NEEDED = "no Postfix on this machine (Debian package: postfix)"
NOT_ROOT = "Postfix can only be started by root"
_SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
syslog_name = postfix
myhostname = relay.test
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_host_lookup = native
smtp_tls_security_level = none
transport_maps = inline:{{ {transports} }}
smtpd_relay_restrictions = permit_mynetworks, reject
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
answerback_destination_recipient_limit = 1
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
answerback unix - n n - 2 pipe
  flags=R user={user} argv={pipe} receive-pipe --envelope-from=${{sender}} --envelope-to=${{original_recipient}}
"""


@dataclass
class Postfix:
    folder: Path
    port: int

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def run(self, *command: str) -> None:
        program = shutil.which(command[0], path=_SBIN)
        assert program
        done = subprocess.run([program, "-c", self.folder / "etc", *command[1:]], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + self.log()

    def queue(self) -> int:
        """How many mails wait or are under way."""
        waiting = ("incoming", "active", "deferred", "maildrop")
        return sum(path.is_file() for name in waiting for path in (self.folder / "spool" / name).rglob("*"))


@contextmanager
def running_postfix(transports: Mapping[str, str], pipe: Path | None = None) -> Iterator[Postfix]:
    """`transports`: domain -> "smtp:[127.0.0.1]:PORT" or "answerback:", which runs the program `pipe` as `nobody`.

    Skips where the machine has none, or we may not start it.
    """
    if not shutil.which("postfix", path=_SBIN):
        pytest.skip(NEEDED)
    if os.geteuid() != 0:
        pytest.skip(NOT_ROOT)
    folder = Path(tempfile.mkdtemp(prefix="postfix-"))
    folder.chmod(0o755)
    for name in ("etc", "spool", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", pwd.getpwnam("postfix").pw_uid)
    table = ", ".join(f"{{ {domain} = {transport} }}" for domain, transport in transports.items())
    server = Postfix(folder, free_port())
    (folder / "etc" / "main.cf").write_text(_MAIN.format(folder=folder, transports=table))
    (folder / "etc" / "master.cf").write_text(
        _MASTER.format(port=server.port, user="nobody", pipe=pipe or "/bin/false")
    )
    server.run("postfix", "start")
    try:
        _wait_until_it_listens(server)
        yield server
    finally:
        server.run("postfix", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_it_listens(server: Postfix) -> None:
    end = time.monotonic() + 60
    while "daemon started" not in server.log():
        assert time.monotonic() < end, server.log()
        time.sleep(0.05)
