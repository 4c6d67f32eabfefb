#!/usr/bin/env python3
"""Throw octets at everything that reads mail, led by coverage: atheris, which is not among our packages.

    .venv/bin/pip install atheris
    .venv/bin/python tests/fuzz/readers.py -max_total_time=600

Begins with our samples, keeps what it finds under var/fuzz. Any exception ends it, and so does a mail that takes longer
than its size allows. Options are those of libFuzzer.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mailroom"]):
    from mailroom.bounces.read import read
    from mailroom.causes.classify import classify
    from mailroom.message import parse
    from mailroom.quoting import split_html, split_text
    from mailroom.sorting import sort

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "corpus"
FOUND = ROOT / "var" / "fuzz"
SECONDS_AT_MOST = 2.0  # for up to `OCTETS_AT_MOST`, and with atheris counting each branch
OCTETS_AT_MOST = 16_384


def read_everything(raw: bytes) -> None:
    began = time.process_time()
    mail = parse(raw)
    reading = read(mail)
    sort(mail, "", reading)
    for report in reading.reports:
        classify(report)
    split_text(mail.text)
    split_html(mail.html)
    took = time.process_time() - began
    if took > SECONDS_AT_MOST:
        raise RuntimeError(f"{len(raw)} octets took {took:.1f} s")


def main() -> None:
    FOUND.mkdir(parents=True, exist_ok=True)
    folders = [str(FOUND), *(str(folder) for folder in SAMPLES.rglob("*") if folder.is_dir())]
    atheris.Setup([sys.argv[0], f"-max_len={OCTETS_AT_MOST}", *sys.argv[1:], *folders], read_everything)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
