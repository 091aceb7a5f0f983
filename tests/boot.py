"""Starts PostgreSQL and Valkey before anything reads settings: `-p tests.boot` in pyproject.toml.

pytest-django loads the settings before any conftest.py, so this is a plugin and acts on import.
The servers are those of `manage.py up`, with their files in memory; they end with the test run
however it ends (portal/embedded/children.py).
"""

import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from portal.embedded import addresses, directories, postgres, secrets, valkey
from portal.embedded.children import Children

_PREFIX = "phonebill-tests-"


def clean_environment() -> dict[str, str]:
    """The environment as it was before this plugin, for programs that make their own."""
    return {name: value for name, value in os.environ.items() if name not in SET}


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def directory() -> Path:
    """A new directory in memory where there is one, removed at the end of the run."""
    return Path(tempfile.mkdtemp(dir=BASE))


def pytest_unconfigure() -> None:
    """Stop the servers and remove every file of the run."""
    CHILDREN.close()
    shutil.rmtree(SOCKETS, ignore_errors=True)
    shutil.rmtree(BASE, ignore_errors=True)


def pytest_report_header() -> str:
    """One line at the top of the run."""
    return f"PostgreSQL and Valkey: {SOCKETS}, files and logs: {BASE}"


def _base() -> Path:
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    for leftover in parent.glob(f"{_PREFIX}*"):
        if not Path("/proc", leftover.name.removeprefix(_PREFIX)).exists():
            shutil.rmtree(leftover, ignore_errors=True)
    path = parent / f"{_PREFIX}{os.getpid()}"
    path.mkdir(mode=0o711)
    return path


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


BASE = _base()
SOCKETS = directories.sockets_of(BASE)
CHILDREN = Children(BASE / "logs")
SET = _environment()
os.environ.update(SET)
_start()
