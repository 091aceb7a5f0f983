"""A Chromium spoken to by its DevTools pipe alone, for measuring.

Playwright puts scripts of its own into every page (the search for an element alone is a task of
50 ms on a phone four times slower), and they would be counted as ours. Here the page runs what it
brought, and an expression of a line where the walk looks whether it may go on.
"""

import json
import os
import select
import subprocess
import tempfile
import time
from types import TracebackType
from typing import Any

PATIENCE_S = 30.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)


class Browser:
    """One Chromium with a profile of its own, ended with the block it is used in."""

    def __init__(self, executable: str) -> None:
        self._executable = executable

    def __enter__(self) -> "Browser":
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        its_input, self._to = os.pipe()
        self._from, its_output = os.pipe()

        profile = f"--user-data-dir={self._profile.name}"
        # Chromium listens to 3 and speaks on 4.
        hand_over = f'exec "$@" 3<&{its_input} 4>&{its_output}'
        self._process = subprocess.Popen(
            ["bash", "-c", hand_over, "bash", self._executable, *FLAGS, profile],
            pass_fds=(its_input, its_output),
            stderr=subprocess.DEVNULL,
        )
        os.close(its_input)
        os.close(its_output)
        self._number = 0
        self._unread = b""
        self.events: list[dict[str, Any]] = []
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=PATIENCE_S)
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """The answer to one command; RuntimeError with the browser's words when it refuses."""
        self._number += 1
        question = {"id": self._number, "method": method, "params": params}
        if session:
            question["sessionId"] = session
        os.write(self._to, json.dumps(question).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") != self._number:
                continue
            if "error" in message:
                raise RuntimeError(f"{method}: {message['error']['message']}")
            result: dict[str, Any] = message["result"]
            return result

    def wait_for(self, method: str) -> dict[str, Any]:
        """What the next event of this name brings."""
        while True:
            message = self._next()
            if message.get("method") == method:
                params: dict[str, Any] = message["params"]
                return params

    def _next(self) -> dict[str, Any]:
        """The next message; an event is kept in `events` too."""
        while b"\0" not in self._unread:
            if not select.select([self._from], [], [], PATIENCE_S)[0]:
                raise TimeoutError("the browser is silent")
            self._unread += os.read(self._from, 1 << 20)
        raw, self._unread = self._unread.split(b"\0", 1)
        message: dict[str, Any] = json.loads(raw)
        if "method" in message:
            self.events.append(message)
        return message


class Phone:
    """A page as on a phone: 360 × 780, touched, without anything in its cache."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._context = browser.ask("Target.createBrowserContext")["browserContextId"]
        target = browser.ask(
            "Target.createTarget", url="about:blank", browserContextId=self._context
        )
        self._session = browser.ask(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )["sessionId"]
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=360,
            height=780,
            deviceScaleFactor=2,
            mobile=True,
        )
        self.ask("Emulation.setTouchEmulationEnabled", enabled=True)
        self.ask("Network.enable")
        self.ask("Network.setExtraHTTPHeaders", headers={"Accept-Language": "ko-KR,ko"})

    def slow_down(self, times: float) -> None:
        """Make the processor so many times slower."""
        self.ask("Emulation.setCPUThrottlingRate", rate=times)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One command about this page."""
        return self.browser.ask(method, self._session, **params)

    def open(self, address: str) -> None:
        """Begin to load a page."""
        self.ask("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """What a line of JavaScript comes to; None while a page gives way to the next."""
        try:
            answer = self.ask(
                "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
            )
        except RuntimeError as refused:
            if "navigated" not in str(refused):
                raise
            return None
        return answer["result"].get("value")

    def wait_until(self, expression: str) -> None:
        """Look every tenth of a second until it is true; TimeoutError when it never is."""
        until = time.monotonic() + PATIENCE_S
        while not self.value(f"Boolean({expression})"):
            if time.monotonic() > until:
                raise TimeoutError(expression)
            time.sleep(0.1)

    def tap(self, selector: str) -> None:
        """Touch the middle of an element, as a finger would; it must be in the page."""
        box = self.value(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            " one.scrollIntoView({block: 'center'}); const box = one.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2] })()"
        )
        # What scrolling set in motion is not what the touch does.
        time.sleep(0.3)
        point = {"x": box[0], "y": box[1]}
        self.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[point])
        self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def type(self, selector: str, text: str) -> None:
        """Touch a field and have the keyboard write into it."""
        self.tap(selector)
        time.sleep(0.2)
        self.ask("Input.insertText", text=text)

    def close(self) -> None:
        """Forget the page with all it stored."""
        self.browser.ask("Target.disposeBrowserContext", browserContextId=self._context)
