"""Every invariant is silent on a clean history and fires on a planted violation."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from payments import checkout, deliveries, invariants, outbox, settlement
from payments.models import Payment, SettlementTerms
from portal import events, roles
from portal.celery import app
from portal.models import User, Verification
from portal.verifying import ALL, TRAIL
from portal.views.rules import in_words
from support import tickets
from tests import factories
from tests.payments.test_refunds import work

REQUEST = tickets.Request(reason="CHANGE_OF_MIND")
MONTH_AGO = "now() - interval '40 days'"
# How each rule is broken; PAID and ENDED stand for the ids of two payments of the clean history.
PLANTED = {
    "I1": "UPDATE payments_ledgerentry SET amount_won = amount_won + 1 WHERE account = 'BANK' "
    "OR account = 'FEE_REVENUE'",
    "I2": "UPDATE payments_ledgerentry SET amount_won = 7 WHERE account = 'FEE_REVENUE'",
    "I3": "UPDATE payments_payment SET state = 'UNKNOWN' WHERE id = PAID",
    "I4": "UPDATE payments_refund SET amount_won = amount_won + 1",
    "I4 posted": "UPDATE payments_refund SET state = 'SENDING'",
    "I4 whole": "UPDATE payments_ledgerentry SET amount_won = amount_won + 1 "
    "WHERE account = 'FEE_REVENUE' AND amount_won > 0",
    "I5": "UPDATE payments_ledgerentry SET account = 'REFUND_CLEARING' WHERE account = 'BANK' "
    "OR account = 'CARRIER_RECEIVABLE' AND amount_won < 0",
    "I7": "DROP INDEX payment_one_live_per_order; "
    "UPDATE payments_payment SET order_no = 'one', state = 'UNKNOWN'",
    "I10": "UPDATE payments_codechallenge SET attempts = 6 WHERE payment_id = PAID",
    "I10 tries": "UPDATE payments_codechallenge SET attempts = 0",
    "I10 risk": "UPDATE payments_riskdecision SET outcome = 'SECOND_FACTOR'",
    "I11 sum": "UPDATE payments_limituse SET used_won = used_won + 1",
    "I11 held": "UPDATE payments_payment SET state = 'REVERSED' WHERE id = PAID",
    "I14": "UPDATE payments_payment SET state = 'CREATED', check_at = NULL WHERE id = ENDED",
    "I15": f"UPDATE payments_payment SET state = 'UNKNOWN', unknown_at = {MONTH_AGO}",
    "I16": f"UPDATE payments_carriercall SET state = 'SENT', sent_at = {MONTH_AGO} "
    "WHERE payment_id = PAID AND kind = 'CONFIRM'",
    "I18": "UPDATE payments_refund SET state = 'FAILED', failure_code = ''",
    "I20": f"UPDATE payments_refund SET state = 'SCHEDULED', due_at = {MONTH_AGO}",
    "I25": f"UPDATE payments_carriercall SET sent_at = {MONTH_AGO} WHERE kind = 'REFUND'",
    "I26": "UPDATE payments_refund SET state = 'FAILED', failure_code = 'CANCEL_MONTH_CLOSED'",
    "I27": "UPDATE payments_refund SET deadline_at = now() + interval '40 days'",
    "I28": f"DELETE FROM payments_messagedelivery; DELETE FROM payments_message; "
    f"UPDATE payments_payment SET paid_at = {MONTH_AGO} WHERE id = PAID",
    "I29": "UPDATE payments_messagedelivery SET outcome = 'UNREACHABLE'",
    "I30 events": f"UPDATE payments_outboxevent SET done_at = NULL, due_at = {MONTH_AGO}",
    "I30 messages": f"UPDATE payments_message SET done_at = NULL, due_at = {MONTH_AGO}",
    "I35": "UPDATE payments_refund SET merchant_id = merchant_id + 1",
    "I12 payment moves": "UPDATE payments_paymentevent SET event = 'payment.lost'",
    "I12 payment chain": "DELETE FROM payments_paymentevent WHERE to_state = 'CONFIRMING'",
    "I12 payment state": "UPDATE payments_payment SET state = 'REVIEW' WHERE id = PAID",
    "I37 payment": "UPDATE payments_paymentevent SET occurred_at = now() - interval '1 day' "
    "WHERE to_state = 'PAID'",
    "I12 refund moves": "UPDATE payments_refundevent SET from_state = 'FAILED'",
    "I12 refund chain": "DELETE FROM payments_refundevent WHERE to_state = 'SENDING'",
    "I12 refund state": "UPDATE payments_refund SET state = 'UNKNOWN'",
    "I37 refund": "UPDATE payments_refundevent SET occurred_at = now() - interval '1 day' "
    "WHERE to_state = 'SUCCEEDED'",
    "S1": "UPDATE payments_settlement SET gross_won = gross_won + 1, net_won = net_won + 1, "
    "payable_won = payable_won + 1",
    "S2": "UPDATE payments_settlement SET late_won = late_won + 1",
    "S3": "UPDATE payments_settlementline SET net_won = net_won + 1",
    "S4": "INSERT INTO payments_settlement SELECT (jsonb_populate_record(settlement, "
    """'{"id": 0, "last": "2099-12-31"}')).* FROM payments_settlement settlement""",
    "S5": "UPDATE payments_payoutcall SET amount_won = amount_won - 1",
    "I23": "UPDATE payments_settlementhold SET released_at = NULL",
    "I12 payout moves": "UPDATE payments_payoutevent SET from_state = 'FAILED'",
    "I12 payout chain": "DELETE FROM payments_payoutevent WHERE to_state = 'SENDING'",
    "I12 payout state": "UPDATE payments_payout SET state = 'UNKNOWN'",
    "I37 payout": "UPDATE payments_payoutevent SET occurred_at = now() - interval '1 day' "
    "WHERE to_state = 'PAID'",
    "I23 objection": "UPDATE support_ticket SET kind = 'O', state = 'NEW'",
    "I17": "UPDATE payments_refund SET state = 'WITHDRAWN'",
    "I21": "UPDATE support_ticket SET state = 'REJECTED'",
    "I22": f"UPDATE support_ticket SET result_notified_at = NULL, accepted_at = {MONTH_AGO}",
    "I40 desk": "UPDATE support_ticketevent SET occurred_at = now() - interval '4 years'",
    "I12 ticket moves": "UPDATE support_ticketevent SET event = 'ticket.lost'",
    "I12 ticket chain": "DELETE FROM support_ticketevent WHERE to_state = 'NEW'",
    "I12 ticket state": "UPDATE support_ticket SET state = 'IN_PROGRESS'",
    "I37 ticket": "UPDATE support_ticketevent SET occurred_at = now() - interval '1 day' "
    "WHERE to_state = 'RESOLVED'",
}


def history(operator: Any) -> dict[str, Payment]:
    """One payment that was refunded after a request, one that was left; everything is told."""
    paid = factories.paid(operator.base_url, "0000")
    ended = factories.awaiting("0000")
    checkout.leave(ended.pk, now=timezone.now())
    ticket = tickets.open_ticket(payment=paid, request=REQUEST, language="ko", now=timezone.now())
    tickets.approve(
        ticket_id=ticket.pk,
        expected_remaining_won=paid.amount_won,
        reason="취소해 드려요",
        by="agent",
        now=timezone.now(),
    )
    ticket.refresh_from_db()
    tickets.note(ticket, author="agent", text="전화로 알려 드렸어요", at=timezone.now())
    work(paid.refunds.get())
    _settle(factories.paid(operator.base_url, "0000"))
    app.loader.import_default_modules()
    # The refund was sent as if its delay were over; what it announces is due then.
    later = timezone.now() + timedelta(minutes=1)
    for _ in range(4):
        outbox.drain(events.TASKS, now=later)
    deliveries.send_due(now=later)
    return {"PAID": paid, "ENDED": ended}


def _settle(payment: Payment) -> None:
    """A payment that was held for a while, settled with the first one, and paid out."""
    now = timezone.now()
    terms = SettlementTerms(merchant=payment.merchant, payout_days=0)
    terms.set_account(bank="국민", number="12345678901", holder="멜로디")
    terms.save()
    settlement.hold(payment.pk, reason="이의신청", by="agent", now=now)
    settlement.release(payment.pk, reason="기각", by="agent", now=now)
    settlement.close_due(now=now + timedelta(days=40))
    settlement.pay_due(now=now + timedelta(days=40))


@pytest.mark.django_db
def test_every_invariant_is_silent_on_a_clean_history_and_fires_when_broken(operator: Any) -> None:
    payments = history(operator)
    assert {rule.code: found for rule in ALL if (found := invariants.offenders(rule))} == {}

    blind = []
    for rule in ALL:
        sql = PLANTED[rule.code]
        for name, payment in payments.items():
            sql = sql.replace(name, str(payment.pk)) if f"= {name}" in sql else sql
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            # Neither the triggers that forbid it nor the foreign keys are asked.
            cursor.execute("SET LOCAL session_replication_role = replica")
            for statement in sql.split("; "):
                cursor.execute(statement)
            blind += [] if invariants.offenders(rule) else [f"{rule.code}: {sql}"]
            transaction.set_rollback(True)
    assert blind == []


@pytest.mark.django_db(transaction=True)
def test_verify_ends_with_status_1_and_names_the_offender(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("verify")
    assert "0 violations" in capsys.readouterr().out
    payment = factories.opened()
    Payment.objects.filter(pk=payment.pk).update(check_at=None)

    with pytest.raises(SystemExit) as caught:
        call_command("verify")

    assert caught.value.code == 1
    assert f"I14: {payment.reference}" in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_the_page_says_what_the_command_says_and_links_to_the_offender(client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss@desk.test", "x"))
    assert "아직 확인한 적이 없어요" in client.get("/admin/verify/").content.decode()
    payment = factories.opened()
    Payment.objects.filter(pk=payment.pk).update(check_at=None)

    assert client.post("/admin/verify/").status_code == 302

    seen = client.get("/admin/verify/").content.decode()
    assert f'href="/admin/payments/payment/{payment.pk}/change/"' in seen
    run = Verification.objects.get()
    assert run.by == "boss@desk.test"
    assert [rule["code"] for rule in run.rules if rule["offenders"]] == ["I14"]
    assert len(run.rules) == len(ALL) + 1


def test_every_rule_is_put_in_words() -> None:
    assert [rule.code for rule in [*ALL, TRAIL] if in_words(rule.code, "") == ""] == []


@pytest.mark.django_db
def test_who_may_only_look_cannot_make_it_run(client: Client) -> None:
    lead = User.objects.create_user("lead@desk.test", is_staff=True)
    lead.groups.add(Group.objects.get(name=roles.LEAD))
    client.force_login(lead)

    assert client.post("/admin/verify/").status_code == 403
    assert not Verification.objects.exists()
