"""Where the sockets live, who owns what, and the two locks on a data directory."""

import fcntl
import hashlib
import os
import pwd
import stat
import time
from pathlib import Path

from portal.embedded.children import Failed

# A stopped portal's children may need a moment to go (watchdog.py).
LEFTOVER_SECONDS = 12.0


def is_root() -> bool:
    """True when running as root: PostgreSQL then runs as `nobody`."""
    return os.geteuid() == 0


def server_user() -> tuple[int, int]:
    """The user and group PostgreSQL runs as."""
    if is_root():
        nobody = pwd.getpwnam("nobody")
        return nobody.pw_uid, nobody.pw_gid
    return os.geteuid(), os.getegid()


def sockets_path(data_dir: Path) -> Path:
    """Where the sockets of a data directory live: short, as their path may hold 107 bytes."""
    digest = hashlib.sha256(f"{os.geteuid()} {data_dir}".encode()).hexdigest()[:12]
    # Not tempfile.gettempdir(): TMPDIR may be long, and a restart must find the same place.
    return Path(f"/tmp/pb-{digest}")  # noqa: S108 (private, and its owner is checked)


def sockets_of(data_dir: Path) -> Path:
    """The private directory for sockets, made when it is missing."""
    path = sockets_path(data_dir)
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), server_user()[0]}:
        raise Failed(f"{path} belongs to somebody else; remove it or move DATA_DIR.")
    os.chown(path, *server_user())
    path.chmod(0o700)
    return path


def lock_supervisor(data_dir: Path) -> int:
    """Hold the data directory for one supervisor; returns the descriptor. Raises Failed."""
    descriptor = _open(data_dir / "supervisor.lock")
    if not _taken(descriptor):
        raise Failed(f"Phonebill already runs on {data_dir}; stop it or set another DATA_DIR.")
    return descriptor


def lock_children(data_dir: Path) -> int:
    """Wait until the last supervisor's children are gone; the descriptor is for the watchdog."""
    descriptor = _open(data_dir / "children.lock")
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while not _taken(descriptor):
        if time.monotonic() > deadline:
            raise Failed(f"Processes of an earlier start still use {data_dir}; try again.")
        time.sleep(0.1)
    return descriptor


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
