"""How much one client, and all together, may ask of the doorway. Pure arithmetic; the clock is passed in.

Clients in a trusted network (our own MTA, the loopback) are counted among all, not limited for themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

_MINUTE = 60.0


@dataclass
class Gate:
    sessions: int  # all together
    sessions_per_peer: int
    messages_per_minute: int  # of one peer
    memory: int  # bytes of messages that are being received, all together
    trusted: Sequence[IPv4Network | IPv6Network] = ()
    _open: Counter[str] = field(default_factory=Counter)
    _messages: Counter[str] = field(default_factory=Counter)
    _minute: int = 0
    _held: int = 0

    def enter(self, peer: str) -> bool:
        """A session begins. False: refuse it, and do not `leave`."""
        if self._open.total() >= self.sessions:
            return False
        if self._open[peer] >= self.sessions_per_peer and not self._is_trusted(peer):
            return False
        self._open[peer] += 1
        return True

    def leave(self, peer: str) -> None:
        self._open[peer] -= 1
        if not self._open[peer]:
            del self._open[peer]

    def may_send(self, peer: str, now: float) -> bool:
        """May the peer send one more message? Asking counts it. `now`: any clock in seconds that only goes forward."""
        if self._is_trusted(peer):
            return True
        if (minute := int(now // _MINUTE)) != self._minute:
            self._minute = minute
            self._messages.clear()
        self._messages[peer] += 1
        return self._messages[peer] <= self.messages_per_minute

    def hold(self, size: int) -> bool:
        """`size` bytes more are kept in memory. False: there is no room, and nothing was taken."""
        if self._held + size > self.memory:
            return False
        self._held += size
        return True

    def release(self, size: int) -> None:
        self._held -= size

    def _is_trusted(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address.version == network.version and address in network for network in self.trusted)


def read_networks(text: str) -> list[IPv4Network | IPv6Network]:
    """`127.0.0.0/8, ::1` as networks. ValueError for what is none."""
    return [ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip()]
