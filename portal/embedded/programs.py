"""The command lines of our own processes, and the steps that prepare their data."""

import hashlib
import sys
from pathlib import Path

from portal.embedded.addresses import ROOT, Plan
from portal.embedded.children import Program

# A stopping Celery worker hands its task back instead of waiting for its end.
SOFT_STOP = {"REMAP_SIGTERM": "SIGQUIT"}


def web(plan: Plan) -> Program:
    """The portal: two processes of two threads."""
    return Program("web", web_server("portal.wsgi:application", plan.host, plan.port, 2, 2))


def operator(plan: Plan) -> Program:
    """The sandbox operator: one process; some of its lines hang on purpose, hence the threads."""
    target = "payments.carriers.sandbox.wsgi:application"
    return Program("operator", web_server(target, plan.host, plan.sandbox_port, 1, 16))


def worker() -> Program:
    """The Celery worker: more processes than cores, for a silent operator may hold two of them."""
    options = ["-c", "4", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    return Program(
        "worker",
        [*_python(), "celery", "-A", "portal.celery", "worker", *options],
        SOFT_STOP,
        stop_seconds=6.0,
    )


def beat(plan: Plan) -> Program:
    """Celery's clock."""
    options = ["--loglevel", "INFO", "-s", str(plan.data_dir / "beat-schedule"), "--pidfile", ""]
    return Program("beat", [*_python(), "celery", "-A", "portal.celery", "beat", *options])


def migrations(plan: Plan) -> list[Program]:
    """Bring both databases to the code's state."""
    steps = [Program("migrate", [*_manage(), "migrate", "--no-input", "-v", "1"])]
    if plan.embeds_operator:
        sandbox = [*_python(), "payments.carriers.sandbox", "migrate"]
        steps.append(Program("migrate-operator", sandbox))
    return steps


def collect_static() -> Program:
    """Gather static files under names that carry their content's hash."""
    return Program("collectstatic", [*_manage(), "collectstatic", "--no-input", "-v", "0"])


def demo() -> Program:
    """Load shops, products and accounts; what exists already stays as it is."""
    return Program("demo", [*_manage(), "load_demo"])


def static_fingerprint() -> str:
    """Changes whenever a static file or an installed package does."""
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for path in sorted(_static_files(ROOT / "static")):
        found = path.stat()
        digest.update(f"{path}:{found.st_size}:{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def web_server(target: str, host: str, port: int, workers: int, threads: int) -> list[str]:
    """The command line of a WSGI server."""
    words = [target, host, str(port), str(workers), str(threads)]
    return [*_python(), "portal.embedded.server", *words]


def _static_files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def _python() -> list[str]:
    return [sys.executable, "-m"]


def _manage() -> list[str]:
    return [sys.executable, str(ROOT / "manage.py")]
