"""A real IMAP server on the loopback: Dovecot, if this machine has it, with folders of its own and no root needed."""

from __future__ import annotations

import getpass
import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from imapclient import IMAPClient

NEEDED = "no Dovecot on this machine (Debian package: dovecot-imapd)"
PASSWORD = "geheim"  # of a server that lives for a test

_CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {login_user}
mail_location = maildir:{folder}/mail/%n
first_valid_uid = 0
mail_uid = {uid}
mail_gid = {gid}
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%n
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass
class Dovecot:
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def client(self, user: str = "support") -> IMAPClient:
        client = IMAPClient("127.0.0.1", self.port, ssl=False, timeout=10)
        client.login(user, PASSWORD)
        return client

    def append(self, content: bytes, folder: str = "INBOX", flags: tuple[str, ...] = ()) -> None:
        """A mail arrives."""
        with self.client() as client:
            client.append(folder, content, flags)

    def start(self) -> None:
        program = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        assert program
        self.process = subprocess.Popen([program, "-F", "-c", str(self.folder / "dovecot.conf")])
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, self.log()
            time.sleep(0.05)
        pytest.fail(self.log())

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(20)

    def log(self) -> str:
        path = self.folder / "dovecot.log"
        return path.read_text() if path.exists() else "Dovecot said nothing"


@contextmanager
def running_dovecot() -> Iterator[Dovecot]:
    """Skips where the machine has none."""
    if not shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"):
        pytest.skip(NEEDED)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    # Dovecot does neither logins nor mail as root: then they are others', in a folder that those can reach
    user = getpass.getuser()
    login_user, owner = ("dovenull", pwd.getpwnam("nobody")) if user == "root" else (user, pwd.getpwnam(user))
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    folder.chmod(0o755)
    for name in ("run", "state", "mail", "home"):
        (folder / name).mkdir()
        shutil.chown(folder / name, owner.pw_uid, owner.pw_gid)
    config = _CONFIG.format(
        folder=folder,
        port=port,
        user=user,
        login_user=login_user,
        group=grp.getgrgid(os.getgid()).gr_name,
        uid=owner.pw_uid,
        gid=owner.pw_gid,
        password=PASSWORD,
    )
    (folder / "dovecot.conf").write_text(config)
    server = Dovecot(folder, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
