"""A blob's row never exists without its file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from answerback.store import blobs
from answerback.store.models import Blob

pytestmark = pytest.mark.django_db


def test_content_comes_back_as_it_was_saved(data_dir: Path) -> None:
    blob = blobs.save(b"\x00\xff picture \r\n")
    assert blobs.read(blob) == b"\x00\xff picture \r\n"
    assert (blob.size, len(blob.sha256)) == (13, 64)


def test_same_content_twice_gets_two_names(data_dir: Path) -> None:
    assert blobs.save(b"x").name != blobs.save(b"x").name


def test_file_lies_in_the_data_folder_under_a_random_name(data_dir: Path) -> None:
    path = blobs.path(blobs.save(b"x"))
    assert path.is_relative_to(data_dir)
    assert len(path.name) == 32
    assert not list(data_dir.rglob("*.part"))


def test_a_lost_file_is_told_by_name(data_dir: Path) -> None:
    blob = blobs.save(b"x")
    blobs.path(blob).unlink()
    with pytest.raises(blobs.MissingBlobError, match=blob.name):
        blobs.read(blob)


def test_a_refusing_disk_leaves_neither_row_nor_file(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    blobs.save(b"first, so that the folder exists")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        blobs.save(b"second")
    assert Blob.objects.count() == 1
    assert len([path for path in data_dir.rglob("*") if path.is_file()]) == 1


def test_file_is_synced_before_it_gets_its_name(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def watched_fsync(descriptor: int) -> None:
        steps.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        fsync(descriptor)

    def watched_rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "rename", watched_rename)
    blobs.save(b"x")
    assert steps[-3:] == ["file", "rename", "folder"]
