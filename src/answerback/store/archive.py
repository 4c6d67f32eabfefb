"""The file of a backup: a tar of members, packed by gzip, whose last member is a manifest with a sum for each.

Policy: a file under its name is whole. It is written in a folder beside it, fsynced, and gets its name last, after the
caller has read it again; whatever breaks off in between leaves that folder at most, which the next backup empties. A
reader believes nothing: unknown members, missing ones, other sums and a missing manifest all make the file a bad one.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from answerback.store import blobs

MANIFEST = "manifest.json"
FORMAT = 1
_NAME = re.compile(r"manifest\.json|secret_key|database\.sqlite3|tables/[a-z0-9_]{1,63}\.copy|blobs/[0-9a-f]{32}")
_LEVEL = 3  # attachments are packed already, text gets small with any
_BLOCK = 2**20
_LONGEST_MANIFEST = 64 * 2**20
_DAMAGE = (EOFError, zlib.error, tarfile.TarError, gzip.BadGzipFile)
_DAMAGED = "it is damaged or cut off, or no backup of Answerback"

Manifest = dict[str, Any]


class BadBackupError(Exception):
    """The file cannot be used. The text says why, in words that follow "FILE: "."""


class Writer:
    """Takes members in any order; `folder` is for files on the way, and vanishes with the block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "archive"
        self._raw = os.fdopen(os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._packed = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._raw)
        self._tar = tarfile.open(fileobj=self._packed, mode="w")  # noqa: SIM115  # closed in `finish`
        self._members: dict[str, Mapping[str, object]] = {}

    def add(self, name: str, path: Path) -> str:
        """SHA-256 of what was added. OSError."""
        with path.open("rb") as file:
            return self._add(name, file, os.fstat(file.fileno()).st_size)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and make all of it durable. OSError."""
        content = json.dumps({"format": FORMAT, **manifest, "members": self._members}, indent=1).encode()
        self._add(MANIFEST, io.BytesIO(content), len(content))
        self._tar.close()
        self._packed.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()

    def abandon(self) -> None:
        """Close what is open, whatever the disk says."""
        with suppress(OSError, ValueError):
            self._packed.close()
        with suppress(OSError):
            self._raw.close()

    def _add(self, name: str, file: IO[bytes], size: int) -> str:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        summed = _Summed(file)
        self._tar.addfile(info, summed)  # type: ignore[arg-type]  # it is only read from
        self._members[name] = {"size": size, "sha256": summed.digest()}
        return summed.digest()


class Member:
    """One part of an archive, read from front to back."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self.name, self.size = name, 0
        self._file = _Summed(file)

    def read(self, size: int) -> bytes:
        """BadBackupError, OSError."""
        try:
            block = self._file.read(size)
        except _DAMAGE:
            raise BadBackupError(_DAMAGED) from None
        self.size += len(block)
        return block

    def blocks(self) -> Iterator[bytes]:
        """All of it. Raises as `read`."""
        while block := self.read(_BLOCK):
            yield block

    def drain(self) -> dict[str, object]:
        """Size and sum, once the rest is read."""
        for _ in self.blocks():
            pass
        return {"size": self.size, "sha256": self._file.digest()}


class Reader:
    """Goes through an archive once. After the last member everything has been checked, and `manifest` is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.manifest: Manifest = {}

    def members(self) -> Iterator[Member]:
        """All but the manifest. BadBackupError, OSError."""
        try:
            with gzip.open(self._path) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
                yield from self._checked(tar)
                while packed.read(_BLOCK):  # gzip's own sum stands at the very end
                    pass
        except _DAMAGE:
            raise BadBackupError(_DAMAGED) from None

    def _checked(self, tar: tarfile.TarFile) -> Iterator[Member]:
        found: dict[str, Mapping[str, object]] = {}
        for info in tar:
            file = tar.extractfile(info) if info.isreg() else None
            if file is None or not _NAME.fullmatch(info.name) or info.name in found or self.manifest:
                raise BadBackupError("it holds what no backup of Answerback holds")
            if info.name == MANIFEST:
                self.manifest = _manifest(file.read(_LONGEST_MANIFEST))
                continue
            member = Member(info.name, file)
            yield member
            found[info.name] = member.drain()
        if not self.manifest:
            raise BadBackupError("it is cut off: its end is missing")
        if self.manifest["members"] != found:
            written = self.manifest["members"]
            wrong = sorted(name for name in {*found, *written} if found.get(name) != written.get(name))
            raise BadBackupError(f"it is damaged: {wrong[0]} is not what was written")


@contextmanager
def writing(path: Path, replace: bool) -> Iterator[Writer]:
    """A new archive, which gets its name when the block ends well. FileExistsError without `replace`, OSError."""
    if path.exists() and not replace:
        raise FileExistsError(path)
    folder = path.with_name(f".{path.name}.unfinished")
    with _alone_in(folder):
        writer = Writer(folder)
        try:
            yield writer
            if path.exists() and not replace:
                raise FileExistsError(path)
            writer.file.replace(path)
            blobs.sync_folder(path.parent)
        finally:
            writer.abandon()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """An empty folder that only we work in. BlockingIOError while another process does."""
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in folder.iterdir():
            left.unlink()
        try:
            yield
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def _manifest(content: bytes) -> Manifest:
    try:
        manifest = json.loads(content)
        if not isinstance(manifest, dict) or not isinstance(manifest["format"], int):
            raise ValueError
        if manifest["format"] > FORMAT:
            raise BadBackupError("it was made by a newer version of Answerback: update this one first")
        if not isinstance(manifest["members"], dict):
            raise ValueError
    except (ValueError, KeyError):
        raise BadBackupError("its manifest cannot be read") from None
    return manifest


class _Summed:
    """Sums up what is read through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sum = hashlib.sha256()

    def read(self, size: int) -> bytes:
        block = self._file.read(size)
        self._sum.update(block)
        return block

    def digest(self) -> str:
        return self._sum.hexdigest()
