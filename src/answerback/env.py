"""Settings from the environment, from `…_FILE` secrets and from `answerback.toml`, in that order.

Every name in docs/settings.md is `ANSWERBACK_<NAME>`; in the TOML file it is `<name>` in lower case. A value that
cannot be read stops the start with one line that says which setting, what is wrong and what would be right.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PREFIX = "ANSWERBACK_"
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


class BadSettingError(Exception):
    """A setting that cannot be used. The text is one line for the admin."""


class Env:
    """Typed reading of settings. `environ` wins over `…_FILE`, that wins over the TOML file, that over the default."""

    def __init__(self, environ: Mapping[str, str] | None = None, toml_path: Path | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        path = toml_path or Path(self._environ.get(PREFIX + "CONFIG", "answerback.toml"))
        self._toml = _read_toml(path)

    def is_set(self, name: str) -> bool:
        """Whether anybody says something, if only that it is empty."""
        return self._raw(name) is not None

    def text(self, name: str, default: str = "") -> str:
        value = self._raw(name)
        return default if value is None else str(value)

    def integer(self, name: str, default: int, minimum: int = 0) -> int:
        value = self._raw(name)
        if value is None:
            return default
        try:
            number = int(str(value).strip())
        except ValueError:
            raise BadSettingError(f"{PREFIX}{name}={value!r} is not a whole number. Example: {default}") from None
        if number < minimum:
            raise BadSettingError(f"{PREFIX}{name}={number} is too small: the least is {minimum}.")
        return number

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._raw(name)
        if value is None:
            return default
        word = str(value).strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise BadSettingError(f"{PREFIX}{name}={value!r} is neither yes nor no. Use 1 or 0.")

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise BadSettingError(f"{PREFIX}{name}={value!r} is unknown. Use one of: {', '.join(allowed)}.")
        return value

    def seconds(self, name: str, default: int) -> int:
        return self.integer(name, default, minimum=1)

    def seconds_list(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """A comma list of positive seconds, at least one."""
        value = self._raw(name)
        if value is None:
            return default
        try:
            numbers = tuple(int(part) for part in str(value).strip("[]").split(",") if part.strip())
        except ValueError:
            numbers = ()
        if not numbers or min(numbers) < 1:
            raise BadSettingError(f"{PREFIX}{name}={value!r} is not a list of seconds. Example: 300,900,3600")
        return numbers

    def listen(self, name: str, default: str) -> tuple[str, int]:
        """`host:port` to listen on."""
        value = self.text(name, default)
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
            raise BadSettingError(f"{PREFIX}{name}={value!r} is not host:port. Example: {default or '127.0.0.1:8025'}")
        return host.strip("[]"), int(port)

    def _raw(self, name: str) -> Any | None:
        if (value := self._environ.get(PREFIX + name)) is not None:
            return value
        if (path := self._environ.get(f"{PREFIX}{name}_FILE")) is not None:
            return _read_secret(name, Path(path))
        value = self._toml.get(name.lower())
        return ",".join(map(str, value)) if isinstance(value, list) else value


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettingError(f"{path} cannot be read as TOML: {error}") from None


def _read_secret(name: str, path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettingError(f"{PREFIX}{name}_FILE={str(path)!r} cannot be read: {error}") from None
