"""`manage.py up`: start everything, say where it is, keep it running, stop it in order.

It sets up the environment before any settings are loaded; all else happens in child processes.
"""

import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from types import FrameType

from portal.embedded import addresses, directories, postgres, programs, valkey
from portal.embedded.addresses import Plan
from portal.embedded.children import Child, Children, Failed, Stop, die_with_parent, signal_group
from portal.embedded.silence import Silence

# The web server first, so nothing new comes in; PostgreSQL last, so everything can be written.
STOP_ORDER = (("web",), ("beat", "worker", "operator"), ("valkey",), ("postgres",))
START_SECONDS = 60
# A program that keeps ending is not started more often than this.
RESTART_SECONDS = 3.0
# A worker silent for longer is started again (WORKER_SILENT_SECONDS).
SILENT_SECONDS = 60
DEMO_ACCOUNTS = (
    ("agent@demo.test", "/admin/"),
    ("lead@demo.test", "/admin/"),
    ("finance@demo.test", "/admin/"),
    ("operator@demo.test", "/admin/"),
    ("owner@melody.test", "/merchant/"),
    ("owner@bookshelf.test", "/merchant/"),
)


def main() -> int:
    """Run until somebody stops it; returns the exit status."""
    if os.environ.get("PHONEBILL_DIE_WITH_PARENT") == "1":
        die_with_parent()
    asked = _listen_to_signals()
    try:
        plan = addresses.plan()
        plan.data_dir.mkdir(parents=True, exist_ok=True)
        directories.lock_supervisor(plan.data_dir)
        until_gone = directories.lock_children(plan.data_dir)
        addresses.check_ports(plan)
        sockets = directories.sockets_of(plan.data_dir)
    except (Failed, OSError) as problem:
        _warn(str(problem))
        return 1
    children = Children(plan.data_dir / "logs", keep_open=(until_gone,))
    children.stop_asked = lambda: bool(asked)
    os.close(until_gone)
    status = 0
    try:
        _start(plan, sockets, children)
        _watch(children, _silence(plan))
    except Failed as problem:
        _warn(str(problem))
        status = 1
    except Stop:
        pass
    finally:
        _stop(children)
        shutil.rmtree(sockets, ignore_errors=True)
    return status


def _listen_to_signals() -> list[int]:
    """Signals only leave a note: raising inside a handler could lose a child just started."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, note)
    return asked


def _start(plan: Plan, sockets: Path, children: Children) -> None:
    values = addresses.environment(plan, sockets)
    embedded = plan.databases
    os.environ.update(values)
    os.chdir(addresses.ROOT)
    if plan.embeds_postgres:
        _say("PostgreSQL")
        directory = plan.data_dir / "postgres"
        postgres.start(children, directory=directory, sockets=sockets, databases=embedded)
    if plan.embeds_valkey:
        _say("Valkey")
        valkey.start(children, directory=plan.data_dir / "valkey", sockets=sockets)
    addresses.remember(values, plan.data_dir)
    _prepare(plan, children)
    _say("web, worker, beat" + (", sandbox operator" if plan.embeds_operator else ""))
    children.start(programs.worker())
    children.start(programs.beat(plan))
    children.start(programs.web(plan))
    health = [f"http://{plan.host}:{plan.port}/healthz"]
    if plan.embeds_operator:
        children.start(programs.operator(plan))
        health.append(f"http://{plan.host}:{plan.sandbox_port}/healthz")
    children.wait(lambda: _all_well(children, health), START_SECONDS, "the start")
    _announce(addresses.publish(values, plan.data_dir))


def _prepare(plan: Plan, children: Children) -> None:
    _say("database tables, static files")
    steps = programs.migrations(plan)
    stamp = plan.data_dir / "static.stamp"
    fingerprint = programs.static_fingerprint()
    is_stale = not stamp.exists() or stamp.read_text() != fingerprint
    children.run_all([*steps, programs.collect_static()] if is_stale else steps)
    stamp.write_text(fingerprint)
    if os.environ["SANDBOX"] == "1":
        _say("demo shops")
        children.run_all([programs.demo()])


def _all_well(children: Children, health: list[str]) -> bool:
    for child in children.ended():
        raise Failed(children.last_words(child))
    while health and _answers(health[0]):
        health.pop(0)
    # Celery's own word for "I take tasks now".
    return not health and " ready." in children.running["worker"].output()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as response:  # noqa: S310 (our own)
            return bool(response.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False


def _silence(plan: Plan) -> Silence:
    most = float(os.environ.get("WORKER_SILENT_SECONDS") or SILENT_SECONDS)
    return Silence(f"http://{plan.host}:{plan.port}", most_seconds=most)


def _watch(children: Children, silence: Silence) -> None:
    """Start again whatever ends, PostgreSQL included, which recovers by itself; or says nothing."""

    def is_wanted() -> bool:
        if silence.is_too_long():
            _end_silent(children, silence)
        return bool(children.ended())

    while True:
        children.wait(is_wanted, float("inf"), "the portal")
        for child in children.ended():
            _warn(children.last_words(child))
            _restart(children, child)


def _end_silent(children: Children, silence: Silence) -> None:
    """The rows they worked on have leases, so nothing is lost by force."""
    for name in ("worker", "beat"):
        if name in children.running:
            _warn(f"{name} is silent for too long")
            signal_group(children.running[name].process.pid, signal.SIGKILL)
            children.running[name].process.wait()
    silence.begin_anew()


def _restart(children: Children, child: Child) -> None:
    soonest = child.started + RESTART_SECONDS
    children.wait(lambda: time.monotonic() > soonest, RESTART_SECONDS + 1, "the pause")
    children.restart(child)
    _warn(f"started {child.program.name} again")


def _stop(children: Children) -> None:
    _say("stopping")
    for names in STOP_ORDER:
        children.stop(*names)
    children.close()
    _say("stopped")


def _announce(places: dict[str, str]) -> None:
    portal = places["portal"]
    print(
        f"""
  shops               {portal}/shop/melody/  {portal}/shop/bookshelf/
  help                {portal}/help/
  merchants           {portal}/merchant/
  agents              {portal}/admin/
  sandbox phones      {places["sandbox"]}/phones/
  operator's API      {places["operator_api"]}
"""
    )
    if os.environ["SANDBOX"] == "1":
        print("  demo accounts, password demo-only-Passw0rd")
        for email, path in DEMO_ACCOUNTS:
            print(f"    {email:<22}{portal}{path}")
        print()
    print("ready", flush=True)


def _warn(text: str) -> None:
    print(f"phonebill: {text}", file=sys.stderr, flush=True)


def _say(text: str) -> None:
    print(f"phonebill: {text} …" if text != "stopped" else "phonebill: stopped", flush=True)
