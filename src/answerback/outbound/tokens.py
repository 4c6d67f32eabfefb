"""The signed marks of one delivery: its return path, its delivery token, its Reply-To."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from answerback.core import clock, keys
from mailroom import return_path
from mailroom.return_path import Reading


@dataclass(frozen=True, slots=True)
class Signer:
    """The key and the settings of the moment, read once for a batch of deliveries."""

    key_id: int
    secret: bytes
    return_path_domain: str
    names_readers: bool  # the Reply-To names the participant

    @classmethod
    def current(cls) -> Signer:
        return cls(*keys.current_key(), settings.RETURN_PATH_DOMAIN, settings.REPLY_ADDRESS != "none")

    def mail_from(self, delivery_id: int, today: date) -> str:
        local = return_path.sign_return_path(delivery_id, today, self.key_id, self.secret)
        return f"{local}@{self.return_path_domain}"

    def delivery_token(self, delivery_id: int) -> str:
        return return_path.sign_delivery_token(delivery_id, self.key_id, self.secret)

    def reply_to(self, support_address: str, participant_id: int | None) -> str:
        """`support+TOKEN@domain`; the bare support address where tokens are off; "" for mail nobody should answer."""
        if not support_address or participant_id is None or not self.names_readers:
            return support_address
        local, _, domain = support_address.rpartition("@")
        return f"{local}+{return_path.sign_reply_token(participant_id, self.key_id, self.secret)}@{domain}"

    def message_id(self, ticket_id: int | None, unique: str, domain: str) -> str:
        if ticket_id is None:
            return f"<{unique}@{domain}>"
        return return_path.sign_message_id(ticket_id, unique, self.key_id, self.secret, domain)


@dataclass(frozen=True, slots=True)
class Reader:
    """Every key that marks may have been made with."""

    keys: Mapping[int, bytes]

    @classmethod
    def current(cls) -> Reader:
        return cls(keys.all_keys())

    def return_path(self, address: str) -> Reading | None:
        """The reading of an address at our return-path domain; None for any other address."""
        local, _, domain = address.rpartition("@")
        if domain.lower() != settings.RETURN_PATH_DOMAIN.lower():
            return None
        return return_path.read_return_path(local, self.keys, clock.today())

    def delivery_token(self, text: str) -> Reading:
        return return_path.read_delivery_token(text, self.keys)

    def ticket_of_message_id(self, message_id: str) -> int | None:
        return return_path.read_message_id(message_id, self.keys)
