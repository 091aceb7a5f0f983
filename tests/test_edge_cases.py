"""The twenty edge cases of the domain (domain §15), one test each, in the list's order.

Most are looked at from more sides elsewhere; here each is said once, as a whole.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest
import time_machine
from django.db.models import Sum
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments import checkout, money, notifications, refunds, retention, settlement, subscriber
from payments.calendar import SEOUL, Capabilities, Policy, Reason, Route, refund_route
from payments.calendar import business_days_after as business_days
from payments.limits import Scope
from payments.models import (
    Alert,
    CarrierCall,
    LimitUse,
    Message,
    OutboxEvent,
    Payment,
    Payout,
    Refund,
)
from payments.states import PaymentState, RefundState
from payments.subscriber import UnreadableBirthdate
from portal.logs import mask
from support import clocks, desk, notices, tickets
from support.models import Ticket
from tests import factories, phones
from tests.payments import test_refunds, test_retention, test_settlement
from tests.payments.test_checkout import open_link, outcomes_of
from tests.portal import histories, mine
from tests.rules.test_calendar import PaidStub, kst

pytestmark = pytest.mark.django_db(transaction=True)
TEN_MINUTES = Capabilities(min_age=timedelta(minutes=10))


def route(paid_at: datetime, now: datetime, capabilities: Capabilities | None = None) -> Any:
    found = refund_route(PaidStub(paid_at), now, capabilities or Capabilities(), Policy())
    return found.route, found.reason


def order_fault(operator: Any, **order: Any) -> None:
    """Make the operator misbehave."""
    httpx2.post(
        f"{operator.base_url}/control/faults",
        headers={"Authorization": f"Bearer {operator.token}"},
        json={"times": 1} | order,
    ).raise_for_status()


def line_month_won() -> int:
    uses = LimitUse.objects.filter(scope=Scope.LINE_MONTH)
    return uses.aggregate(won=Sum("used_won"))["won"] or 0


def state_of(payment: Payment) -> str:
    payment.refresh_from_db()
    return payment.state


def look(payment: Payment, *, after: timedelta = timedelta(0)) -> str:
    """The resolver looks into it; returns the state."""
    Payment.objects.filter(pk=payment.pk).update(check_at=timezone.now())
    checkout.resolve_due(now=timezone.now() + after)
    return state_of(payment)


def test_01_paid_in_the_last_seconds_of_january_and_cancelled_in_february() -> None:
    """1. Paid 31 Jan 23:59:50 KST, cancel 1 Feb 00:00:05 → BANK; the same with UTC timestamps."""
    paid_at, asked_at = kst("2026-01-31T23:59:50"), kst("2026-02-01T00:00:05")

    in_korea = route(paid_at, asked_at)
    in_utc = route(paid_at.astimezone(UTC), asked_at.astimezone(UTC))

    assert in_korea == in_utc == (Route.BANK, Reason.MONTH_CLOSED)


def test_02_ordered_in_january_and_paid_in_february() -> None:
    """2. Order created 31 Jan, paid 1 Feb → cancellable all February."""
    payment = histories.sale(histories.shop("melody"), at=kst("2026-02-01T00:00:10"))
    Payment.objects.filter(pk=payment.pk).update(created_at=kst("2026-01-31T23:58"))
    payment.refresh_from_db()

    assert refunds.verdict(payment, kst("2026-02-01T00:00:11")).route == Route.CARRIER
    assert refunds.verdict(payment, kst("2026-02-28T23:49:59")).route == Route.CARRIER
    assert refunds.verdict(payment, kst("2026-02-28T23:50")).route == Route.BANK


def test_03_paid_five_minutes_before_month_end_with_the_ten_minute_rule(client: Client) -> None:
    """3. Paid 5 min before month end with the 10-min rule → carrier cancel never possible."""
    paid_at = kst("2026-01-31T23:55")

    found = {
        route(paid_at, paid_at + timedelta(minutes=minutes), TEN_MINUTES) for minutes in range(30)
    }

    assert found == {(Route.BANK, Reason.MONTH_CLOSED)}
    # And nobody is promised otherwise.
    shop = histories.shop("melody")
    with time_machine.travel(paid_at, tick=False):
        payment = mine.paid(shop, at=paid_at)
        payment.set_line(
            carrier="SKT", phone=payment.phone, birthdate=factories.BORN, email="a@b.test"
        )
        window = client.get(reverse("payments:window", args=[payment.token])).content.decode()
        product = client.get("/shop/melody/night-walk/").content.decode()
        notifications.paid(payment, now=paid_at)
    mail = Message.objects.get(channel=Message.Channel.EMAIL).text
    for text in (window, product, mail):
        assert "23:50" not in text
    assert "취소하면 본인 계좌로 돌려드려요" in window
    assert "취소하시면 계좌로 돌려드립니다." in mail


def test_04_filed_in_january_and_approved_in_february() -> None:
    """4. Ticket filed 31 Jan, approved by the agent 1 Feb → the route flips, the customer is
    told.
    """
    payment = mine.paid(histories.shop("melody"), at=kst("2026-01-20T12:00"))
    request = tickets.Request(reason=Ticket.Reason.CHANGE_OF_MIND)
    filed, approved = kst("2026-01-31T23:30"), kst("2026-02-01T09:10")
    ticket = tickets.open_ticket(payment=payment, request=request, language="ko", now=filed)
    assert desk.outcome(payment, now=filed).is_bank is False
    shown = desk.outcome(payment, now=approved)

    ticket = tickets.approve(
        ticket_id=ticket.pk,
        expected_remaining_won=2_200,
        reason="네",
        by="staff:1",
        now=approved,
    )
    notices.send(notices.APPROVED, ticket, now=approved)

    # The agent saw it before pressing.
    assert (shown.is_bank, "계좌로 2,200원" in shown.title) == (True, True)
    assert ticket.refund is not None
    assert (ticket.refund.route, ticket.refund.state) == (Route.BANK, RefundState.AWAITING_ACCOUNT)
    assert "통신사 취소 기한이 지나 계좌로 돌려드려요." in Message.objects.latest("pk").text
    asked = OutboxEvent.objects.filter(kind="refund.account_needed", subject_id=ticket.refund.pk)
    assert asked.count() == 1


def test_05_exactly_ten_thousand_won_and_one_more() -> None:
    """5. Amount exactly 10,000 (1 y) against 10,001 (5 y): 초과."""
    old = test_retention.years_before(1, seconds=1)
    one_year, five_years = (test_retention.payment(won, at=old) for won in (10_000, 10_001))

    retention.purge(held=Ticket.objects.none(), now=test_retention.NOW)

    assert not test_retention.knows_payer(one_year)
    assert test_retention.knows_payer(five_years)


@pytest.mark.parametrize("notice", ["twice", "before the code", "never"])
def test_06_two_tabs_and_notices_in_any_number(operator: Any, notice: str) -> None:
    """6. Two tabs confirm one order; double notification; notification before redirect;
    notification never.
    """
    payment = factories.awaiting("0000")
    code = factories.texted_code(operator.base_url, "0000")
    if notice == "before the code":
        open_link(operator.base_url, "0000")
        checkout.note_event(payment_id=payment.pk, event_id="e", kind="r", now=timezone.now())

    outcomes_of(2, lambda: checkout.confirm_with_code(payment.pk, code, now=timezone.now()))
    if notice == "twice":
        for _ in range(2):
            checkout.note_event(payment_id=payment.pk, event_id="e", kind="r", now=timezone.now())

    assert look(payment, after=timedelta(seconds=90)) == PaymentState.PAID
    assert len(factories.charges(operator.base_url, operator.token, payment.reference)) == 1
    assert payment.postings.count() == 1


def test_07_the_last_try_is_wrong_too(operator: Any) -> None:
    """7. Wrong code on the last try → the payment ends (CODE_ATTEMPTS_EXCEEDED), reservation
    dropped, month usage unchanged.
    """
    before = line_month_won()
    payment = factories.awaiting("0000")
    wrong = factories.wrong(factories.texted_code(operator.base_url, "0000"))
    reserved = payment.carrier_payment_id

    outcomes = [next(iter(outcomes_of(1, lambda: confirm(payment, wrong)))) for _ in range(5)]

    assert outcomes == ["WrongCode"] * 4 + ["AttemptsExceeded"]
    assert state_of(payment) == PaymentState.DECLINED
    assert payment.failure_code == "CODE_ATTEMPTS_EXCEEDED"
    assert theirs(operator, reserved) in {"cancelled", "denied"}
    assert line_month_won() == before


def confirm(payment: Payment, code: str) -> None:
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())


def theirs(operator: Any, carrier_payment_id: str) -> str:
    """What the operator says of a reservation."""
    answer = httpx2.get(
        f"{operator.base_url}/carrier-billing/v0.5/payments/{carrier_payment_id}",
        headers={"Authorization": f"Bearer {operator.token}"},
    )
    return str(answer.json()["paymentStatus"])


def test_08_a_scanner_opens_the_link_and_somebody_uses_it_after_the_code(operator: Any) -> None:
    """8. Link opened by a scanner (GET) → nothing confirmed. Link used after the code was used."""
    payment = factories.awaiting("0000")
    code = factories.texted_code(operator.base_url, "0000")
    texts = phones.texts(f"{operator.base_url}/sandbox", "0000")
    link = next(found[0] for text in texts if (found := re.search(r"https?://\S+", text)))

    assert httpx2.get(link).status_code == 200
    assert look(payment) == PaymentState.AWAITING_CONFIRMATION

    confirm(payment, code)

    assert httpx2.get(link).status_code == 410
    assert state_of(payment) == PaymentState.PAID
    assert len(factories.charges(operator.base_url, operator.token, payment.reference)) == 1


@pytest.mark.parametrize("answer", ["at once", "lost"])
def test_09_a_late_success_after_the_window_closed(operator: Any, answer: str) -> None:
    """9. Late success after EXPIRED → reversed."""
    payment = factories.awaiting("0000")
    open_link(operator.base_url, "0000")
    order = {"phoneNumber": "+821090000000"}
    url = f"{operator.base_url}/carrier-billing/v0.5/payments/{payment.carrier_payment_id}/confirm"
    # A call of ours that everybody gave up arrives after all.
    late = httpx2.post(url, headers={"Authorization": f"Bearer {operator.token}"}, json=order)
    assert late.status_code == 202
    Payment.objects.filter(pk=payment.pk).update(expires_at=timezone.now())
    if answer == "lost":
        order_fault(operator, operation="create_refund", mode="error_after")

    for minutes in range(3):
        look(payment, after=timedelta(minutes=minutes, seconds=1))

    assert state_of(payment) == PaymentState.EXPIRED
    reversal = CarrierCall.objects.get(payment=payment, kind="REVERSE")
    assert reversal.state == CarrierCall.State.OK
    assert refunded_there(operator, payment) == [payment.amount_won]
    assert Alert.objects.get().ref == f"call:{reversal.pk}"
    assert not payment.postings.exists()
    assert payment.check_at is None


def refunded_there(operator: Any, payment: Payment) -> list[int]:
    """Won of each refund in the operator's books."""
    books = httpx2.get(
        f"{operator.base_url}/books",
        params={"reference": payment.reference},
        headers={"Authorization": f"Bearer {operator.token}"},
    ).json()
    return [row["amount_won"] for row in books["refunds"]]


