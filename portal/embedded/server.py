"""A web server whose processes may die: `python -m portal.embedded.server TARGET HOST PORT P T`.

granian as its command line starts it, but for two things. The application is loaded before the
processes are made, so that one in place of a dead one takes milliseconds instead of a second. And
the death of one process twice within 5.5 seconds does not end the others: granian takes that for an
application that cannot start, and such a one does not come as far here.
"""

import importlib
import multiprocessing
import sys
from typing import Any

from granian.constants import Interfaces
from granian.server import MPServer


class Server(MPServer):
    """Replaces its dead as often as they die."""

    def _respawn_workers(self, *arguments: Any, **named: Any) -> None:
        super()._respawn_workers(*arguments, **named)
        self.respawned_wrks.clear()


def main() -> None:
    """Serve a WSGI application until somebody stops it."""
    target, host, port, processes, threads = sys.argv[1:]
    if sys.platform == "linux":
        multiprocessing.set_start_method("fork")
        importlib.import_module(target.partition(":")[0])
    Server(
        target,
        address=host,
        port=int(port),
        interface=Interfaces.WSGI,
        workers=int(processes),
        blocking_threads=int(threads),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=3,
    ).serve()


if __name__ == "__main__":
    main()
