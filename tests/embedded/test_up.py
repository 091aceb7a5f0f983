"""`manage.py up` as a person treats it: twice, on a taken port, with kill -9, with Ctrl-C."""

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import wait_until
from tests.stack import Stack, running


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A portal that each test leaves running."""
    with running() as whole:
        yield whole


@pytest.fixture
def own_stack() -> Iterator[Stack]:
    """A portal of its own: these tests are unkind to it."""
    with running() as own:
        yield own


def _refusal(process: subprocess.Popen[bytes], log: Path) -> str:
    seen = log.stat().st_size
    assert process.wait(20) == 1
    return log.read_bytes()[seen:].decode()


def test_second_start_on_the_same_data_is_refused_in_one_line(stack: Stack) -> None:
    second = Stack(data_dir=stack.data_dir)

    assert _refusal(second.launch(), stack.data_dir / "up.log").splitlines() == [
        f"phonebill: Phonebill already runs on {stack.data_dir}; stop it or set another DATA_DIR."
    ]


def test_taken_port_is_refused_in_one_line(stack: Stack) -> None:
    other = Stack(port=stack.port)

    process = other.launch()
    (line,) = _refusal(process, other.data_dir / "up.log").splitlines()

    assert f"Port {stack.port} on 127.0.0.1 cannot be used" in line
    assert "PORT=" in line


def test_secrets_are_readable_by_their_owner_alone(stack: Stack) -> None:
    for name in ("secrets.json", "env.json", "addresses.json"):
        assert (stack.data_dir / name).stat().st_mode & 0o077 == 0, name


@pytest.mark.parametrize("name", ["web", "valkey", "postgres", "worker", "operator", "beat"])
def test_a_killed_program_is_started_again(stack: Stack, name: str) -> None:
    before = stack.pid_of(name)

    os.killpg(before, signal.SIGKILL)

    wait_until(lambda: _is_another(stack, name, before), what=f"the restart of {name}")
    wait_until(lambda: _is_healthy(stack), what="good health")


def test_a_worker_that_hangs_is_started_again(own_stack: Stack) -> None:
    own_stack.kill()
    own_stack.environment_more["WORKER_SILENT_SECONDS"] = "12"
    own_stack.start()
    before = own_stack.pid_of("worker")

    os.killpg(before, signal.SIGSTOP)

    wait_until(lambda: _is_another(own_stack, "worker", before), what="the worker's restart")
    assert "worker is silent for too long" in own_stack.output


def test_kill_9_and_ctrl_c_leave_no_process_and_the_next_start_continues(own_stack: Stack) -> None:
    keys = (own_stack.data_dir / "secrets.json").read_text()
    assert len(own_stack.processes()) > 8

    own_stack.kill()
    own_stack.start()
    assert (own_stack.data_dir / "secrets.json").read_text() == keys

    own_stack.kill()
    wait_until(lambda: not own_stack.processes(), what="the end of every process")

    own_stack.start()
    began = time.monotonic()
    os.killpg(own_stack.supervisor_pid, signal.SIGINT)
    assert own_stack.process is not None
    assert own_stack.process.wait(30) == 0
    assert time.monotonic() - began < 10
    assert own_stack.processes() == []


def _is_another(stack: Stack, name: str, before: int) -> bool:
    try:
        return stack.pid_of(name) != before
    except LookupError:
        return False


def _is_healthy(stack: Stack) -> bool:
    try:
        with urllib.request.urlopen(f"{stack.portal}/healthz", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False
