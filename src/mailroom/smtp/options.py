"""What can be set about our SMTP client."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait at each stage; defaults are the minimums of RFC 5321 §4.5.3.2 where it names one."""

    dns: float = 20
    connect: float = 30
    banner: float = 300
    ehlo: float = 300  # also STARTTLS and AUTH
    mail: float = 300
    rcpt: float = 300
    data: float = 120
    block: float = 180
    dot: float = 600
    quit: float = 2
    policy: float = 60  # to fetch an MTA-STS policy (RFC 8461 §3.3)


@dataclass(frozen=True, slots=True)
class Options:
    """`resolver` is a DNS server (`names.name_server`), "" the machine's own; sizes in octets, 0 for no limit."""

    timeouts: Timeouts = field(default_factory=Timeouts)
    helo_name: str = "localhost"
    resolver: str = ""
    max_message_size: int = 0
    policy_port: int = 443  # where the hosts of MTA-STS policies are asked
    hosts_max: int = 10  # addresses tried for one destination
    dead_sessions_max: int = 5  # sessions in a row that broke at MAIL or hung: then the rest waits
