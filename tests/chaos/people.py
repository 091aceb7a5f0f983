"""Shoppers who do what a page tells them, try again when it breaks, and remember what it said."""

import contextlib
import re
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random

import httpx2

from tests.stack import Stack

# Longer than a window stays open and a frozen operator takes.
PATIENCE_SECONDS = 120
# How long people look at a page that says "wait" before they look again: less and less often.
PAUSES = (0.3, 0.5, 1.0)
LONGEST_PAUSE = 2.0
# The payment PIN of every line of theirs: so many wrong codes in an hour may ask for it.
PIN = "135790"
# The sandbox line whose SIM was changed yesterday.
_ASKED_FOR_PIN = "0054"
PRODUCTS = ("melody/night-walk", "melody/first-bus", "bookshelf/small-kitchen")
# By what the steps of the window are told apart: the words and forms of templates/payments/shopper.
_MARKS = {
    "details": 'name="birthdate"',
    "pin": 'name="pin"',
    "code": 'name="code"',
    "waiting": "data-poll",
    "paid": "/support/request/?payment=",
    "not charged": "돈이 빠져나가지 않았어요",
    "review": "담당자가 결과를 확인하고 있어요",
}


@dataclass
class Memory:
    """What one shopper was told."""

    last4: str
    token: str = ""
    said: str = ""
    ticket: str = ""
    errors: int = 0


