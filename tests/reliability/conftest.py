"""One installation for all tests of kills in this process: making its tables takes longer than some of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reliability.installation import Installation, make_installation


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = make_installation(tmp_path_factory.mktemp("killed"))
    yield installation
    assert "Traceback" not in installation.log.read_text()
