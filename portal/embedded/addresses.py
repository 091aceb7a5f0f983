"""Which address everything gets: the environment of a run, from defaults and what is given.

A variable that is already set always wins; that is how a real server replaces an embedded one.
"""

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from portal.embedded import postgres, valkey
from portal.embedded import secrets as keys
from portal.embedded.children import Failed

LAST_PORT = 65_535
ROOT = Path(__file__).resolve().parent.parent.parent
# The name in front of which, in a deployment, TLS ends; the sandbox operator knows the way.
SINK_ORIGIN = "https://portal.sandbox.invalid"


@dataclass(frozen=True)
class Plan:
    """What this run embeds, and where it listens."""

    data_dir: Path
    host: str
    port: int
    sandbox_port: int
    embeds_postgres: bool
    embeds_valkey: bool
    embeds_operator: bool

    @property
    def databases(self) -> list[str]:
        """The databases the embedded server must hold."""
        portal = [] if os.environ.get("DATABASE_URL") else ["phonebill"]
        operator = ["operator"] if self._embeds_operator_database() else []
        return portal + operator

    def _embeds_operator_database(self) -> bool:
        return self.embeds_operator and not os.environ.get("SANDBOX_DATABASE_URL")


def data_dir() -> Path:
    """DATA_DIR, or var/ beside the code."""
    return Path(os.environ.get("DATA_DIR") or ROOT / "var").resolve()


def plan() -> Plan:
    """Read from the environment what to embed. Raises Failed for what cannot be."""
    embeds_operator = not os.environ.get("CARRIER_API_URL")
    if not embeds_operator and not os.environ.get("CARRIER_API_TOKEN"):
        raise Failed("CARRIER_API_URL is set: set CARRIER_API_TOKEN to that operator's token too.")
    port = _port("PORT", 8000)
    operator_needs_postgres = embeds_operator and not os.environ.get("SANDBOX_DATABASE_URL")
    return Plan(
        data_dir=data_dir(),
        host=os.environ.get("HOST") or "127.0.0.1",
        port=port,
        sandbox_port=_port("SANDBOX_PORT", port + 1),
        embeds_postgres=not os.environ.get("DATABASE_URL") or operator_needs_postgres,
        embeds_valkey=not os.environ.get("REDIS_URL"),
        embeds_operator=embeds_operator,
    )


def check_ports(wanted: Plan) -> None:
    """Raise Failed when a port is taken."""
    ports = [("PORT", wanted.port)]
    if wanted.embeds_operator:
        ports.append(("SANDBOX_PORT", wanted.sandbox_port))
    for name, port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((wanted.host, port))
            except OSError as error:
                raise Failed(
                    f"Port {port} on {wanted.host} cannot be used ({error.strerror});"
                    f" choose another with {name}=…"
                ) from error


def environment(wanted: Plan, sockets: Path) -> dict[str, str]:
    """Every variable the portal and the sandbox operator need; what is set already stays."""
    here = f"http://{_reachable(wanted.host)}"
    operator = os.environ.get("CARRIER_API_URL") or f"{here}:{wanted.sandbox_port}"
    defaults = {
        **keys.of(wanted.data_dir),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SANDBOX": "1",
        "PORT": str(wanted.port),
        "DATA_DIR": str(wanted.data_dir),
        "PUBLIC_URL": f"{here}:{wanted.port}",
        "DATABASE_URL": postgres.url(sockets, "phonebill"),
        "REDIS_URL": valkey.url(sockets),
        "CARRIER_API_URL": operator,
        "SANDBOX_URL": f"{operator}/sandbox",
        "SANDBOX_DATABASE_URL": postgres.url(sockets, "operator"),
        "SANDBOX_PUBLIC_URL": operator,
        # Where the sandbox's customers drop their mails, and the portal finds them.
        "SANDBOX_INBOX": os.environ.get("INBOX_DIR") or str(wanted.data_dir / "inbox"),
    }
    if wanted.embeds_operator:
        defaults["CARRIER_SINK_URL"] = f"{SINK_ORIGIN}/carrier/events/"
        defaults["SANDBOX_SINK_ROUTES"] = f"{SINK_ORIGIN}={here}:{wanted.port}"
        defaults["ALLOWED_HOSTS"] = ",".join(
            dict.fromkeys(
                [
                    "127.0.0.1",
                    "localhost",
                    _reachable(wanted.host),
                    SINK_ORIGIN.removeprefix("https://"),
                ]
            )
        )
    return {name: os.environ.get(name) or value for name, value in defaults.items()}


def remember(values: dict[str, str], directory: Path) -> None:
    """Write env.json, from which other `manage.py` commands find this run's servers."""
    keys.write_private(directory / "env.json", json.dumps(values, indent=1))


def recall() -> None:
    """Load env.json into the environment, unless somebody has set one up already."""
    path = data_dir() / "env.json"
    if "SECRET_KEY" not in os.environ and path.exists():
        for name, value in json.loads(path.read_text()).items():
            os.environ.setdefault(name, value)


def publish(values: dict[str, str], directory: Path) -> dict[str, str]:
    """Write addresses.json for scripts, and return what it says."""
    addresses = {
        "portal": values["PUBLIC_URL"],
        "sandbox": values["SANDBOX_URL"],
        "operator_api": values["CARRIER_API_URL"],
        "operator_token": values["CARRIER_API_TOKEN"],
    }
    keys.write_private(directory / "addresses.json", json.dumps(addresses, indent=1))
    return addresses


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= LAST_PORT):
        raise Failed(f"{name}={text} is not a port; set it like {name}={default}.")
    return int(text)


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 (compared, not bound)
