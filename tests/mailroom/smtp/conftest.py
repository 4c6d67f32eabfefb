"""Certificates, and a server that uses one."""

from __future__ import annotations

import ipaddress

import pytest
from certificates import Certificate, make_certificate
from cryptography import x509
from scripted_server import Script


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "127.0.0.2")]
    names = [x509.DNSName(name) for name in ("localhost", "mx1.kunde.example", "mx2.kunde.example")]
    return make_certificate(tmp_path_factory.mktemp("right"), *addresses, *names)


@pytest.fixture(scope="session")
def wrong_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("wrong"), x509.DNSName("elsewhere.example"))


@pytest.fixture(scope="session")
def server_tls(certificate: Certificate) -> Script:
    """The script of a server with STARTTLS that does everything right."""
    return Script(tls=certificate.context)