@pytest.mark.parametrize("way", ["after the top-up", "by the bank"])
def test_10_a_cancel_larger_than_what_the_shop_has_coming(operator: Any, way: str) -> None:
    """10. Cancel larger than the merchant's unsettled balance → held, succeeds after top-up, or
    falls back.
    """
    payment = factories.paid(operator.base_url, "0000")
    order_fault(
        operator,
        operation="create_refund",
        mode="deny",
        reason="CANCEL_INSUFFICIENT_BALANCE: too little to settle",
    )

    held = test_refunds.work(test_refunds.asked(payment))

    assert (held.state, held.failure_code) == (RefundState.FAILED, "CANCEL_INSUFFICIENT_BALANCE")
    if way == "by the bank":
        refunds.use_bank(refund_id=held.pk, reason="확인", by="lead", now=timezone.now())
        account = {"bank": "004", "number": "12345678901", "holder": "김시험"}
        refunds.give_account(refund_id=held.pk, now=timezone.now(), **account)
    else:
        refunds.retry(refund_id=held.pk, reason="확인", by="lead", now=timezone.now())
    back = test_refunds.work(held)
    assert back.state == RefundState.SUCCEEDED
    assert back.route == (Route.BANK if way == "by the bank" else Route.CARRIER)


def test_11_a_part_of_an_operator_without_the_capability(operator: Any) -> None:
    """11. Partial cancel asked of a carrier without the capability."""
    payment = factories.opened()
    checkout.submit(payment.pk, factories.applicant("7002", "LGU"), now=timezone.now())
    confirm(payment, factories.texted_code(operator.base_url, "7002"))

    part = refunds.request(
        payment_id=payment.pk,
        amount_won=700,
        expected_remaining_won=2_200,
        reason="part",
        by="staff:1",
        now=timezone.now(),
    )

    assert (part.route, part.route_reason) == (Route.BANK, Reason.PART_NOT_SUPPORTED)
    assert part.state == RefundState.AWAITING_ACCOUNT
    assert refunded_there(operator, payment) == []
    assert refunds.remaining_won(payment) == 1_500


