"""What a run says while it runs: one line that changes on a terminal, lines in a file."""

import sys
import time

_PAUSE_SECONDS = 2.0


class Voice:
    """Says what goes on, not too often where every line stays."""

    def __init__(self, name: str) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._said = time.monotonic() - _PAUSE_SECONDS
        self._began = time.monotonic()
        self(f"{name}: starting the portal")

    def __call__(self, text: str) -> None:
        """Say it."""
        line = f"{time.monotonic() - self._began:4.0f} s  {text}"[:110]
        if self._is_terminal:
            print(f"\r\033[K{line}", end="", flush=True)
        elif time.monotonic() - self._said >= _PAUSE_SECONDS:
            self._said = time.monotonic()
            print(line, flush=True)

    def end(self) -> None:
        """Leave a clean line behind."""
        if self._is_terminal:
            print("\r\033[K", end="")
