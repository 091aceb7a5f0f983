"""What buying costs a slow phone: `make bench`, while `make run` runs in another terminal.

Storefront to receipt on a cold phone: requests and bytes, what jumps, and the longest task of each
stretch, in the own time of the page's thread: while it lasts nothing answers a finger.

The phone is four times slower than this machine, in both ways that Lighthouse knows: ten walks are
measured at full speed and counted four times, as it does unless told otherwise, and ten are slowed
down by the browser. That stops the page's thread again and again, and what else the machine does
shows more. A page of two words stands beside: what is longer is ours. And a loop, of the kind by
which browsers' tools tell machines apart, says how fast the machine was.
Nothing here passes or fails; tests/journeys/test_budget.py does.
"""

import http.server
import json
import os
import re
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import browser, phones
from tests.bench.devtools import Browser, Phone
from tests.journeys.traffic import Traffic

TIMES = 10
SLOWER = 4
LONG_MS = 50
# Tenths of what it does in a second.
LOOP = """(() => {
    const end = performance.now() + 300;
    let turns = 0;
    for (; performance.now() < end; turns += 1) {
        let text = "";
        for (let letter = 0; letter < 10000; letter += 1) text += "a";
    }
    return turns / 3;
})()"""
TWO_WORDS = "<!doctype html><meta charset=utf-8><title>.</title><p>소액 결제".encode()
SHIFTS = """new Promise((tell) => new PerformanceObserver((list) => tell(list.getEntries()
    .filter((one) => !one.hadRecentInput).reduce((sum, one) => sum + one.value, 0)))
    .observe({ type: "layout-shift", buffered: true }) || setTimeout(() => tell(0), 100))"""


@dataclass
class Walk:
    """One way from the storefront to the receipt."""

    machine: float
    traffic: Traffic = field(default_factory=Traffic)
    shift: float = 0.0
    # Milliseconds of each task of each stretch of the way.
    tasks: dict[str, list[float]] = field(default_factory=dict)

    @property
    def long(self) -> list[float]:
        """The tasks that are too long."""
        return [task for tasks in self.tasks.values() for task in tasks if task > LONG_MS]


def main() -> int:
    """Walk and print; 1 when there is no portal or no browser."""
    directory = Path(os.environ.get("DATA_DIR", "var"))
    chromium = browser.find()
    if chromium is None or not (directory / "addresses.json").exists():
        print(f"needs a browser, and `make run` with its data in {directory}", file=sys.stderr)
        return 1
    places = json.loads((directory / "addresses.json").read_text())
    control = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TwoWords)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    places["two words"] = f"http://127.0.0.1:{control.server_port}/"
    for how, slower, counted in (
        ("measured at full speed, counted four times", 1, SLOWER),
        ("slowed down four times by the browser", SLOWER, 1),
    ):
        walks = []
        for number in range(TIMES):
            # A browser each: it keeps what it compiled of a script, also for another context.
            with Browser(chromium) as engine:
                walks.append(buy(engine, places, f"0109000{2900 + number}", slower, counted))
        print(how)
        tell(walks)
    return 0


def tell(walks: list[Walk]) -> None:
    """The figures of all walks."""
    first = walks[0].traffic
    print(
        f"  {len(first.pages)} page requests, {first.wire_bytes / 1024:.1f} KB"
        f" + fonts {first.font_bytes / 1024:.0f} KB,"
        f" layout shift at most {max(walk.shift for walk in walks):.4f}"
    )
    machines = [walk.machine for walk in walks]
    print(f"  the machine counts {min(machines):.0f} to {max(machines):.0f}")
    print(f"  longest task of {len(walks)} walks, ms                   least  median    most")
    for stretch in walks[0].tasks:
        longest = [max(walk.tasks[stretch]) for walk in walks]
        figures = min(longest), statistics.median(longest), max(longest)
        print(f"    {stretch:<42}" + "".join(f"{figure:>8.0f}" for figure in figures))
    calm = sum(not walk.long for walk in walks)
    print(f"  {calm} of {len(walks)} walks without a task over {LONG_MS} ms")


