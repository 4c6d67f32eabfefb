"""A backup's file is whole under its name, or is not there; a damaged one is noticed wherever it is damaged."""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from answerback.store import archive
from answerback.store.archive import BadBackupError

BLOB = "blobs/" + "ab" * 16
CONTENT = os.urandom(40_000)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    path = tmp_path / "desk.tar.gz"
    write(path)
    return path


def write(path: Path, replace: bool = False) -> None:
    source = path.with_name("source")
    source.write_bytes(CONTENT)
    try:
        with archive.writing(path, replace) as writer:
            writer.add(BLOB, source)
            writer.finish({"version": "0.1.0"})
    finally:
        source.unlink()


def read(path: Path) -> dict[str, bytes]:
    return {member.name: member.read(10**6) for member in archive.Reader(path).members()}


def test_what_was_written_is_read(backup: Path) -> None:
    reader = archive.Reader(backup)
    assert [(member.name, member.read(10**6)) for member in reader.members()] == [(BLOB, CONTENT)]
    assert reader.manifest["version"] == "0.1.0"
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in backup.parent.iterdir()] == [backup.name]


@pytest.mark.parametrize("part", [0, 0.02, 0.5, 0.9, 0.999])
def test_a_backup_that_was_cut_off(backup: Path, part: float) -> None:
    content = backup.read_bytes()
    backup.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(BadBackupError):
        read(backup)


@pytest.mark.parametrize("part", [0, 0.01, 0.3, 0.7, 0.99])
def test_a_flipped_byte(backup: Path, part: float) -> None:
    content = bytearray(backup.read_bytes())
    content[int(len(content) * part)] ^= 0x20
    backup.write_bytes(content)
    with pytest.raises(BadBackupError):
        read(backup)


@pytest.mark.parametrize(
    "members, words",
    [
        ([(BLOB, b"x")], "cut off"),
        ([("../../etc/passwd", b"x")], "no backup of Answerback holds"),
        ([(BLOB, b"x"), ("manifest.json", b"{")], "manifest"),
        ([(BLOB, b"x"), ("manifest.json", json.dumps({"format": 1, "members": {}}).encode())], f"{BLOB} is not"),
        ([("manifest.json", json.dumps({"format": 2, "members": {}}).encode())], "newer version"),
    ],
)
def test_what_is_no_backup_of_ours(tmp_path: Path, members: list[tuple[str, bytes]], words: str) -> None:
    path = tmp_path / "made.tar.gz"
    with gzip.open(path, "wb") as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    with pytest.raises(BadBackupError, match=words):
        read(path)


def test_an_existing_one_is_replaced_only_when_asked(backup: Path) -> None:
    before = backup.read_bytes()
    with pytest.raises(FileExistsError):
        write(backup)
    assert backup.read_bytes() == before
    write(backup, replace=True)
    assert read(backup) == {BLOB: CONTENT}


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond what the content needs: its archive does not fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(CONTENT), hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too large"):
        write(tmp_path / "desk.tar.gz")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_off_one_leaves_nothing_and_keeps_the_old_one(backup: Path) -> None:
    with pytest.raises(KeyboardInterrupt), archive.writing(backup, True):
        raise KeyboardInterrupt
    assert read(backup) == {BLOB: CONTENT}
    assert [path.name for path in backup.parent.iterdir()] == [backup.name]


def test_what_a_killed_one_left_is_no_hindrance_and_a_running_one_is(backup: Path) -> None:
    left = backup.with_name(f".{backup.name}.unfinished")
    left.mkdir()
    (left / "archive").write_bytes(b"half")
    with archive.writing(backup, True) as writer:
        with pytest.raises(BlockingIOError), archive.writing(backup, True):
            pass
        writer.finish({"version": "0.2.0"})
    assert read(backup) == {}
