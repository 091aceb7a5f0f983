"""The desk's day in a browser, on any day: twenty cases, the lead's board, Seollal, month-end eve.

The portal answers from this process, so a test may set its clock and make its rows by use cases; no
worker runs, so nothing leaves. Whose keyboard it is says the address: nobody touches a mouse.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from playwright.sync_api import Browser, BrowserContext, Page, expect

from payments.calendar import SEOUL, Route, billing_month
from payments.lines import Holder
from payments.models import Merchant, Payment
from portal import design, roles
from portal.models import User
from support import disputes, tickets
from support.models import Ticket
from support.states import TicketState
from tests.journeys.keyboard import press, press_access_key, write
from tests.portal import histories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BIRTHDATE = date(1990, 1, 31)
# A Tuesday in the middle of a month.
TODAY = datetime(2027, 3, 16, 10, 0, tzinfo=SEOUL)
MONTHS_AGO = TODAY - timedelta(days=70)


def drawn(page: Page, icon: str) -> str:
    """An icon as the browser writes it."""
    file = settings.BASE_DIR / design.ICONS / f"{icon}.svg"
    parse = "(text) => new DOMParser().parseFromString(text, 'text/html').body.innerHTML"
    return str(page.evaluate(parse, file.read_text()))


@pytest.fixture
def merchant() -> Merchant:
    return histories.shop("melody")


@pytest.fixture
def pay(merchant: Merchant) -> Callable[..., Payment]:
    """Makes paid payments of a line, as the books have them."""

    def make(last4: str, at: datetime) -> Payment:
        payment = histories.sale(merchant, at=at, billing_month=billing_month(at))
        payment.set_line(carrier="SKT", phone=f"+82109000{last4}", birthdate=BIRTHDATE, email="")
        payment.save()
        return payment

    return make


@pytest.fixture
def ask(pay: Callable[..., Payment]) -> Callable[..., Ticket]:
    """Makes cancellation requests."""

    def make(last4: str, at: datetime, *, paid_at: datetime | None = None) -> Ticket:
        request = tickets.Request(reason="CHANGE_OF_MIND", text="잘못 눌렀어요.")
        payment = pay(last4, paid_at or at)
        return tickets.open_ticket(payment=payment, request=request, language="ko", now=at)

    return make


@pytest.fixture
def staff() -> Callable[..., User]:
    """Makes somebody of the desk."""

    def make(role: str, name: str) -> User:
        email = f"{User.objects.count()}@desk.test"
        user = User.objects.create_user(email, histories.PASSWORD, is_staff=True, name=name)
        user.groups.add(Group.objects.get(name=role))
        return user

    return make


@pytest.fixture
def address() -> Iterator[str]:
    """Where the portal answers, from a thread of this process and from the test's own rows."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler)
    server.set_app(WSGIHandler())
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class QuietWSGIRequestHandler(WSGIRequestHandler):
    """Answers, and tells the test's output nothing of it."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def desktop(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens a browser of somebody, who signs in with the keyboard; None is a customer's phone."""
    contexts: list[BrowserContext] = []

    def new(user: User | None) -> Page:
        size = {"width": 1280, "height": 850} if user else {"width": 360, "height": 780}
        context = browser.new_context(base_url=address, viewport=size, locale="ko-KR")
        contexts.append(context)
        page = context.new_page()
        if user is not None:
            page.goto("/admin/")
            write(page, "이메일", user.email)
            write(page, "비밀번호", histories.PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_url(lambda url: "login" not in url)
        return page

    yield new
    for context in contexts:
        context.close()


@pytest.fixture
def at() -> Iterator[Callable[[datetime], None]]:
    """Sets the portal's clock; it stands there."""
    travels: list[Any] = []

    def set_clock(moment: datetime) -> None:
        leave()
        travels.append(time_machine.travel(moment, tick=False))
        travels[-1].start()

    def leave() -> None:
        while travels:
            travels.pop().stop()

    yield set_clock
    leave()


# Twenty cases with the keyboard alone


@dataclass(frozen=True)
class Plan:
    """What the agent does with a case, and where it then stands."""

    do: Callable[[Page], None]
    state: TicketState
    route: Route | None = None


def approve(page: Page) -> None:
    press_access_key(page, "a")
    expect(page.get_by_role("button", name="승인하기")).to_be_focused()
    page.keyboard.press("Enter")


def reject(page: Page) -> None:
    press_access_key(page, "r")
    page.keyboard.type("이미 들으신 곡이에요.")
    press(page, page.get_by_role("button", name="거절", exact=True))


def ask_customer(page: Page) -> None:
    press_access_key(page, "q")
    page.keyboard.type("언제 들으셨어요?")
    press(page, page.locator("#ask-reason ~ button"))
    press(page, page.get_by_role("button", name="질문 보내기"))


def refer(page: Page) -> None:
    press_access_key(page, "q")
    press(page, page.get_by_text("판매자에게 묻기"))
    write(page, "판매자에게 보낼 질문", "내려받은 기록이 있나요?")
    press(page, page.locator("#refer-reason ~ button"))
    press(page, page.get_by_role("button", name="판매자에게 보내기"))


def merge(first: Ticket) -> Callable[[Page], None]:
    def do(page: Page) -> None:
        press_access_key(page, "q")
        press(page, page.get_by_text("같은 요청으로 닫기"))
        write(page, "먼저 들어온 요청의 번호", first.number)
        write(page, "고객이 읽을 이유", "같은 곡에 대한 요청이에요.")
        press(page, page.locator("#duplicate-reason ~ button"))
        press(page, page.get_by_role("button", name="같은 요청으로 닫기"))

    return do


def number_on(page: Page) -> str:
    """The case a page is about."""
    found = re.search(r"C-\d+|O-\d+", page.locator(".desk-case > .quiet").first.inner_text())
    assert found
    return found.group()


def test_an_agent_clears_twenty_mixed_cases_with_the_keyboard_alone(
    at: Callable[[datetime], None],
    ask: Callable[..., Ticket],
    pay: Callable[..., Payment],
    staff: Callable[..., User],
    desktop: Callable[..., Page],
) -> None:
    at(TODAY)
    asked = iter(TODAY - timedelta(days=1, minutes=minute) for minute in range(60, 0, -1))
    plans: dict[str, Plan] = {}

    def plan(ticket: Ticket, *what: Any) -> Ticket:
        plans[ticket.number] = Plan(*what)
        return ticket

    for last4 in ("7101", "7102"):
        when = next(asked)
        ticket = disputes.report_not_me(
            payment=pay(last4, when),
            holder=Holder(f"+82109000{last4}", BIRTHDATE, ""),
            text="제가 하지 않았어요.",
            language="ko",
            now=when,
        )
        plan(
            ticket,
            *((approve, "APPROVED", Route.CARRIER) if last4 == "7101" else (reject, "REJECTED")),
        )
    for each in range(6):
        plan(ask(f"720{each}", next(asked)), approve, "APPROVED", Route.CARRIER)
    for each in range(3):
        old = ask(f"730{each}", next(asked), paid_at=MONTHS_AGO)
        plan(old, approve, "APPROVED", Route.BANK)
    for each in range(3):
        plan(ask(f"740{each}", next(asked)), reject, "REJECTED")
        plan(ask(f"741{each}", next(asked)), ask_customer, "WAITING_CUSTOMER")
    plan(ask("7500", next(asked)), refer, "WAITING_MERCHANT")
    second = ask("7600", next(asked))
    first = plan(ask("7600", next(asked)), approve, "APPROVED", Route.CARRIER)
    plan(second, merge(first), "DUPLICATE")
    assert len(plans) == 20

    page = desktop(staff(roles.AGENT, "상담원"))
    page.keyboard.press("Tab")
    press(page, page.get_by_role("link", name="요청 큐 열기"))
    expect(page.get_by_role("heading", level=1)).to_have_text(
        f"결정을 기다리는 요청이 {len(plans)}건 있어요"
    )
    press(page, page.locator("#result_list tbody th a").first)
    done: list[str] = []
    while len(done) < len(plans):
        page.wait_for_url("**/change/**")
        number = number_on(page)
        assert number not in done
        done.append(number)
        plans[number].do(page)
        expect(page.locator(".messagelist")).to_contain_text(f"{number}: ")
        # The next case is read from its top: Enter once more must not decide it.
        expect(page.get_by_role("main")).to_be_focused()

    expect(page.get_by_role("heading", level=1)).to_have_text("결정을 기다리는 요청이 없어요")
    found = {row.number: row for row in Ticket.objects.select_related("refund")}
    assert {number: row.state for number, row in found.items()} == {
        number: plan.state for number, plan in plans.items()
    }
    routes = {number: row.refund.route for number, row in found.items() if row.refund}
    assert routes == {number: plan.route for number, plan in plans.items() if plan.route}
    assert found[second.number].duplicate_of == first


# The lead


def test_a_lead_reassigns_a_case_and_reads_on_the_board_what_was_done(
    at: Callable[[datetime], None],
    ask: Callable[..., Ticket],
    staff: Callable[..., User],
    desktop: Callable[..., Page],
) -> None:
    at(TODAY)
    kim, park = staff(roles.AGENT, "김상담"), staff(roles.AGENT, "박상담")
    came = TODAY - timedelta(days=7)
    facts = {"expected_remaining_won": 2_200, "reason": "네", "by": f"staff:{kim.pk}"}
    for last4, hours in (("7101", 1), ("7102", 3), ("7103", 5)):
        ticket = ask(last4, came)
        tickets.approve(ticket_id=ticket.pk, now=came + timedelta(hours=hours), **facts)  # type: ignore[arg-type]
    late = ask("7104", came)
    tickets.reject(ticket_id=late.pk, reason="안 돼요", by=f"staff:{park.pk}", now=TODAY)
    handed = ask("7105", TODAY - timedelta(hours=2))
    tickets.claim(ticket_id=handed.pk, user_id=kim.pk, by=f"staff:{kim.pk}", now=TODAY)
    lead = desktop(staff(roles.LEAD, "이팀장"))

    lead.goto(f"/admin/support/ticket/{handed.pk}/change/")
    lead.get_by_label("맡길 사람").select_option("박상담")
    lead.get_by_role("button", name="맡기기").click()
    expect(lead.get_by_text("박상담 님이 맡았어요.")).to_be_visible()
    agent = desktop(park)
    agent.goto("/admin/support/ticket/?view=mine")
    expect(agent.get_by_role("link", name=handed.number)).to_be_visible()

    lead.goto("/admin/")
    lead.get_by_role("link", name="상담 현황").click()
    figures = dict(lead.locator(".desk-facts div").evaluate_all(_PAIRS))
    assert figures == {
        "통신사 취소 마감을 놓친 요청": "0",
        "늦게 답한 요청": "1",
        "기한 지난 요청": "0",
        "하루 안에 기한인 요청": "0",
    }
    assert row(lead, "쌓인 요청", "취소 요청") == ["1", "0", "0", "0", "0", "1"]
    assert row(lead, "상담원별", "김상담") == ["취소 요청", "3", "0", "3시간 0분", "3시간 0분"]
    assert row(lead, "상담원별", "박상담") == ["취소 요청", "1", "1", "7일 0시간", "7일 0시간"]
    assert row(lead, "취소 이유", "상점 melody") == ["단순 변심", "5"]


_PAIRS = "rows => rows.map((row) => [...row.children].map((one) => one.textContent))"


def row(page: Page, table: str, name: str) -> list[str]:
    """The cells beside a name in one of the board's tables."""
    found = page.get_by_role("region", name=table).get_by_role("row")
    cells = found.filter(has=page.get_by_role("rowheader", name=name)).get_by_role("cell")
    return cells.all_inner_texts()


# Other days


def test_a_case_waits_for_its_customer_across_seollal_and_its_clock_is_right_to_the_minute(
    at: Callable[[datetime], None],
    ask: Callable[..., Ticket],
    staff: Callable[..., User],
    desktop: Callable[..., Page],
) -> None:
    # Seollal 2027: Saturday 6 to Monday 8 February, and Tuesday 9 for the Sunday lost.
    at(datetime(2027, 2, 4, 15, 23, tzinfo=SEOUL))
    ticket = ask("7101", datetime(2027, 2, 3, 10, 0, tzinfo=SEOUL))
    person = staff(roles.AGENT, "상담원")
    agent, customer = desktop(person), desktop(None)
    case = f"/admin/support/ticket/{ticket.pk}/change/"
    agent.goto(case)
    expect(clocks(agent)).to_contain_text("답변 기한 2월 10일 18:00")
    ask_customer(agent)
    expect(agent.locator(".messagelist")).to_be_visible()

    agent.goto(case)
    expect(clocks(agent)).to_contain_text("멈춤, 업무 시간 20시간 37분 남음")
    at(datetime(2027, 2, 8, 21, 14, tzinfo=SEOUL))
    agent = desktop(person)
    agent.goto(case)
    expect(clocks(agent)).to_contain_text("멈춤, 업무 시간 20시간 37분 남음")
    customer.goto(f"/support/track/{ticket.token}/")
    customer.get_by_role("link", name="질문 보고 답하기").click()
    customer.get_by_role("textbox", name="답").fill("어제 들었어요.")
    customer.get_by_role("button", name="답 보내기").click()
    customer.wait_for_url("**/track/**")

    agent.reload()
    # 2:37 of Thursday, Friday and Wednesday were left: Wednesday, Thursday, 2:37 of Friday.
    expect(clocks(agent)).to_contain_text("답변 기한 2월 12일 11:37")
    expect(agent.locator(".desk-facts").first).to_contain_text("2월 12일 11:37")


def clocks(page: Page) -> Any:
    """The line over the title, where the chip is."""
    return page.locator(".desk-case > .quiet").first


def test_on_month_end_eve_the_queue_shows_first_what_must_go_today(
    at: Callable[[datetime], None],
    ask: Callable[..., Ticket],
    staff: Callable[..., User],
    desktop: Callable[..., Page],
) -> None:
    eve = datetime(2027, 3, 31, 20, 10, tzinfo=SEOUL)
    at(eve)
    # Asked for long before, and due before the other's answer is, but not at the carrier.
    old = ask("7101", eve - timedelta(days=1), paid_at=eve - timedelta(days=60))
    tonight = [ask(f"720{each}", eve - timedelta(hours=3 - each)) for each in range(2)]
    agent = desktop(staff(roles.AGENT, "상담원"))

    warning = agent.locator(".notice", has_text="오늘 23:50에 통신사 취소가 마감되는 요청이 2건")
    expect(warning).to_be_visible()
    agent.get_by_role("link", name="요청 큐 열기").click()
    expect(warning).to_be_visible()

    rows = agent.locator("#result_list tbody tr")
    numbers = [text.split()[0] for text in rows.locator("th a").all_inner_texts()]
    assert numbers == [ticket.number for ticket in (*tonight, old)]
    chips = rows.locator(".chip")
    expect(chips).to_have_text(
        ["통신사 취소 마감 3시간 남음", "통신사 취소 마감 3시간 남음", "답변 기한 4월 2일 18:00"]
    )
    icons = chips.locator(".icon").evaluate_all("all => all.map((one) => one.outerHTML)")
    assert icons == [drawn(agent, name) for name in ("circle-alert", "circle-alert", "clock")]
    colours = chips.evaluate_all("all => all.map((one) => getComputedStyle(one).color)")
    assert colours[0] == colours[1] != colours[2]
