"""My payments, as a browser without JavaScript sees them."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from payments.calendar import Route
from payments.models import LineRules, Merchant, Message, Payment, PhoneVerification, Refund
from payments.states import PaymentState, RefundState
from support import queue
from support.models import Ticket
from support.visits import VISIT_LASTS
from tests.payments.test_parts import given_back
from tests.portal import histories, mine

pytestmark = pytest.mark.django_db
NOW = mine.MID_MONTH
LAST_MONTH = NOW - timedelta(days=28)


@pytest.fixture(autouse=True)
def _mid_month() -> Iterator[None]:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def shop() -> Merchant:
    return histories.shop("tune")


@pytest.fixture
def payment(shop: Merchant) -> Payment:
    return mine.paid(shop)


@pytest.fixture
def visitor(client: Client, payment: Payment) -> Client:
    """The payer, inside."""
    return mine.enter(client)


def heading(at: datetime) -> str:
    """How a month is headed in the list."""
    return f"{at.year}년 {at.month}월"


def html(answer: Any) -> str:
    return str(answer.content.decode())


# The door


def test_number_birthdate_and_code_open_ones_payments(client: Client, payment: Payment) -> None:
    inside = mine.enter(client)

    assert payment.item_name in html(inside.get("/my/"))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"phone": ""}, "휴대전화번호를 입력하세요"),
        ({"phone": "02-123-4567"}, "휴대전화번호"),
        ({"birthdate": ""}, "생년월일을 입력하세요"),
        ({"birthdate": "19900231"}, "없는 날짜예요"),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_typed(
    client: Client, typed: dict[str, str], words: str
) -> None:
    answer = client.post("/my/", {"phone": "010-9000-3001", "birthdate": "19900131"} | typed)

    assert answer.status_code == 422
    assert words in html(answer)
    assert "오류: " in html(answer)


def test_a_resident_number_is_not_shown_back(client: Client) -> None:
    answer = client.post("/my/", {"phone": "010-9000-3001", "birthdate": "900131-1234567"})

    assert answer.status_code == 422
    assert "1234567" not in html(answer)


@pytest.mark.parametrize("born", ["19900131", "900131", "1990-01-31", "1990.1.31"])
def test_a_birthdate_may_be_written_as_people_write_it(
    client: Client, payment: Payment, born: str
) -> None:
    assert payment.item_name in html(mine.enter(client, born=born).get("/my/"))


def test_another_birthdate_finds_nothing_like_an_unknown_number(
    client: Client, payment: Payment
) -> None:
    stranger = html(mine.enter(Client(), born="19850505").get("/my/"))
    unknown = html(mine.enter(Client(), last4="3999").get("/my/"))

    assert payment.item_name not in stranger
    assert "이 번호와 생년월일로 한 결제가 없어요" in stranger
    assert masked(stranger, "3001") == masked(unknown, "3999")


def test_a_wrong_code_leaves_tries_and_the_fifth_ends_it(client: Client, payment: Payment) -> None:
    mine.knock(client)
    wrong = f"{(int(mine.texted_code()) + 1) % 1_000_000:06d}"

    first = client.post("/my/code/", {"code": wrong})
    for _ in range(4):
        last = client.post("/my/code/", {"code": wrong})
    right = client.post("/my/code/", {"code": mine.texted_code()})

    assert "4번 더 입력할 수 있어요" in html(first)
    assert "다섯 번 모두 맞지 않았어요" in html(last)
    assert right.status_code == 422
    assert client.get("/my/rules/").status_code == 302


def test_only_the_newest_code_opens_the_door(client: Client, payment: Payment) -> None:
    mine.knock(client)
    old = mine.texted_code()
    client.post("/my/code/again/")

    assert client.post("/my/code/", {"code": old}).status_code == 422
    assert client.post("/my/code/", {"code": mine.texted_code()}).status_code == 302


def test_the_secret_changes_on_the_way_in(client: Client, payment: Payment) -> None:
    mine.knock(client)
    before = client.cookies["my"].value
    client.post("/my/code/", {"code": mine.texted_code()})

    cookie = client.cookies["my"]
    assert cookie.value != before
    assert (cookie["httponly"], cookie["path"], cookie["samesite"]) == (True, "/my/", "Lax")
    planted = Client()
    planted.cookies["my"] = before
    assert planted.get("/my/rules/").status_code == 302


def test_a_visit_ends_by_itself_and_on_leaving(visitor: Client) -> None:
    secret = visitor.cookies["my"].value
    with time_machine.travel(timezone.now() + VISIT_LASTS + timedelta(seconds=1)):
        assert visitor.get("/my/rules/").headers["Location"] == "/my/?late=1"

    visitor.post("/my/leave/")
    visitor.cookies["my"] = secret
    assert visitor.get("/my/rules/").status_code == 302


def test_the_sixth_code_of_an_hour_is_not_sent_and_nobody_can_tell(payment: Payment) -> None:
    pages = []
    for _ in range(6):
        client = Client()
        answer = mine.knock(client)
        pages.append((answer.status_code, html(client.get(answer.headers["Location"]))))

    waiting = Message.objects.filter(kind="verification", done_at__isnull=True)
    assert waiting.count() == 5
    assert len({(status, unmarked(page)) for status, page in pages}) == 1


def test_pages_behind_the_door_are_closed_without_a_visit(client: Client, payment: Payment) -> None:
    base = f"/my/{payment.reference}/"
    for path in (
        "/my/rules/",
        "/my/payments.csv",
        "/my/payments.pdf",
        base,
        f"{base}receipt/",
        f"{base}receipt.pdf",
        f"{base}cancel/",
        f"{base}not-me/",
    ):
        assert client.get(path).headers["Location"] == "/my/", path
        assert client.post(path).status_code in (302, 405), path


def test_somebody_elses_payment_does_not_exist(visitor: Client, shop: Merchant) -> None:
    other = mine.paid(shop, last4="3002")

    for tail in ("", "receipt/", "receipt.pdf", "cancel/", "not-me/"):
        assert visitor.get(f"/my/{other.reference}/{tail}").status_code == 404, tail
        assert visitor.post(f"/my/{other.reference}/{tail}").status_code in (404, 405), tail


# The list


def test_payments_of_every_shop_stand_under_their_month(visitor: Client, shop: Merchant) -> None:
    books = histories.shop("books")
    mine.paid(books, item_name="밤의 우체국", at=LAST_MONTH)

    page = html(visitor.get("/my/"))

    assert page.index(heading(NOW)) < page.index(heading(LAST_MONTH)) < page.index("밤의 우체국")
    assert "010-****-3001" in page
    assert "9000-3001" not in page.replace("****", "")


def test_the_list_can_be_narrowed_to_a_month_and_a_shop(visitor: Client, shop: Merchant) -> None:
    books = histories.shop("books")
    mine.paid(books, item_name="밤의 우체국")
    mine.paid(shop, item_name="오래된 노래", at=LAST_MONTH)
    this, last = f"{NOW:%Y-%m}", f"{LAST_MONTH:%Y-%m}"

    assert "밤 산책" not in html(visitor.get("/my/?shop=books"))
    assert "오래된 노래" not in html(visitor.get(f"/my/?month={this}"))
    assert "오래된 노래" in html(visitor.get(f"/my/?month={last}"))
    assert "맞는 결제가 없어요" in html(visitor.get(f"/my/?month={last}&shop=books"))
    assert visitor.get("/my/?month=nonsense&shop=").status_code == 200


def test_pages_follow_one_another_without_loss(visitor: Client, shop: Merchant) -> None:
    for number in range(25):
        mine.paid(shop, item_name=f"곡 {number:02d}", at=timezone.now() - timedelta(days=number))
    seen, url = 0, "/my/"
    while url:
        answer = visitor.get(url)
        seen += len(answer.context["rows"])
        older = answer.context["page"].older_url
        url = f"/my/{older}" if older else ""

    assert seen == 26


def test_nothing_that_never_began_is_in_the_list(visitor: Client, shop: Merchant) -> None:
    for state in ("CREATED", "EXPIRED", "CANCELED"):
        mine.unpaid(shop, state, item_name="안 산 것")
    mine.unpaid(shop, "DECLINED", item_name="거절된 것", failure_code="LIMIT_MONTHLY")

    page = html(visitor.get("/my/"))

    assert "안 산 것" not in page
    assert "거절된 것" in page


# One payment


def test_a_payment_tells_its_story_its_seller_and_its_receipt(
    visitor: Client, payment: Payment
) -> None:
    page = html(visitor.get(f"/my/{payment.reference}/"))

    for words in (
        "결제창을 열었어요",
        "02-555-0100",
        "help@tune.test",
        payment.reference,
        "이의신청",
    ):
        assert words in page
    assert "바로 취소하기" in page
    assert f"지금 취소하면 {NOW.month}월 휴대폰 요금에서 빠져요." in page


def test_a_declined_payment_says_that_no_money_left(visitor: Client, shop: Merchant) -> None:
    declined = mine.unpaid(shop, "DECLINED", failure_code="LIMIT_MONTHLY")

    page = html(visitor.get(f"/my/{declined.reference}/"))

    assert "돈이 빠져나가지 않았어요" in page
    assert "바로 취소하기" not in page
    assert visitor.get(f"/my/{declined.reference}/receipt.pdf").status_code == 302


def test_the_receipt_is_a_page_and_a_file(visitor: Client, payment: Payment) -> None:
    page = html(visitor.get(f"/my/{payment.reference}/receipt/"))
    file = visitor.get(f"/my/{payment.reference}/receipt.pdf")

    assert payment.reference in page
    assert "010-****-3001" in page
    assert file.headers["Content-Type"] == "application/pdf"
    assert payment.reference in file.headers["Content-Disposition"]
    assert file.content.startswith(b"%PDF-")
    assert b"Pretendard" in file.content


def test_the_history_is_a_csv_that_excel_reads_and_cannot_run(
    visitor: Client, shop: Merchant
) -> None:
    mine.paid(shop, item_name="=1+1", amount_won=3_300)

    raw = b"".join(visitor.get("/my/payments.csv").streaming_content)  # type: ignore[arg-type]

    assert raw.startswith("﻿".encode())
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))
    assert len(rows) == 3
    assert "'=1+1" in [cell for row in rows for cell in row]
    assert {row[9] for row in rows[1:]} == {"3300", "2200"}
    assert {row[6] for row in rows[1:]} == {"010-****-3001"}


def test_the_history_is_a_pdf(visitor: Client, shop: Merchant) -> None:
    for number in range(60):
        mine.paid(shop, item_name=f"긴 이름의 곡 {number} " * 4)

    file = visitor.get("/my/payments.pdf")

    assert file.content.startswith(b"%PDF-")
    assert file.content.count(b"/Type /Page\n") > 1


# A part that came back


def test_a_part_that_came_back_is_said_and_the_rest_can_be_cancelled(
    visitor: Client, payment: Payment
) -> None:
    given_back(payment, 1_200, Route.CARRIER)

    page = html(visitor.get(f"/my/{payment.reference}/"))
    listed = html(visitor.get("/my/"))
    receipt = html(visitor.get(f"/my/{payment.reference}/receipt/"))
    window = html(visitor.get(f"/pay/{payment.token}/"))
    raw = b"".join(visitor.get("/my/payments.csv").streaming_content)  # type: ignore[arg-type]

    assert "2,200원 중 1,200원을 돌려드렸어요" in page
    assert "지금 취소하면 남은 1,000원이" in page
    assert "일부 환불됨" in listed
    for text in (page, listed, receipt):
        assert "요금에 1,000원 청구" in text
    assert "2,200원 중 1,200원" in receipt
    assert "2,200원 중 1,200원을 돌려드렸어요" in window
    assert "청구서에 1,000원이 더해져요" in window
    (row,) = csv.DictReader(io.StringIO(raw.decode("utf-8-sig")))
    assert (row["상태"], row["금액(원)"], row["돌려받은 금액(원)"]) == (
        "일부 환불됨",
        "2200",
        "1200",
    )


def test_two_parts_by_two_ways_are_all_of_it(visitor: Client, payment: Payment) -> None:
    given_back(payment, 1_200, Route.CARRIER)
    given_back(payment, 1_000, Route.BANK)

    page = html(visitor.get(f"/my/{payment.reference}/"))

    assert "모두 돌려드렸어요" in page
    assert "요금에서 1,200원 빠졌어요" in page
    assert "계좌로 1,000원 보냈어요" in page
    assert "요금에 1,000원 청구" in page
    assert "취소하고 싶다면" not in page


# Cancelling


def test_an_unused_payment_of_this_month_is_cancelled_by_one_press(
    visitor: Client, payment: Payment
) -> None:
    asked = visitor.get(f"/my/{payment.reference}/cancel/")
    answer = visitor.post(f"/my/{payment.reference}/cancel/")

    ticket, refund = Ticket.objects.get(), Refund.objects.get()
    assert "늦어도" in html(asked)
    assert answer.headers["Location"] == f"/support/track/{ticket.token}/"
    assert (ticket.state, ticket.refund, ticket.decided_by) == ("APPROVED", refund, "shopper")
    assert (refund.state, refund.amount_won) == (RefundState.SCHEDULED, 2_200)
    page = html(visitor.get(f"/my/{payment.reference}/"))
    assert "진행 단계" in page
    assert "바로 취소할 수 있는 결제예요" in page
    assert "상담원이 확인했어요" not in page


def test_pressing_twice_is_one_refund(visitor: Client, payment: Payment) -> None:
    for _ in range(2):
        answer = visitor.post(f"/my/{payment.reference}/cancel/")

    assert answer.headers["Location"].startswith("/support/track/")
    assert Refund.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"used_at": timezone.now()},
        {"is_refused_by_carrier": True},
        {"amount_won": 30_001},
    ],
)
def test_a_payment_that_has_to_be_judged_goes_to_the_request(
    visitor: Client, payment: Payment, change: dict[str, object]
) -> None:
    Payment.objects.filter(pk=payment.pk).update(**change)

    for answer in (
        visitor.get(f"/my/{payment.reference}/cancel/"),
        visitor.post(f"/my/{payment.reference}/cancel/"),
    ):
        assert answer.headers["Location"] == f"/support/request/?payment={payment.token}"
    assert Refund.objects.count() == 0
    page = html(visitor.get(f"/my/{payment.reference}/"))
    assert "바로 취소하기" not in page
    assert "결제 취소 요청" in page


def test_a_payment_of_last_month_says_that_it_goes_to_the_account(
    visitor: Client, shop: Merchant
) -> None:
    old = mine.paid(shop, at=LAST_MONTH)

    assert "계좌로 돌려드려요" in html(visitor.get(f"/my/{old.reference}/"))


def test_the_page_asks_again_only_while_something_may_change(
    visitor: Client, payment: Payment
) -> None:
    url = f"/my/{payment.reference}/"
    assert "hx-trigger" not in html(visitor.get(url))

    visitor.post(f"{url}cancel/")
    page = visitor.get(url)
    version = page.context["version"]
    same = visitor.get(f"{url}?seen={version}", headers={"hx-request": "true"})
    changed = visitor.get(f"{url}?seen=old", headers={"hx-request": "true"})

    assert f"seen={version}" in html(page)
    assert same.status_code == 204
    assert html(changed).lstrip().startswith("<div")


# Not me


def test_a_payment_that_is_not_mine_blocks_the_line_and_opens_an_urgent_case(
    visitor: Client, payment: Payment
) -> None:
    url = f"/my/{payment.reference}/not-me/"
    form = html(visitor.get(url))
    visitor.post(url, {"text": "밤에 자고 있었어요"})

    case = Ticket.objects.get()
    assert "바로 어느 상점에서도 결제되지 않아요" in form
    assert (case.kind, case.is_priority, case.reason) == ("O", True, "UNAUTHORIZED")
    assert case.payment == payment
    assert LineRules.objects.get().is_blocked
    after = html(visitor.get(url))
    for words in ("114", "112", "1644-2367", "지우지 말고 모아 두세요", case.number):
        assert words in after


def test_reporting_makes_a_standing_request_urgent_instead_of_a_twin(
    visitor: Client, payment: Payment
) -> None:
    visitor.post(f"/support/request/?payment={payment.token}", {"reason": "OTHER"})
    visitor.post(f"/my/{payment.reference}/not-me/", {"text": "저 아니에요"})

    case = Ticket.objects.get()
    assert case.is_priority
    assert case.notes.filter(text="NOT_ME").count() == 1


def test_a_declined_payment_can_be_reported_too(visitor: Client, shop: Merchant) -> None:
    declined = mine.unpaid(shop, "DECLINED", failure_code="LIMIT_MONTHLY")

    visitor.post(f"/my/{declined.reference}/not-me/")

    assert Ticket.objects.get().payment == declined


def test_a_resident_number_in_a_report_is_refused_and_nothing_happens(
    visitor: Client, payment: Payment
) -> None:
    answer = visitor.post(f"/my/{payment.reference}/not-me/", {"text": "900131-1234567"})

    assert answer.status_code == 422
    assert Ticket.objects.count() == LineRules.objects.count() == 0


# One's own rules


def test_blocking_says_so_and_unblocking_says_when(visitor: Client) -> None:
    blocked = visitor.post("/my/rules/", {"what": "block"}, follow=True)
    asked = visitor.post("/my/rules/", {"what": "unblock"}, follow=True)
    kept = visitor.post("/my/rules/", {"what": "keep-blocked"}, follow=True)

    assert "이 번호의 결제를 막아 두었어요" in html(blocked)
    assert "에 풀려요" in html(asked)
    assert "차단을 그대로 두었어요." in html(kept)
    assert "이 번호의 결제를 막아 두었어요" in html(visitor.get("/my/"))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "한 달 한도를 입력하세요"),
        ("많이", "숫자로 입력하세요"),
        ("500", "부터"),
        ("9999999", "까지 정할 수 있어요"),
    ],
)
def test_a_limit_that_is_none_is_explained(visitor: Client, typed: str, words: str) -> None:
    answer = visitor.post("/my/rules/", {"what": "limit", "limit": typed})

    assert answer.status_code == 422
    assert words in html(answer)
    assert LineRules.objects.count() == 0


def test_a_limit_is_lowered_at_once_and_raised_with_its_date(visitor: Client) -> None:
    lowered = visitor.post("/my/rules/", {"what": "limit", "limit": "20,000원"}, follow=True)
    raised = visitor.post("/my/rules/", {"what": "limit", "limit": "50000"}, follow=True)
    gone = visitor.post("/my/rules/", {"what": "no-limit"}, follow=True)

    assert "지금부터 한 달에 20,000원까지만 결제돼요." in html(lowered)
    assert "부터 50,000원까지" in html(raised)
    assert "내가 정한 한도가 없어져요" in html(gone)
    assert LineRules.objects.get().limit_won == 20_000


def test_a_decision_nobody_offers_changes_nothing(visitor: Client) -> None:
    visitor.post("/my/rules/", {"what": "nonsense"})

    assert LineRules.objects.count() == 0


def test_the_queue_shows_an_urgent_case_first(visitor: Client, shop: Merchant) -> None:
    other = mine.paid(shop)
    visitor.post(f"/support/request/?payment={other.token}", {"reason": "OTHER"})
    mine_ = Payment.objects.exclude(pk=other.pk).get(state=PaymentState.PAID)
    visitor.post(f"/my/{mine_.reference}/not-me/")

    shown = queue.cases(queue.View.TODO, user_id=0, now=timezone.now())
    assert [case.is_priority for case in shown] == [True, False]


def masked(page: str, last4: str) -> str:
    """The page without what differs by number and by request."""
    return unmarked(page).replace(last4, "LAST")


def unmarked(page: str) -> str:
    """The page without the form tokens."""
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page)


def test_the_rows_of_a_visit_keep_neither_code_nor_birthdate(
    client: Client, payment: Payment
) -> None:
    mine.enter(client)

    row = PhoneVerification.objects.get()
    kept = " ".join(str(value) for value in vars(row).values())
    assert "1990" not in kept
    assert client.cookies["my"].value not in kept