@dataclass
class Crowd:
    """Some people side by side, each with phones of their own."""

    stack: Stack
    count: int
    seed: int
    # Most of them wait for something at any time.
    threads: int = 64
    memories: list[Memory] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _left: int = 0

    @property
    def done(self) -> int:
        return len(self.memories)

    def run(self) -> None:
        """Let everybody pay; returns when the last one has an answer or no patience left."""
        self._pay(self.count)

    def go_on(self, count: int) -> None:
        """Let some more pay."""
        self.count += count
        self._pay(count)

    def _pay(self, count: int) -> None:
        self._left = count
        workers = [
            threading.Thread(target=self._queue, args=(number,), daemon=True)
            for number in range(min(count, self.threads))
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def _queue(self, number: int) -> None:
        dice = Random(f"{self.seed}-{number}-{self.count}")
        for last4 in _phones(number):
            with self._lock:
                if not self._left:
                    return
                self._left -= 1
            person = Person(self.stack, dice, Memory(last4))
            try:
                person.live()
            finally:
                with self._lock:
                    self.memories.append(person.memory)


def _phones(number: int) -> Iterator[str]:
    # Lines of SKT without a special outcome, ninety to each thread. One of them all asks for the
    # PIN.
    lines = (f"{1_000 + number * 90 + n % 90:04d}" for n in count())
    for turn, line in enumerate(lines):
        if number == 0 and turn % 4 == 0:
            yield _ASKED_FOR_PIN
        yield line


class Impatient(Exception):
    """Two minutes without getting on."""


class Person:
    """One browser without JavaScript, one phone, one payment."""

    def __init__(self, stack: Stack, dice: Random, memory: Memory) -> None:
        self.stack = stack
        self.dice = dice
        self.memory = memory
        self.since = time.monotonic()
        self._browser = httpx2.Client(
            # Nothing here speaks TLS; preparing for it takes longer than a request.
            base_url=stack.portal,
            follow_redirects=True,
            timeout=20,
            trust_env=False,
            verify=False,
        )

    def live(self) -> None:
        """Buy something, end somehow, perhaps want the money back."""
        with contextlib.suppress(Impatient), self._browser:
            self._buy()
            habit = self.dice.random()
            self._go_through(habit)
            if self.memory.said == "paid" and self.dice.random() < 0.35:
                self._ask_for_the_money()

    def _buy(self) -> None:
        product = self.dice.choice(PRODUCTS)
        page = self._post(f"/shop/{product}/", f"/shop/{product}/buy/", {})
        while "/pay/" not in page.url.path:
            self._wait(0.3)
            page = self._post(f"/shop/{product}/", f"/shop/{product}/buy/", {})
        self.memory.token = page.url.path.split("/")[2]

    def _go_through(self, habit: float) -> None:
        """Do what the window shows until it shows an end. Some leave, some just walk away."""
        window = f"/pay/{self.memory.token}/"
        wrong = 2 if habit > 0.9 else 0
        pauses = iter(PAUSES)
        page = self._get(window)
        while True:
            before = page
            match step := shown(page.text):
                case "paid" | "not charged" | "review":
                    self.memory.said = step
                    return
                case "details":
                    page = self._send(page, window, self._line(), back=window)
                case "pin":
                    page = self._send(page, f"{window}pin/", {"pin": PIN}, back=window)
                case "code" if habit < 0.04:
                    return
                case "code" if habit < 0.08:
                    page = self._send(page, f"{window}leave/", {}, back=window)
                case "code" if habit < 0.2:
                    self._use_link()
                case "code":
                    code = self._newest(r"번호 (\d{6})")
                    if code and wrong:
                        wrong -= 1
                        code = f"{(int(code) + 1) % 1_000_000:06d}"
                    if code:
                        page = self._send(page, f"{window}code/", {"code": code}, back=window)
            if page is before or shown(page.text) == step:
                self._wait(next(pauses, LONGEST_PAUSE))
                page = self._get(window)

    def _line(self) -> dict[str, str]:
        consents = ("agree_billing", "agree_privacy", "agree_third_party")
        return {
            "carrier": "SKT",
            "phone": f"010-9000-{self.memory.last4}",
            "birthdate": "19900131",
            **dict.fromkeys(consents, "on"),
        }

    def _ask_for_the_money(self) -> None:
        request = f"/support/request/?payment={self.memory.token}"
        while not self.memory.ticket:
            page = self._post(request, request, {"reason": "CHANGE_OF_MIND"})
            if "/support/track/" in page.url.path:
                self.memory.ticket = page.url.path
            self._wait(0.1)
        if self.dice.random() < 0.1:
            self._post(self.memory.ticket, f"{self.memory.ticket}withdraw/", {})

    def look_again(self) -> None:
        """Come back to the window, another day, in another browser."""
        with contextlib.suppress(Impatient), self._browser:
            self.memory.said = shown(self._get(f"/pay/{self.memory.token}/").text)

    def name_account(self, account: dict[str, str]) -> None:
        """Look at one's request, and say where the money shall go if it asks."""
        with contextlib.suppress(Impatient), self._browser:
            if 'name="bank"' in self._get(self.memory.ticket).text:
                self._post(self.memory.ticket, f"{self.memory.ticket}account/", account)

    def _use_link(self) -> None:
        link = self._newest(r"(https?://\S+/confirm/\S+)")
        if link:
            self._post(link, link, {})

    def _newest(self, pattern: str) -> str:
        address = f"{self.stack.sandbox}/phones/0109000{self.memory.last4}/?format=json"
        answer = self._get(address)
        texts = answer.json() if answer.is_success else []
        found = (re.search(pattern, text["text"]) for text in texts)
        return next((match[1] for match in found if match), "")

    def _get(self, address: str) -> httpx2.Response:
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                response = self._browser.get(address)
                if response.status_code < 500:
                    return response
            self._trouble()

    def _post(self, page: str, address: str, form: dict[str, str]) -> httpx2.Response:
        """Open a page and fill in its form."""
        return self._send(self._get(page), address, form, back=page)

    def _send(
        self, seen: httpx2.Response, address: str, form: dict[str, str], *, back: str
    ) -> httpx2.Response:
        """Fill in the form one sees. When it breaks, go back and look, as people do."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', seen.text)
        if token is not None:
            with contextlib.suppress(httpx2.HTTPError):
                answer = self._browser.post(address, data={**form, "csrfmiddlewaretoken": token[1]})
                if answer.status_code < 500:
                    return answer
            self._trouble()
        else:
            # The page has moved on and asks for nothing any more.
            self._wait(0.1)
        return self._get(back)

    def _trouble(self) -> None:
        self.memory.errors += 1
        self._wait(0.4)

    def _wait(self, seconds: float) -> None:
        if time.monotonic() - self.since > PATIENCE_SECONDS:
            raise Impatient
        time.sleep(seconds)


def look_again(stack: Stack, memories: Iterable[Memory]) -> None:
    """Whoever has not been told how it ended comes back and asks."""
    for memory in memories:
        if memory.token and not memory.said:
            Person(stack, Random(0), memory).look_again()


def shown(page: str) -> str:
    """The step a page of the window shows; "" for a page that is none, or broken."""
    return next((step for step, mark in _MARKS.items() if mark in page), "")
