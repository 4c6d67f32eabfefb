"""What every test may lean on: settings of its own, one database, a browser.

Policy: a test run sees none of the developer's own settings. `ANSWERBACK_TEST_DATABASE` (sqlite or postgresql) says
which database this run is about; `./answerback test` makes one run of each and brings the PostgreSQL server along.
What needs Chromium is marked `browser`. On PostgreSQL only database tests run: those that use the database, and
anything marked `both_databases`; the rest would only repeat itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import django
import pytest
from django.conf import settings as django_settings
from django.contrib.contenttypes.management import create_contenttypes
from django.db import connection
from django.db.models.signals import post_migrate
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from answerback.cli.chromium import CHROMIUM_FLAGS, find_chromium
from tests import template_database
from tests.browser_story import BrowserStory

DATABASE = os.environ.get("ANSWERBACK_TEST_DATABASE", "sqlite")
KEPT_SETTINGS = ("ANSWERBACK_TEST_", "ANSWERBACK_REQUIRE_ALL", "ANSWERBACK_CHROMIUM")
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server"}

OpenPage = Callable[..., Page]
STORY = pytest.StashKey[BrowserStory]()
WAIT = 20_000  # milliseconds; only a failing test waits that long
expect.set_options(timeout=WAIT)


def _isolate_settings() -> Path:
    """Replace every setting of the developer by the test run's own. Answers the run's temporary data folder."""
    for name in [name for name in os.environ if name.startswith("ANSWERBACK_") and not name.startswith(KEPT_SETTINGS)]:
        del os.environ[name]
    if DATABASE == "postgresql":
        os.environ["ANSWERBACK_DATABASE_URL"] = _postgresql_url()
    elif DATABASE != "sqlite":
        pytest.exit(f"ANSWERBACK_TEST_DATABASE={DATABASE!r}: use sqlite or postgresql.", returncode=4)
    data_dir = Path(tempfile.mkdtemp(prefix="answerback-test-"))
    os.environ.setdefault(template_database.FOLDER, str(data_dir / "template"))  # that of the first process is shared
    os.environ["ANSWERBACK_CONFIG"] = str(data_dir / "none.toml")
    os.environ["ANSWERBACK_DATA_DIR"] = str(data_dir)
    os.environ["ANSWERBACK_SECRET_KEY"] = "only-for-tests-" + "x" * 40
    os.environ["ANSWERBACK_UNDO_SECONDS"] = "0"  # what is sent is there at once; tests of undo say otherwise
    os.environ["ANSWERBACK_PROBE_EVERY"] = "0"  # only what a test sends is sent; tests of the way back say otherwise
    os.environ["DJANGO_SETTINGS_MODULE"] = "answerback.settings"
    return data_dir


def _postgresql_url() -> str:
    if url := os.environ.get("ANSWERBACK_TEST_DATABASE_URL"):
        return url
    pytest.exit("ANSWERBACK_TEST_DATABASE_URL is not set: `./answerback test` starts a server.", returncode=4)


DATA_DIR = _isolate_settings()
# pytest-django looked for settings before this file named them; tests import models while they are collected.
django.setup()

# A slow password hash is right in production and wrong in hundreds of worlds.
django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Django makes its permissions and content types, which we have no use for, anew whenever it empties the tables.
post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
post_migrate.disconnect(create_contenttypes)

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("ANSWERBACK_TEST_HYPOTHESIS", "ci"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """QUIRK: a worker that inherits this name reads the settings, and so our data folder, before its own conftest."""
    del os.environ["DJANGO_SETTINGS_MODULE"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, object, object]:
    """The message of a failure on a page begins with what its browser went through."""
    story = item.stash.get(STORY, None)
    if story and call.excinfo and call.excinfo.errisinstance(Exception):
        error = call.excinfo.value
        error.args = ("\n".join(("The browser went through:", *story.told(), "", str(error))),)
    return (yield)


def pytest_unconfigure() -> None:
    shutil.rmtree(DATA_DIR, ignore_errors=True)


def pytest_report_header() -> str:
    return f"answerback: tests on {DATABASE}, data in {DATA_DIR}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Folders that drive a browser come first: they are long, and at the end one would keep the other cores waiting."""
    long = {item.path.parent for item in items if item.get_closest_marker("browser")}
    items.sort(key=lambda item: item.path.parent not in long)
    if DATABASE == "sqlite":
        return
    kept = [item for item in items if _depends_on_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def _depends_on_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("both_databases"):
        return True
    if item.get_closest_marker("browser"):
        return False
    fixtures: set[str] = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(fixtures & DATABASE_FIXTURES)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """The worker's database begins as a copy."""
    test = connection.settings_dict["TEST"]
    if DATABASE == "sqlite":
        template_database.begin_with_tables(Path(test["NAME"]))
    else:
        test["TEMPLATE"] = template_database.name_of_template()


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """Else Django begins by removing the copy. The folder that it lies in goes in the end."""
    return DATABASE == "sqlite" or bool(request.config.getvalue("reuse_db"))


@pytest.fixture
def data_dir(tmp_path: Path, settings: object) -> Path:
    """An empty data folder of this one test, set as the product's."""
    path = tmp_path / "data"
    path.mkdir()
    settings.DATA_DIR = path  # type: ignore[attr-defined]  # pytest-django's wrapper takes any name
    return path


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The Chromium on this machine; without one the test is skipped, or fails where nothing may be skipped."""
    path = find_chromium()
    if path:
        return path
    reason = "no Chromium on this machine (Debian package: chromium)"
    if os.environ.get("ANSWERBACK_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """One Chromium for the tests of a module.

    QUIRK: Playwright's sync interface leaves an event loop running in this thread, so Django takes the test for async
    code and refuses the database, and `asyncio.run` fails. Hence no longer than a module, and the guard is off inside.
    """
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=chromium_path, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """`open_page(language="de", width=375, dark=True)` opens a page in a context (cookies) of its own.

    Waits are long, for a loaded machine. A script error or something that the
    content security policy blocked fails the test at its end.
    """
    faults: list[str] = []
    story = request.node.stash[STORY] = BrowserStory()
    with ExitStack() as contexts:

        def open_one(language: str = "en", width: int = 1280, height: int = 900, dark: bool = False) -> Page:
            context: BrowserContext = chromium.new_context(
                locale={"en": "en-GB", "de": "de-DE"}[language],
                timezone_id="Europe/Berlin",
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
            )
            contexts.callback(context.close)
            context.set_default_timeout(WAIT)
            page = context.new_page()
            story.follow(page)
            page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
            page.on("console", lambda line: faults.append(line.text) if _is_blocked_by_policy(line.text) else None)
            return page

        yield open_one
    assert not faults, "\n".join(faults)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """An English page, 1280 px wide, light."""
    return open_page()


def _is_blocked_by_policy(console_line: str) -> bool:
    return "content security policy" in console_line.lower()
