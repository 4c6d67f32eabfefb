"""The example of deploy/nginx.conf in front of a running web process, with TLS: pages, events, uploads, addresses."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.journeys.conftest import eventually, free_port

from answerback.core import clock

NAME = "help.example.com"
EXAMPLE = Path(__file__).parents[2] / "deploy" / "nginx.conf"
PRODUCT = (sys.executable, "-c", "from answerback.cli import main; main()")
_SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


class Site:
    """The product as the world sees it: by its name, through nginx."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.folder = port, folder
        self.cookies: dict[str, str] = {}
        self.context = ssl.create_default_context(cafile=str(folder / "cert.pem"))

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        connection = self.connect()
        connection.request(method, path, body, self.headers() | (headers or {}))
        answer = connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
                assert "secure" in value.lower()
        return answer.status, answer.read().decode()

    def connect(self) -> HTTPSConnection:
        connection = HTTPSConnection(NAME, context=self.context, timeout=20)
        link = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sock = self.context.wrap_socket(link, server_hostname=NAME)
        return connection

    def headers(self) -> dict[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Host": NAME, "Cookie": cookie, "Referer": f"https://{NAME}/sign-in"}

    def sign_in(self, email: str, password: str) -> None:
        _, page = self.request("GET", "/sign-in")
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[:1]
        form = urlencode({"csrfmiddlewaretoken": token, "username": email, "password": password}).encode()
        status, _ = self.request("POST", "/sign-in", form, {"Content-Type": "application/x-www-form-urlencoded"})
        assert status == 302


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    nginx = shutil.which("nginx", path=_SBIN)
    if nginx is None:
        pytest.skip("no nginx on this machine (Debian package: nginx-light)")
    folder = tmp_path_factory.mktemp("proxy")
    _make_certificate(folder)
    web, front = free_port(), free_port()
    (folder / "nginx.conf").write_text(_config(folder, web, front))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSWERBACK_", "DJANGO_"))}
    environment = kept | {
        "ANSWERBACK_BASE_URL": f"https://{NAME}",
        "ANSWERBACK_TRUSTED_PROXIES": "127.0.0.1",
        "ANSWERBACK_DATA_DIR": str(folder / "data"),
    }
    log = (folder / "log").open("wb")
    ports = ["--http", f"127.0.0.1:{web}", "--smtp", f"127.0.0.1:{free_port()}"]
    desk = subprocess.Popen(
        [*PRODUCT, "demo", "--empty", "--data", str(folder / "data"), *ports], env=environment, stdout=log, stderr=log
    )
    proxy = subprocess.Popen([nginx, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-g", "daemon off;"])
    try:
        eventually(lambda: b"Answerback is ready" in (folder / "log").read_bytes(), within=240)
        yield Site(front, folder)
    finally:
        for process in (proxy, desk):
            process.terminate()
            process.wait(20)


def _config(folder: Path, web: int, front: int) -> str:
    """The example with names and ports of this test, in what a machine's nginx.conf would have around it."""
    server = (
        EXAMPLE.read_text()
        .replace("listen 443 ssl", f"listen 127.0.0.1:{front} ssl")
        .replace("127.0.0.1:8025", f"127.0.0.1:{web}")
        .replace(f"/etc/ssl/private/{NAME}.key", str(folder / "key.pem"))
        .replace(f"/etc/ssl/{NAME}.pem", str(folder / "cert.pem"))
    )
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root; " if os.geteuid() == 0 else ""  # else its workers may not write into the test's folder
    return (
        f"{user}pid {folder}/pid; error_log {folder}/errors; events {{}} http {{ access_log off; {places}\n{server}\n}}"
    )


def _make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now.replace(year=now.year - 1, day=1))
        .not_valid_after(now.replace(year=now.year + 1, day=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(private)


@pytest.fixture(scope="module")
def signed_in(site: Site) -> Site:
    agent = json.loads((site.folder / "data" / "credentials.json").read_text())["agent"]
    site.sign_in(agent["email"], agent["password"])
    return site


def test_people_sign_in_and_links_have_our_name(signed_in: Site) -> None:
    status, page = signed_in.request("GET", "/profile")
    assert status == 200
    assert "127.0.0.1" not in page


def test_events_come_through_at_once(signed_in: Site) -> None:
    connection = signed_in.connect()
    connection.request("GET", "/events", headers=signed_in.headers())
    answer = connection.getresponse()
    assert answer.status == 200
    assert any(line == b"event: hello\n" for line in iter(answer.readline, b""))  # a proxy that buffers keeps it back
    connection.close()


def test_a_large_file_is_taken_and_an_endless_one_refused(signed_in: Site) -> None:
    token = signed_in.cookies["csrftoken"]

    def upload(size: int) -> int:
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        body = head + b"x" * size + b"\r\n--b--\r\n"
        kind = {"Content-Type": "multipart/form-data; boundary=b", "X-CSRFToken": token}
        return signed_in.request("POST", "/uploads", body, kind)[0]

    assert upload(20 * 2**20) == 201
    assert upload(61 * 2**20) == 413


def test_measurements_stay_inside(site: Site) -> None:
    assert site.request("GET", "/metrics")[0] == 404
    assert site.request("GET", "/healthz")[0] == 200
