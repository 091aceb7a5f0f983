"""Child processes that never outlive their supervisor.

Three lines of defence: an ordered stop; the parent-death signal of Linux for each child; and a
watchdog in its own session that ends every process group when the supervisor's end of a pipe
closes, which also reaches the children's children (web workers, pool processes).
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
WATCHDOG = Path(__file__).with_name("watchdog.py")
TICK_SECONDS = 0.05
LOG_MAX_BYTES = 20_000_000
TAIL_LINES = 15


class Failed(Exception):
    """Something did not start or did not end well; the text is for the person at the terminal."""


class Stop(BaseException):
    """A person asked the supervisor to stop while it was waiting for something."""


@dataclass(frozen=True)
class Program:
    """One program to keep running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 4.0


@dataclass
class Child:
    """A running program."""

    program: Program
    process: subprocess.Popen[bytes]
    started: float
    log: Path
    log_begins: int

    def output(self) -> str:
        """What it has written since this start."""
        with self.log.open("rb") as file:
            file.seek(self.log_begins)
            return file.read().decode(errors="replace")

    def is_running(self) -> bool:
        """True until the process itself has ended; its own children may remain."""
        return self.process.poll() is None


def die_with_parent(sig: signal.Signals = signal.SIGTERM) -> None:
    """Ask Linux to send this process `sig` when its parent dies; elsewhere nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(sig), 0, 0, 0)


def signal_group(group: int, sig: signal.Signals) -> None:
    """Send a signal to every process of a group that still exists."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, sig)


class Children:
    """Starts, watches and stops the programs of one supervisor. Use from the main thread only."""

    def __init__(self, logs: Path, *, keep_open: tuple[int, ...] = ()) -> None:
        """`keep_open`: descriptors the watchdog holds until the last child is gone."""
        self.logs = logs
        self.running: dict[str, Child] = {}
        self.stop_asked: Callable[[], bool] = lambda: False
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(WATCHDOG)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            pass_fds=keep_open,
        )

    def start(self, program: Program) -> Child:
        """Start a program in a session of its own; its output goes to logs/<name>.log."""
        path = self.logs / f"{program.name}.log"
        if path.exists() and path.stat().st_size > LOG_MAX_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as log:
            begins = log.tell()
            process = self._spawn(program, log)
        child = Child(program, process, time.monotonic(), path, begins)
        self.running[program.name] = child
        return child

    def restart(self, child: Child) -> Child:
        """Start an ended program again, after ending what it left behind."""
        self._forget(child)
        return self.start(child.program)

    def run_all(self, programs: Sequence[Program]) -> None:
        """Run programs that end by themselves, side by side. Raises Failed with the log's tail."""
        children = [self.start(program) for program in programs]
        self.wait(lambda: not any(child.is_running() for child in children), 120, "the set-up")
        for child in children:
            self._forget(child)
            if child.process.returncode != 0:
                raise Failed(self.last_words(child))

    def wait(self, is_done: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until `is_done`. Raises Failed after `seconds`, Stop when a person wants to stop."""
        deadline = time.monotonic() + seconds
        while not is_done():
            if self.stop_asked():
                raise Stop
            if time.monotonic() > deadline:
                raise Failed(f"{what} did not finish within {seconds:.0f} s (logs: {self.logs})")
            time.sleep(TICK_SECONDS)

    def ended(self) -> list[Child]:
        """Children that ended without being asked to."""
        return [child for child in self.running.values() if not child.is_running()]

    def stop(self, *names: str) -> None:
        """Stop these programs side by side, each with its signal, then by force; unknown: skip."""
        children = [self.running[name] for name in names if name in self.running]
        for child in children:
            if child.is_running():
                with contextlib.suppress(ProcessLookupError):
                    child.process.send_signal(child.program.stop_signal)
        now = time.monotonic()
        for child in children:
            patience = max(0.0, now + child.program.stop_seconds - time.monotonic())
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(patience)
            self._forget(child)

    def close(self) -> None:
        """End what still runs, then the watchdog."""
        self.stop(*self.running)
        if self._watchdog.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._watchdog.wait(10)

    def last_words(self, child: Child) -> str:
        """How a program ended, with the last lines it wrote."""
        code = child.process.returncode
        how = f"with status {code}" if code >= 0 else f"by signal {-code}"
        lines = child.output().splitlines()[-TAIL_LINES:]
        tail = "".join(f"\n    {line}" for line in lines)
        return f"{child.program.name} ended {how} ({child.log}){tail}"

    def _spawn(self, program: Program, log: IO[bytes]) -> subprocess.Popen[bytes]:
        parent = os.getpid()

        def tie() -> None:
            die_with_parent(program.stop_signal)
            if os.getppid() != parent:
                os._exit(1)

        process = subprocess.Popen(
            program.command,
            env={**os.environ, **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=tie,  # noqa: PLW1509 (spawned from the main thread only)
        )
        self._tell_watchdog(f"+{process.pid}")
        return process

    def _forget(self, child: Child) -> None:
        signal_group(child.process.pid, signal.SIGKILL)
        child.process.wait()
        self._tell_watchdog(f"-{child.process.pid}")
        if self.running.get(child.program.name) is child:
            del self.running[child.program.name]

    def _tell_watchdog(self, line: str) -> None:
        if self._watchdog.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.write(f"{line}\n".encode())
                self._watchdog.stdin.flush()