def test_12_the_nineteenth_birthday_and_the_century_of_a_birthdate() -> None:
    """12. 19th birthday today against tomorrow; century of a birthdate."""
    today = date(2026, 11, 24)

    assert subscriber.age_on(date(2007, 11, 24), today) == 19
    assert subscriber.age_on(date(2007, 11, 25), today) == 18
    # Two digits are the latest such date that is not in the future.
    assert subscriber.parse_birthdate("261124", today) == date(2026, 11, 24)
    assert subscriber.parse_birthdate("261125", today) == date(1926, 11, 25)
    # The seventh digit, which says century and sex, is not asked for and not taken.
    with pytest.raises(UnreadableBirthdate):
        subscriber.parse_birthdate("0001014", today)


def test_13_two_payments_at_once_on_one_line(operator: Any, settings: Any) -> None:
    """13. Monthly-limit race: two payments at once on one line."""
    settings.LINE_MONTH_MAX_WON = 3_000
    waiting = [factories.opened(2_200) for _ in range(2)]

    outcomes = outcomes_of(
        2,
        lambda: checkout.submit(waiting.pop().pk, factories.applicant("0000"), now=timezone.now()),
    )

    assert outcomes == {"ok": 1, "Refused": 1}
    refused = Payment.objects.get(state=PaymentState.DECLINED)
    assert refused.failure_code == "LIMIT_MONTHLY"
    assert line_month_won() == 2_200