class TwoWords(http.server.BaseHTTPRequestHandler):
    """A page that is nothing but two words, as pages come: over HTTP."""

    def do_GET(self) -> None:
        """Answer with it, whatever is asked for."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(TWO_WORDS)

    def log_message(self, *_: Any) -> None:
        """Say nothing of it."""


def buy(engine: Browser, places: dict[str, str], digits: str, slower: int, counted: int) -> Walk:
    """One cold phone, from the storefront to the receipt."""
    other = Phone(engine)
    walk = Walk(other.value(LOOP))
    began: list[tuple[int, str]] = []

    def stretch(name: str) -> None:
        # The trace and this clock count the same way.
        began.append((time.monotonic_ns() // 1000, name))

    def leave() -> None:
        time.sleep(1.0)
        walk.shift += phone.value(SHIFTS)

    engine.ask("Tracing.start", traceConfig={"includedCategories": ["toplevel"]})
    stretch("a page of two words")
    other.slow_down(slower)
    other.open(places["two words"])
    other.wait_until("document.title === '.'")
    time.sleep(0.5)
    other.close()
    # What it fetched is not part of the way.
    engine.events.clear()
    # A page of its own, blank till now: where one site follows another in the same page, the
    # browser changes to a new process, and DevTools lays out there what has come, without style.
    phone = Phone(engine)
    phone.slow_down(slower)
    stretch("storefront")
    phone.open(places["portal"] + "/shop/melody/")
    phone.wait_until("document.querySelector('a[href$=\"/night-walk/\"]')")
    leave()
    stretch("product")
    phone.tap('a[href$="/night-walk/"]')
    phone.wait_until("document.querySelector('form[action$=\"/buy/\"]')")
    leave()
    stretch("window")
    phone.tap('form[action$="/buy/"] button')
    phone.wait_until("document.querySelector('[name=phone]')")
    time.sleep(1.0)
    stretch("filling in")
    phone.tap("[name=carrier][value=SKT] + *")
    phone.tap("#agree_all")
    phone.type("[name=phone]", digits)
    phone.type("[name=birthdate]", "19900131")
    stretch("to the code")
    phone.tap("#step button.main")
    phone.wait_until("document.querySelector('[name=code]')")
    time.sleep(1.0)
    stretch("typing the code")
    phone.type("[name=code]", texted_code(places["sandbox"], digits))
    stretch("to the receipt")
    phone.tap("#step button.main")
    phone.wait_until("document.querySelector('#step a[href*=\"/support/request/\"]')")
    leave()
    trace = stop_tracing(engine)
    for event in engine.events:
        walk.traffic.hear(event["method"], event["params"])
    phone.close()
    for start, milliseconds in main_thread_tasks(trace):
        name = next((name for at, name in reversed(began) if at <= start), None)
        if name:
            walk.tasks.setdefault(name, []).append(milliseconds * counted)
    return walk


def stop_tracing(engine: Browser) -> list[dict[str, Any]]:
    """The events of the trace, as the browser hands them over."""
    engine.ask("Tracing.end")
    engine.wait_for("Tracing.tracingComplete")
    return [
        event
        for message in engine.events
        if message["method"] == "Tracing.dataCollected"
        for event in message["params"]["value"]
    ]


def main_thread_tasks(trace: list[dict[str, Any]]) -> list[tuple[int, float]]:
    """Start in microseconds and milliseconds of thread time of each task of the page's thread."""
    mains = {
        (event["pid"], event["tid"])
        for event in trace
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        event
        for event in trace
        if (event["pid"], event["tid"]) in mains and event["name"].endswith("RunTask")
    ]
    # The engine names a task twice, the one inside the other.
    end_of: dict[tuple[int, int], int] = {}
    outermost = []
    for task in sorted(tasks, key=lambda task: (task["ts"], -task.get("dur", 0))):
        thread = (task["pid"], task["tid"])
        if task["ts"] < end_of.get(thread, 0):
            continue
        end_of[thread] = task["ts"] + task.get("dur", 0)
        outermost.append((task["ts"], task.get("tdur", 0) / 1000))
    return outermost


def texted_code(sandbox: str, digits: str) -> str:
    """The code on the sandbox phone."""
    for _ in range(100):
        for text in phones.texts(sandbox, digits[-4:]):
            if found := re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", text):
                return found.group()
        time.sleep(0.1)
    raise LookupError("no code came")


if __name__ == "__main__":
    sys.exit(main())
