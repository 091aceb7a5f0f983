"""What every test may ask for: the operator, a browser."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from playwright.sync_api import expect

from tests import boot, browser, starting_over

# How long a busy machine may take. Only a failure ever waits that long.
PATIENCE_SECONDS = 60
expect.set_options(timeout=PATIENCE_SECONDS * 1000)

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is run by one process, and first: the long files, so that quick ones fill the gaps.

    A file stays together because its tests may share a portal; the longest is split by language.
    """
    slow = ("survival", "embedded", "sandbox")
    for item in items:
        parameters = (
            item.callspec.params
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            else {}
        )
        item.add_marker(pytest.mark.xdist_group(f"{item.path}{parameters.get('language', '')}"))
    items.sort(
        key=lambda item: (
            item.path.stem != "test_pages",
            item.path.parent.name != "journeys",
            item.path.parent.name not in slow,
        )
    )


@dataclass(frozen=True)
class Operator:
    """The sandbox operator's server."""

    base_url: str
    token: str


@pytest.fixture(scope="session", autouse=True)
def _static_files() -> None:
    """Templates name static files by their collected, hashed names."""
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The empty database, once per process; tests that commit start over from it."""
    with django_db_blocker.unblock():
        starting_over.prepare()


@pytest.fixture(autouse=True)
def _quick_settings(settings: Any) -> None:
    """What takes long in every test, and no test is about how long."""
    # Passwords are hashed slowly on purpose.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Each test's client is a server that starts: it would read through all static files.
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(scope="session")
def operator() -> Iterator[Operator]:
    """The sandbox operator, at the address the settings point to."""
    yield Operator(boot.start_operator(), settings.CARRIER_API_TOKEN)
    boot.CHILDREN.stop("operator")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """How pytest-playwright starts Chromium."""
    path = browser.find()
    if path is None:
        (pytest.fail if browser.is_required() else pytest.skip)(browser.REASON)
    return {"executable_path": path, "args": CHROMIUM_ARGUMENTS}


def wait_until(is_true: Any, *, seconds: float = PATIENCE_SECONDS, what: str = "it") -> Any:
    """Call until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := is_true()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.1)
    return answer
