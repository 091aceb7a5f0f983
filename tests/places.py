"""Where a run of tests keeps its files and listens, and the environment its programs start in.

Nothing is started here: tests/boot.py does that for pytest; `make chaos` needs these alone.
"""

import os
import shutil
import socket
import tempfile
from pathlib import Path

_PREFIX = "phonebill-tests-"
# What leads to servers and secrets of somebody else; a portal under test makes its own.
_NOT_OURS = frozenset(
    [
        "SECRET_KEY",
        "FIELD_KEYS",
        "BLIND_INDEX_KEY",
        "SANDBOX_SECRET_KEY",
        "DJANGO_SETTINGS_MODULE",
        "SANDBOX",
        "DATA_DIR",
        "HOST",
        "PORT",
        "SANDBOX_PORT",
        "PUBLIC_URL",
        "ALLOWED_HOSTS",
        "DATABASE_URL",
        "REDIS_URL",
        "CARRIER_API_URL",
        "CARRIER_API_TOKEN",
        "CARRIER_SINK_URL",
        "SANDBOX_URL",
        "SANDBOX_DATABASE_URL",
        "SANDBOX_PUBLIC_URL",
        "SANDBOX_SINK_ROUTES",
        "SANDBOX_INBOX",
        "SANDBOX_TIMEOUT_SECONDS",
        "SANDBOX_OUTAGE_SECONDS",
        "DJANGO_LIVE_TEST_SERVER_ADDRESS",
        "DJANGO_ALLOW_ASYNC_UNSAFE",
    ]
)


def clean_environment() -> dict[str, str]:
    """The environment without anything that leads to servers: for programs that make their own."""
    return {name: value for name, value in os.environ.items() if name not in _NOT_OURS}


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def directory() -> Path:
    """A new directory in memory where there is one, removed at the end of the run."""
    return Path(tempfile.mkdtemp(dir=BASE))


def shared() -> Path:
    """Where the processes of one run find each other: with the one that started them, if any."""
    starters = BASE.parent / f"{_PREFIX}{os.getppid()}"
    return starters if starters.exists() else BASE


def remove() -> None:
    """Remove every file of the run."""
    shutil.rmtree(BASE, ignore_errors=True)


def _base() -> Path:
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    for leftover in parent.glob(f"{_PREFIX}*"):
        if not Path("/proc", leftover.name.removeprefix(_PREFIX)).exists():
            shutil.rmtree(leftover, ignore_errors=True)
    path = parent / f"{_PREFIX}{os.getpid()}"
    path.mkdir(mode=0o711)
    return path


BASE = _base()
