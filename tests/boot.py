"""Starts PostgreSQL and Valkey before anything reads settings: `-p tests.boot` in pyproject.toml.

pytest-django loads the settings before any conftest.py, so this is a plugin and acts on import.
The servers are those of `manage.py up`, with their files in memory; they end with the test run
however it ends (portal/embedded/children.py).
"""

import os
import shutil
import sys
import urllib.error
import urllib.request

import pytest

from portal.embedded import addresses, directories, postgres, programs, secrets, valkey
from portal.embedded.children import Children, Program
from tests import places
from tests.places import BASE, free_port


def pytest_unconfigure() -> None:
    """Stop the servers and remove every file of the run."""
    CHILDREN.close()
    shutil.rmtree(SOCKETS, ignore_errors=True)
    places.remove()


def pytest_report_header() -> str:
    """One line at the top of the run."""
    return f"PostgreSQL and Valkey: {SOCKETS}, files and logs: {BASE}"


def start_operator() -> str:
    """Start the sandbox operator at the address the settings point to; returns that address."""
    url = os.environ["CARRIER_API_URL"]
    module = [sys.executable, "-m", "payments.carriers.sandbox", "migrate"]
    CHILDREN.run_all([Program("migrate-operator", module)])
    target = "payments.carriers.sandbox.wsgi:application"
    port = int(url.rpartition(":")[2])
    child = CHILDREN.start(
        Program("operator", programs.web_server(target, "127.0.0.1", port, 1, 16))
    )

    def is_up() -> bool:
        assert child.is_running(), CHILDREN.last_words(child)
        return _answers(f"{url}/healthz")

    CHILDREN.wait(is_up, 30, "the operator's start")
    return url


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _environment() -> dict[str, str]:
    portal, operator = free_port(), free_port()
    operator_url = f"http://127.0.0.1:{operator}"
    return {
        **secrets.of(BASE),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SANDBOX": "1",
        "DATA_DIR": str(BASE),
        "PUBLIC_URL": f"http://127.0.0.1:{portal}",
        # Where `live_server` listens, so that the operator's events reach it.
        "DJANGO_LIVE_TEST_SERVER_ADDRESS": f"127.0.0.1:{portal}",
        "ALLOWED_HOSTS": "127.0.0.1,localhost,portal.sandbox.invalid,testserver",
        "DATABASE_URL": postgres.url(SOCKETS, "phonebill"),
        "REDIS_URL": valkey.url(SOCKETS),
        "CARRIER_API_URL": operator_url,
        "SANDBOX_URL": f"{operator_url}/sandbox",
        "CARRIER_SINK_URL": f"{addresses.SINK_ORIGIN}/carrier/events/",
        "SANDBOX_DATABASE_URL": postgres.url(SOCKETS, "operator"),
        "SANDBOX_PUBLIC_URL": operator_url,
        "SANDBOX_SINK_ROUTES": f"{addresses.SINK_ORIGIN}=http://127.0.0.1:{portal}",
        "SANDBOX_INBOX": str(BASE / "inbox"),
        "SANDBOX_TIMEOUT_SECONDS": "1",
        "SANDBOX_OUTAGE_SECONDS": "8",
        # Playwright's synchronous API keeps an event loop in this thread, where the ORM must work.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
    }


def _start() -> None:
    names = ["phonebill", "operator"]
    try:
        postgres.start(
            CHILDREN, directory=BASE / "postgres", sockets=SOCKETS, databases=names, lasting=False
        )
        valkey.start(CHILDREN, directory=BASE / "valkey", sockets=SOCKETS, lasting=False)
    except Exception as error:
        pytest_unconfigure()
        raise pytest.UsageError(str(error)) from error


SOCKETS = directories.sockets_of(BASE)
CHILDREN = Children(BASE / "logs")
os.environ.update(_environment())
_start()
