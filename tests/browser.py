"""Finds Chromium for the browser tests; run as a program, installs it where it is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# The first draws no window of its own, which takes the others as long as some pages do.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
REASON = "no Chromium: install it (apt-get install chromium), or run `make browser`"


def find() -> str | None:
    """The path of a Chromium: $CHROMIUM, one on PATH, or Playwright's own; None without one."""
    wanted = os.environ.get("CHROMIUM")
    on_path = [shutil.which(name) for name in ([wanted] if wanted else NAMES)]
    return next((path for path in on_path if path), None) or _playwrights_own()


def is_required() -> bool:
    """True where a missing browser must fail the run instead of skipping its tests."""
    return os.environ.get("REQUIRE_BROWSER") == "1"


def main() -> int:
    """Find or install Chromium; the exit status is 1 only when it is required and missing."""
    path = find() or _install()
    print(f"Browser tests use {path}" if path else f"Browser tests will be skipped: {REASON}")
    return 1 if path is None and is_required() else 0


def _install() -> str | None:
    attempts = []
    if os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", "--no-install-recommends"]
        attempts += [["apt-get", "update"], *([*install, name] for name in NAMES[:2])]
    # Last: it brings no system libraries, so it may install and still not start.
    attempts.append([sys.executable, "-m", "playwright", "install", "chromium"])
    for command in attempts:
        print(f"{' '.join(command)} …", flush=True)
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        if path := find():
            return path
    return None


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
