"""What a phone fetches and how steadily a page stands, as Chromium itself tells (DevTools)."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page

# Every shift that nobody asked for, from a page's first moment; a page hands them over by name.
# The browser forgets a press after half a second: on a busy machine its answer takes longer.
WATCH = """
window.seen = { shifts: [] };
let answered = -Infinity;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.requestConfig.verb === "post") answered = performance.now();
});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const isAnswer = entry.startTime >= answered && entry.startTime < answered + 500;
    if (entry.hadRecentInput || isAnswer) continue;
    const nodes = entry.sources.map((source) => source.node && source.node.outerHTML);
    window.seen.shifts.push([entry.value, nodes.map((node) => String(node).slice(0, 90))]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""


@dataclass(frozen=True)
class Fetched:
    """One answer, as it came over the wire."""

    path: str
    kind: str
    wire_bytes: int

    @property
    def is_font(self) -> bool:
        return self.path.endswith(".woff2")

    @property
    def is_page(self) -> bool:
        """A page or the fragment of one; not what it is dressed with, not the asking for news."""
        return not self.path.startswith("/static/") and not self.path.endswith("/status/")


@dataclass
class Traffic:
    """Everything a browser fetched over the network since it was listened to."""

    fetched: list[Fetched] = field(default_factory=list)
    _asked: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, page: Page) -> "Traffic":
        """Listen to a fresh browser."""
        traffic = cls()
        wire = page.context.new_cdp_session(page)
        wire.send("Network.enable")
        for name in ("Network.requestWillBeSent", "Network.loadingFinished"):
            wire.on(name, partial(traffic.hear, name))
        return traffic

    def hear(self, name: str, event: dict[str, Any]) -> None:
        """One event of the browser's; any but those of the network say nothing here."""
        if name == "Network.requestWillBeSent":
            self._ask(event)
        elif name == "Network.loadingFinished":
            self._finish(event)

    @property
    def pages(self) -> list[str]:
        """Paths of page requests, redirects among them."""
        return [one.path for one in self.fetched if one.is_page]

    @property
    def wire_bytes(self) -> int:
        """Bytes of everything but fonts, headers included."""
        return sum(one.wire_bytes for one in self.fetched if not one.is_font)

    @property
    def font_bytes(self) -> int:
        """Bytes of the fonts' chunks."""
        return sum(one.wire_bytes for one in self.fetched if one.is_font)

    def _ask(self, event: dict[str, Any]) -> None:
        if "redirectResponse" in event:
            answer = event["redirectResponse"]
            size = int(answer["encodedDataLength"])
            self.fetched.append(Fetched(urlsplit(answer["url"]).path, "redirect", size))
        self._asked[event["requestId"]] = event["request"]["url"], event.get("type", "")

    def _finish(self, event: dict[str, Any]) -> None:
        url, kind = self._asked.get(event["requestId"], ("data:", ""))
        # What comes out of the cache has no length.
        if event["encodedDataLength"] and url.startswith("http"):
            path = urlsplit(url).path
            self.fetched.append(Fetched(path, kind, int(event["encodedDataLength"])))
