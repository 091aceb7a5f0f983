"""What buying costs a slow phone: `make bench`, while `make run` runs in another terminal.

Storefront to receipt five times, with the processor four times slower: the requests and bytes of a
cold phone, what jumps, and every task that keeps the page from answering for more than 50 ms of the
thread's own time, so that other work on the machine does not count. Times still depend on the
machine, so the first line says what a page of two words takes on it: what is longer is ours.
Nothing here passes or fails; tests/journeys/test_budget.py does.
"""

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import Browser, sync_playwright

from tests import browser
from tests.journeys import traffic
from tests.journeys.traffic import Traffic

TIMES = 5
SLOWER = 4
LONG_MS = 50


def main() -> int:
    """Walk and print; 1 when there is no portal or no browser."""
    directory = Path(os.environ.get("DATA_DIR", "var"))
    chromium = browser.find()
    if chromium is None or not (directory / "addresses.json").exists():
        print(f"needs a browser, and `make run` with its data in {directory}", file=sys.stderr)
        return 1
    places = json.loads((directory / "addresses.json").read_text())
    with sync_playwright() as playwright:
        engine = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        floors = [floor(engine, places) for _ in range(TIMES)]
        print(f"a page of two words: longest task of each time {floors} ms")
        for number in range(TIMES):
            walk(engine, places, f"0109000{2900 + number}")
        engine.close()
    return 0


def walk(engine: Browser, places: dict[str, str], digits: str) -> None:
    """One cold phone, from the storefront to the receipt."""
    viewport = {"width": 360, "height": 780}
    context = engine.new_context(base_url=places["portal"], viewport=viewport, locale="ko-KR")
    page = context.new_page()
    page.add_init_script(traffic.WATCH)
    seen = Traffic.of(page)
    wire = context.new_cdp_session(page)
    wire.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    engine.start_tracing(page=page, categories=["toplevel"])
    page.goto("/shop/melody/")
    page.locator('a[href$="/night-walk/"]').click()
    page.wait_for_url("**/night-walk/")
    page.wait_for_load_state("networkidle")
    page.locator('form[action$="/buy/"] button').click()
    page.wait_for_url("**/pay/**")
    page.wait_for_load_state("networkidle")
    page.locator("[name=carrier][value=SKT]").check()
    page.fill("[name=phone]", digits)
    page.fill("[name=birthdate]", "19900131")
    page.locator("#agree_all").check()
    page.locator("#step button.main").click()
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", texted_code(places["sandbox"], digits))
    page.locator("#step button.main").click()
    page.wait_for_selector('#step a[href*="/support/request/"]')
    page.wait_for_timeout(500)
    tasks = long_tasks(json.loads(engine.stop_tracing()))
    shift = sum(value for value, _ in page.evaluate("window.seen.shifts"))
    print(
        f"{len(seen.pages)} page requests, {seen.wire_bytes / 1024:.1f} KB"
        f" + fonts {seen.font_bytes / 1024:.0f} KB, shift in the window {shift:.4f},"
        f" tasks over {LONG_MS} ms at {SLOWER} x slower: {tasks or 'none'}"
    )
    context.close()


def floor(engine: Browser, places: dict[str, str]) -> int:
    """Milliseconds of the longest task of a page without style, script or picture."""
    context = engine.new_context(base_url=places["portal"], viewport={"width": 360, "height": 780})
    page = context.new_page()
    words = "<!doctype html><title>.</title><p>소액 결제"
    page.route("**/*", lambda route: route.fulfill(body=words, content_type="text/html"))
    wire = context.new_cdp_session(page)
    wire.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    engine.start_tracing(page=page, categories=["toplevel"])
    page.goto("/")
    page.wait_for_load_state("networkidle")
    longest = max(long_tasks(json.loads(engine.stop_tracing()), over_ms=0))
    context.close()
    return longest


def long_tasks(trace: dict[str, list[dict[str, Any]]], over_ms: int = LONG_MS) -> list[int]:
    """Milliseconds of thread time of each main-thread task over `over_ms`, longest first."""
    events = trace["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        event
        for event in events
        if (event["pid"], event["tid"]) in mains and event["name"].endswith("RunTask")
    ]
    # The engine names a task twice, the one inside the other.
    end_of: dict[tuple[int, int], int] = {}
    spent = []
    for task in sorted(tasks, key=lambda task: (task["ts"], -task.get("dur", 0))):
        thread = (task["pid"], task["tid"])
        if task["ts"] < end_of.get(thread, 0):
            continue
        end_of[thread] = task["ts"] + task.get("dur", 0)
        spent.append(task.get("tdur", 0) // 1000)
    return sorted((each for each in spent if each > over_ms), reverse=True)


def texted_code(sandbox: str, digits: str) -> str:
    """The code on the sandbox phone."""
    for _ in range(100):
        for text in httpx2.get(f"{sandbox}/phones/{digits}/?format=json").json():
            if found := re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", text["text"]):
                return found.group()
        time.sleep(0.1)
    raise LookupError("no code came")


if __name__ == "__main__":
    sys.exit(main())