def test_14_an_objection_upheld_after_the_payout() -> None:
    """14. Objection upheld after payout → negative line in the next cycle."""
    shop = test_settlement.merchant()
    contested = test_settlement.sale(shop)
    (november,) = test_settlement.closed(shop, now=test_settlement.DECEMBER)
    test_settlement.sent(Payout.objects.get(settlement=november))
    test_settlement.hold(contested)

    histories.refund(contested, at=test_settlement.DECEMBER, route="BANK")
    test_settlement.release(contested)
    (next_cycle,) = test_settlement.closed(shop, now=test_settlement.FEBRUARY)

    (line,) = next_cycle.lines.filter(payment=contested)
    assert line.net_won == -test_settlement.NET
    assert settlement.open_figures(shop).figures.net_won == 0


def test_15_the_providers_record_goes_and_the_sellers_stays() -> None:
    """15. Retention deletes a ≤ 10,000 won provider record at 1 y but not the merchant's 5-y
    payment record; nothing under an open dispute is deleted.
    """
    old = test_retention.years_before(1, days=1)
    ended, disputed = (test_retention.payment(9_900, at=old) for _ in range(2))
    test_retention.ticket(disputed)

    retention.purge(held=Ticket.objects.exclude(state="WITHDRAWN"), now=test_retention.NOW)

    assert not test_retention.knows_payer(ended)
    assert test_retention.knows_payer(disputed)
    kept = Payment.objects.get(pk=ended.pk)
    assert (kept.amount_won, kept.reference, kept.state) == (9_900, ended.reference, "PAID")
    assert kept.events.exists()


