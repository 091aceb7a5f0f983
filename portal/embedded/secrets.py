"""The keys of one data directory, made once and kept readable by their owner alone."""

import base64
import json
import os
import secrets
from pathlib import Path


def of(data_dir: Path) -> dict[str, str]:
    """The secrets by variable name; what is missing in secrets.json is made and written."""
    path = data_dir / "secrets.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    complete = _new() | known
    if complete != known:
        write_private(path, json.dumps(complete, indent=1))
    return complete


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, mode 0600 from the first byte."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def _new() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_KEYS": f"k1:{_key()}",
        "BLIND_INDEX_KEY": _key(),
        "CARRIER_API_TOKEN": secrets.token_urlsafe(32),
        "SANDBOX_SECRET_KEY": secrets.token_urlsafe(50),
    }


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
