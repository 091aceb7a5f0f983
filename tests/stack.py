"""The whole portal as a person gets it, by `manage.py up`, with short times."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from portal.embedded.addresses import ROOT
from portal.embedded.directories import sockets_path
from tests import places

SHORT_TIMES = {
    "REFUND_DELAY_SECONDS": "1",
    "RESOLVE_FIRST_SECONDS": "2",
    "RESOLVE_MAX_SECONDS": "2",
    "SWEEP_SECONDS": "1",
    "CODE_RESEND_SECONDS": "2",
    "COOLING_OFF_SECONDS": "4",
    "SANDBOX_TIMEOUT_SECONDS": "1",
    # Until a test says that it is over: what is looked at must not be in a hurry.
    "SANDBOX_OUTAGE_SECONDS": "3600",
    # Workers are held while something is looked at.
    "WORKER_SILENT_SECONDS": "3600",
}
READY_SECONDS = 120
_OPEN_TRANSACTIONS = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND backend_type = 'client backend' AND state <> 'idle'
"""
# By what their command lines are told apart.
PROGRAMS = {
    "web": "portal.wsgi",
    "operator": "sandbox.wsgi",
    "worker": "portal.celery worker",
    "beat": "portal.celery beat",
    "valkey": "valkey",
    "postgres": "/postgres -D",
}


@dataclass
class Stack:
    """A running portal; start() again after a kill continues on the same data and addresses."""

    data_dir: Path = field(default_factory=places.directory)
    port: int = field(default_factory=places.free_port)
    sandbox_port: int = field(default_factory=places.free_port)
    process: subprocess.Popen[bytes] | None = None
    environment_more: dict[str, str] = field(default_factory=dict)
    # Prepares its own data, as a newcomer's does.
    is_first: bool = False

    @property
    def supervisor_pid(self) -> int:
        assert self.process is not None, "not started"
        return self.process.pid

    @property
    def output(self) -> str:
        """What the supervisor has printed since the first start."""
        return (self.data_dir / "up.log").read_text()

    @property
    def portal(self) -> str:
        return self._addresses["portal"]

    @property
    def sandbox(self) -> str:
        """Public base of the sandbox pages: `{sandbox}/phones/`."""
        return self._addresses["sandbox"]

    @property
    def operator_api(self) -> str:
        return self._addresses["operator_api"]

    @property
    def operator_token(self) -> str:
        return self._addresses["operator_token"]

    @property
    def environment(self) -> dict[str, str]:
        """What the processes run with: DATABASE_URL, SANDBOX_DATABASE_URL, REDIS_URL, keys …"""
        return dict(json.loads((self.data_dir / "env.json").read_text()))

    def start(self) -> None:
        """Start and wait for `ready`."""
        is_new = not any(self.data_dir.iterdir())
        if is_new and not self.is_first and not self.environment_more:
            subprocess.run(["cp", "-a", f"{_prepared()}/.", self.data_dir], check=True)
        seen = self._size()
        self.process = self.launch()
        deadline = time.monotonic() + READY_SECONDS
        while "\nready\n" not in self.output[seen:]:
            assert self.process.poll() is None, self.output[seen:]
            assert time.monotonic() < deadline, self.output[seen:]
            time.sleep(0.1)

    def launch(self, command: str = "up") -> subprocess.Popen[bytes]:
        """Start a management command without waiting; its output goes to a log of its own."""
        environment = {
            **places.clean_environment(),
            **SHORT_TIMES,
            **self.environment_more,
            "DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "PHONEBILL_DIE_WITH_PARENT": "1",
            # Programs that name themselves would write over the environment they are told by.
            "SPT_NOENV": "1",
        }
        with (self.data_dir / f"{command}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "manage.py", command],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> int:
        """Stop in order; returns the exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        """`kill -9` of the supervisor alone; its processes must follow by themselves."""
        assert self.process is not None, "not started"
        self.process.kill()
        self.process.wait()

    def kill_program(self, name: str) -> None:
        """`kill -9` of one program and its own children: web, worker, beat, operator, valkey …"""
        os.killpg(self.pid_of(name), signal.SIGKILL)

    @contextlib.contextmanager
    def pause(self, name: str) -> Iterator[None]:
        """Stop a program until the block ends: what it would move on stands still meanwhile."""
        self._stop_between_transactions(group := self.group(name))
        try:
            yield
        finally:
            _signal(group, signal.SIGCONT)

    def group(self, name: str) -> list[int]:
        """A program's first process and all its children."""
        group = self.pid_of(name)
        return [pid for pid in self.processes() if os.getpgid(pid) == group]

    def pid_of(self, name: str) -> int:
        """The pid of one of PROGRAMS; for web and worker their first process."""
        for pid in self.processes():
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                if int(status[1]) == self.supervisor_pid and PROGRAMS[name] in words:
                    return pid
        raise LookupError(f"{name} does not run")

    def processes(self) -> list[int]:
        """Every living process of this portal, orphans included.

        Told by the environment, or by the command line of servers that overwrite theirs.
        """
        variable = f"DATA_DIR={self.data_dir}".encode()
        places = (str(self.data_dir).encode(), str(sockets_path(self.data_dir)).encode())
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if not entry.name.isdigit():
                    continue
                words = (entry / "cmdline").read_bytes()
                is_ours = variable in (entry / "environ").read_bytes().split(b"\0")
                if is_ours or any(place in words for place in places):
                    found.append(int(entry.name))
        return found

    def manage(self, *arguments: str) -> str:
        """Run a management command against it; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**places.clean_environment(), **SHORT_TIMES, "DATA_DIR": str(self.data_dir)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def _stop_between_transactions(self, pids: list[int]) -> None:
        # One that is stopped inside a transaction keeps its locks from everybody else.
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            for _ in range(500):
                _signal(pids, signal.SIGSTOP)
                time.sleep(0.05)
                if connection.execute(_OPEN_TRANSACTIONS).fetchone() == (0,):
                    return
                _signal(pids, signal.SIGCONT)
                time.sleep(0.05)
        raise TimeoutError("there was always a transaction open")

    @property
    def _addresses(self) -> dict[str, str]:
        return dict(json.loads((self.data_dir / "addresses.json").read_text()))

    def _size(self) -> int:
        log = self.data_dir / "up.log"
        return len(log.read_text()) if log.exists() else 0


@contextlib.contextmanager
def running() -> Iterator[Stack]:
    """A portal of somebody's own, until the block ends."""
    own = Stack()
    own.start()
    try:
        yield own
    finally:
        own.stop()


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _prepared() -> Path:
    """A portal's data as a first start leaves them; made once a run, by whoever comes first.

    Tables, static files and demo shops take as long as many a test does.
    """
    ready = places.shared() / "prepared"
    with (places.shared() / "prepared.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            stack = Stack(data_dir=places.directory(), is_first=True)
            stack.start()
            stack.stop()
            (stack.data_dir / "up.log").unlink()
            stack.data_dir.rename(ready)
    return ready
