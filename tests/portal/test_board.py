"""The leads' board: every figure against cases made by hand, at one price whatever their number."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from payments.calendar import SEOUL
from payments.models import Merchant, Payment
from portal import board, roles
from portal.models import User
from support import ratings, replies, tickets
from support.models import Ticket
from tests.portal import histories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 14, 0, tzinfo=SEOUL)
SINCE = NOW - timedelta(days=30)
AGENT = "staff:7"
Make = Callable[..., Ticket]


@pytest.fixture
def merchant() -> Merchant:
    return histories.shop("melody")


@pytest.fixture
def make(merchant: Merchant) -> Make:
    def case(at: datetime, *, reason: str = "OTHER", paid_at: datetime | None = None) -> Ticket:
        paid: Payment = histories.sale(merchant, at=paid_at or at)
        request = tickets.Request(reason=reason)
        return tickets.open_ticket(payment=paid, request=request, language="ko", now=at)

    return case


def reject(ticket: Ticket, at: datetime, by: str = AGENT) -> Ticket:
    return tickets.reject(ticket_id=ticket.pk, reason="안 돼요", by=by, now=at)


def approve(ticket: Ticket, at: datetime) -> Ticket:
    return tickets.approve(
        ticket_id=ticket.pk, expected_remaining_won=2_200, reason="네", by=AGENT, now=at
    )


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def found() -> board.Board:
    return board.board(since=SINCE, now=NOW)


def test_backlog_counts_open_cases_by_kind_and_age(make: Make) -> None:
    for days in (0.5, 0.9, 2, 5, 10, 20):
        make(ago(days=days))
    reject(make(ago(days=2)), ago(days=1))
    Ticket.objects.filter(pk=make(ago(days=8)).pk).update(kind="O")

    assert dict(found().backlog) == {
        "C": [2, 1, 1, 1, 1],
        "O": [0, 0, 0, 1, 0],
        "B": [0] * 5,
        "H": [0] * 5,
        "E": [0] * 5,
    }


def test_deadlines_missed_and_about_to_be(make: Make) -> None:
    for due in (ago(minutes=1), NOW, NOW + timedelta(minutes=1), NOW + timedelta(days=2)):
        Ticket.objects.filter(pk=make(ago(days=1)).pk).update(due_at=due)
    assert (found().overdue, found().soon) == (2, 1)


def test_a_case_that_waits_for_its_customer_is_not_about_to_be_late(make: Make) -> None:
    ticket = make(ago(days=3))
    tickets.ask_customer(ticket_id=ticket.pk, question="?", by=AGENT, now=ago(hours=30))
    assert (found().overdue, found().soon) == (0, 0)


def test_decided_late_counts_what_missed_its_deadline_in_the_window(make: Make) -> None:
    reject(make(ago(days=10)), ago(days=2))
    reject(make(ago(days=3)), ago(days=2))
    reject(make(ago(days=60)), ago(days=40))
    assert found().decided_late == 1


OCTOBER = datetime(2026, 10, 31, 12, 0, tzinfo=SEOUL)
CUTOFF = datetime(2026, 10, 31, 23, 50, tzinfo=SEOUL)


@pytest.mark.parametrize(
    ("asked", "decided", "missed"),
    [
        (OCTOBER, CUTOFF - timedelta(seconds=1), 0),
        (OCTOBER, CUTOFF, 1),
        (OCTOBER, OCTOBER + timedelta(days=3), 1),
        # It was asked for when the carrier no longer cancelled.
        (CUTOFF, OCTOBER + timedelta(days=3), 0),
        (OCTOBER + timedelta(days=1), OCTOBER + timedelta(days=3), 0),
        # Nobody has decided it yet.
        (OCTOBER, None, 1),
    ],
)
def test_cutoff_misses(make: Make, asked: datetime, decided: datetime | None, missed: int) -> None:
    ticket = make(asked, paid_at=OCTOBER - timedelta(days=1))
    if decided:
        approve(ticket, decided)
    assert found().cutoff_missed == missed


def test_a_request_that_was_turned_down_missed_no_cutoff(make: Make) -> None:
    reject(make(OCTOBER), OCTOBER + timedelta(days=3))
    assert found().cutoff_missed == 0


def test_times_are_the_middle_of_each_agent_and_kind(make: Make) -> None:
    for hours in (1, 2, 30):
        ticket = make(ago(days=3))
        reject(ticket, ago(days=3) + timedelta(hours=hours))
    reject(make(ago(days=2)), ago(days=1), by="staff:8")
    reject(make(ago(days=2)), ago(days=1), by="shopper")

    [first, second] = found().work

    assert (first.agent, first.kind, first.count, first.late) == (AGENT, "C", 3, 0)
    assert first.resolution == timedelta(hours=2)
    assert first.first_answer == timedelta(hours=2)
    assert (second.agent, second.resolution) == ("staff:8", timedelta(days=1))


def test_a_reply_is_the_first_answer(make: Make) -> None:
    ticket = make(ago(days=3))
    facts = {"ticket_id": ticket.pk, "by": AGENT}
    replies.write(text="봤어요", waits=False, now=ago(days=3) + timedelta(hours=1), **facts)
    replies.send_due(now=ago(days=3) + timedelta(hours=2))
    reject(ticket, ago(days=2))
    [work] = found().work
    assert (work.first_answer, work.resolution) == (timedelta(hours=2), timedelta(days=1))


def test_reasons_by_merchant_most_common_first(make: Make) -> None:
    for reason in ("OTHER", "MISDESCRIBED", "MISDESCRIBED"):
        make(ago(days=1), reason=reason)
    make(ago(days=40), reason="MINOR")
    assert found().reasons == [
        ("상점 melody", "MISDESCRIBED", 2),
        ("상점 melody", "OTHER", 1),
    ]


def test_satisfaction_by_agent_and_kind(make: Make) -> None:
    for by, score in ((AGENT, "GOOD"), (AGENT, "GOOD"), (AGENT, "POOR"), ("staff:8", "FAIR")):
        ticket = make(ago(days=3))
        reject(ticket, ago(days=2), by=by)
        ratings.rate(ticket_id=ticket.pk, score=score, text="", now=ago(days=1))
    reject(old := make(ago(days=60)), ago(days=50))
    ratings.rate(ticket_id=old.pk, score="POOR", text="", now=ago(days=40))

    assert found().satisfaction == [
        board.Satisfaction(AGENT, "C", good=2, fair=0, poor=1),
        board.Satisfaction("staff:8", "C", good=0, fair=1, poor=0),
    ]


def test_the_board_costs_the_same_statements_whatever_it_counts(
    make: Make, django_assert_num_queries: Callable[[int], object]
) -> None:
    for number in range(12):
        ticket = make(ago(days=2))
        if number % 2:
            reject(ticket, ago(days=1), by=f"staff:{number}")
    with django_assert_num_queries(7):  # type: ignore[attr-defined]
        found()


# The page and the file


@pytest.fixture
def lead(client: Client) -> Iterator[Client]:
    user = User.objects.create_user("lead@desk.test", is_staff=True, name="김팀장")
    user.groups.add(Group.objects.get(name=roles.LEAD))
    client.force_login(user)
    with mock.patch.object(timezone, "now", return_value=NOW):
        yield client


def test_page_and_file_say_the_same(lead: Client, make: Make) -> None:
    boss = User.objects.get(email="lead@desk.test")
    for _ in range(3):
        ticket = make(ago(days=3), reason="MISDESCRIBED")
        reject(ticket, ago(days=2), by=f"staff:{boss.pk}")
    ratings.rate(ticket_id=ticket.pk, score="GOOD", text="", now=ago(days=1))
    Ticket.objects.filter(pk=make(ago(days=1)).pk).update(due_at=ago(hours=1))

    shown = lead.get("/admin/board/").content.decode()
    answer = lead.get("/admin/board.csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    lines = list(csv.reader(io.StringIO(text)))

    assert "김팀장" in shown
    assert "24시간 0분" in shown
    assert ["상담원", "김팀장", "취소 요청", "결정", "3"] in lines
    assert ["상담원", "김팀장", "취소 요청", "결정까지 (분)", "1440"] in lines
    assert ["마감", "", "", "기한 지난 요청", "1"] in lines
    assert ["고객의 평가", "김팀장", "취소 요청", "좋았어요", "1"] in lines
    assert ["고객의 평가", "김팀장", "취소 요청", "아쉬워요", "0"] in lines
    assert ["취소 이유", "상점 melody", "", "상품이 설명과 달라요", "3"] in lines
    assert answer["Content-Disposition"] == 'attachment; filename="desk-20261123-30d.csv"'


@pytest.mark.parametrize("days", ["7", "90", "", "8", "x", "-1"])
def test_windows(lead: Client, days: str) -> None:
    assert lead.get("/admin/board/", {"days": days}).status_code == 200


def test_an_empty_desk_says_so(lead: Client) -> None:
    shown = lead.get("/admin/board/").content.decode()
    assert "이 기간에 결정한 요청이 없어요." in shown
    assert "이 기간에 받은 평가가 없어요." in shown
    assert "이 기간에 들어온 취소 요청이 없어요." in shown