def test_16_vat_is_rounded_half_up() -> None:
    """16. VAT rounding: 1,000 → 91; fee VAT on 3.5 % of 9,900."""
    assert money.vat_within(1_000) == 91
    # 346.5 and 34.7 won.
    assert money.fee_for(9_900, 350) == money.Fee(fee_won=347, fee_vat_won=35)


def test_17_holidays_inside_the_clocks() -> None:
    """17. Seollal and Chuseok inside the 3-business-day clock; the 14-day clock is calendar
    days.
    """
    # Seollal 2026: 16 to 18 February. Chuseok 2026: 24 to 26 September, a Saturday at its end.
    assert business_days(date(2026, 2, 13), 3) == date(2026, 2, 23)
    assert business_days(date(2026, 9, 23), 3) == date(2026, 9, 30)
    usual = clocks.Hours()
    asked = datetime(2026, 2, 13, 10, 0, tzinfo=SEOUL)
    assert clocks.first_due("C", asked, usual).date() == date(2026, 2, 23)
    assert clocks.first_due("O", asked, usual) == asked + timedelta(days=14)


def test_18_how_people_type_birthdates_and_phones() -> None:
    """18. Birthdate with zeros (20000101); six digits 000101 as people are used to; phone with
    hyphens, spaces, +82.
    """
    today = date(2026, 11, 24)

    for typed in ("20000101", "000101", "2000-01-01", "2000. 1. 1."):
        assert subscriber.parse_birthdate(typed, today) == date(2000, 1, 1)
    for typed in ("01090001234", "010-9000-1234", "010 9000 1234", "+82 10-9000-1234"):
        assert subscriber.parse_phone(typed) == "+821090001234"


def test_19_shops_are_walls_and_see_no_person(client: Client) -> None:
    """19. Merchant A cannot see merchant B; a merchant never sees birthdate or full phone."""
    melody, bookshelf = histories.shop("melody"), histories.shop("bookshelf")
    payment = mine.paid(melody, last4="3001")
    page = reverse("portal:merchant-payment", args=[payment.reference])

    client.force_login(histories.owner(bookshelf))
    assert client.get(page).status_code == 404
    assert payment.reference not in client.get(reverse("portal:merchant-payments")).content.decode()

    client.force_login(histories.owner(melody))
    shown = client.get(page).content.decode()
    assert "010-****-3001" in shown
    assert not re.search(r"9000-?3001|19900131|1990-01-31|1990\. 1\. 31", shown)


def test_20_phones_are_masked_wherever_they_are_read(operator: Any, client: Client) -> None:
    """20. Masking in logs, admin, CSV, e-mail."""
    from portal.models import User

    payment = factories.paid(operator.base_url, "3301")
    payment.set_line(
        carrier="SKT", phone=payment.phone, birthdate=factories.BORN, email="lee@payer.test"
    )
    payment.save()
    notices_sent = "\n".join(everything_sent(payment))
    client.force_login(User.objects.create_superuser("boss@desk.test", "demo-only-Passw0rd"))
    admin = client.get(f"/admin/payments/payment/{payment.pk}/change/").content.decode()
    client.force_login(histories.owner(payment.merchant))
    csv = b"".join(
        client.get(reverse("portal:merchant-csv"), {"period": "month"}).streaming_content  # type: ignore[attr-defined]
    ).decode("utf-8-sig")

    logged = mask(f"{payment.phone} 010-9000-3301 1990-01-31")
    for text in (logged, admin, csv, notices_sent):
        assert not re.search(r"9000-?3301|1990-?01-?31|lee@payer", text)
    assert payment.reference in csv
    assert "****-3301" in csv
    assert "010-****-3301" in admin


def everything_sent(payment: Payment) -> Iterator[str]:
    """Texts and mails about a payment as they leave us: receipt and refund."""
    notifications.paid(payment, now=timezone.now())
    refund = Refund(payment=payment, merchant=payment.merchant, amount_won=700, route="CARRIER")
    notifications.refunded(refund, now=timezone.now())
    for message in Message.objects.filter(payment=payment):
        yield message.text
