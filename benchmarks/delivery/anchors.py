"""What we are measured against and with: Postfix's load generator, its sink, and its server tuned for speed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.delivery.spent import Spent, processor_seconds

PATIENCE = 300.0  # seconds
SESSIONS = 50  # out, at most: a tuned Postfix's, and ours where we are compared with it
ADDRESSES = ("-f", "a@example.test")
TUNED = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = benchmark.example.test
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =
alias_maps =
local_recipient_maps =
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtp_tls_security_level = none
disable_dns_lookups = yes
in_flow_delay = 0
maillog_file_prefixes = {folder}
maillog_file = {folder}/mail.log
default_destination_concurrency_limit = {sessions}
initial_destination_concurrency = 20
smtp_connection_cache_destinations = [127.0.0.1]:{sink}
smtp_connection_cache_on_demand = no
address_verify_map =
header_checks =
receive_override_options = no_header_body_checks, no_unknown_recipient_checks, no_address_mappings
smtputf8_enable = no
"""
_SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def postfix_version() -> str:
    found = subprocess.run(["postconf", "-d", "-h", "mail_version"], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def smtp_source(port: int, count: int, size: int, *, connections: int = 10, recipient: str = "b@example.test") -> Spent:
    """Postfix's load generator, connections reused."""
    amounts = ["-s", str(connections), "-m", str(count), "-l", str(size)]
    command = ["smtp-source", "-d", *amounts, *ADDRESSES, "-t", recipient, f"127.0.0.1:{port}"]
    began, before = time.perf_counter(), os.times()
    subprocess.run(command, check=True, timeout=PATIENCE)
    after = os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return Spent(count, time.perf_counter() - began, processor)


@contextmanager
def sink() -> Iterator[int]:
    """The port of a server that takes everything and keeps nothing."""
    port = free_port()
    with subprocess.Popen(["smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "500"]) as process:
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()


@dataclass(frozen=True)
class Postfix:
    port: int
    folder: Path

    def carry(self, count: int, size: int) -> Spent:
        """From the first session in to the last word about a mail in the log."""
        master = int((self.folder / "queue" / "pid" / "master.pid").read_text())
        with (self.folder / "mail.log").open() as log:
            log.seek(0, 2)
            began, before = time.perf_counter(), processor_seconds([master])
            smtp_source(self.port, count, size, connections=20)
            sent = 0
            while sent < count:
                if time.perf_counter() - began > PATIENCE:
                    raise TimeoutError(f"Postfix sent {sent} of {count}")
                sent += log.read().count("status=sent")
                time.sleep(0.01)
            return Spent(count, time.perf_counter() - began, processor_seconds([master]) - before)


@contextmanager
def postfix(folder: Path, sink: int) -> Iterator[Postfix]:
    """A server of its own, with the settings `TUNED`, whose relay is the sink."""
    port = free_port()
    for part in ("conf", "queue", "data"):
        (folder / part).mkdir(parents=True)
    for parent in (folder, *folder.parents[:1]):
        parent.chmod(0o755)
    shutil.chown(folder / "data", "postfix")
    (folder / "conf" / "main.cf").write_text(TUNED.format(folder=folder, sink=sink, sessions=SESSIONS))
    (folder / "conf" / "master.cf").write_text(_SERVICES.format(port=port))
    command = ["postfix", "-c", str(folder / "conf")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*command, "start"], check=True, **quiet)  # type: ignore[call-overload]
    try:
        wait_for(port)
        server = Postfix(port, folder)
        server.carry(100, 1000)
        yield server
    finally:
        subprocess.run([*command, "stop"], check=False, **quiet)  # type: ignore[call-overload]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens at port {port}")
