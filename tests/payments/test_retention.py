"""What is destroyed when, what stays, what an open request protects, and the proof of it."""

import dataclasses
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from payments import encryption, invariants, retention, rotation
from payments.models import (
    Account,
    Consent,
    LedgerEntry,
    LedgerTransaction,
    LimitHold,
    LimitUse,
    LineRules,
    Message,
    Payment,
    PaymentEvent,
    PhoneVerification,
    Refund,
    RetentionProof,
)
from payments.models.append_only import redacting
from payments.models.ledger import Line
from payments.retention import years_ago
from portal import tasks
from portal.celery import app
from support.models import Ticket
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

KST = ZoneInfo("Asia/Seoul")
# The triggers go by the database's clock, so rows lie in its past.
NOW = timezone.now()
NOBODY = Ticket.objects.none()
PHONE = "+821090000000"


def years_before(years: int, **more: float) -> datetime:
    """That many Korean years and more before NOW."""
    return years_ago(NOW, years) - timedelta(**more)


def payment(
    amount_won: int = 2_200, *, at: datetime = NOW, state: str = "PAID", **fields: Any
) -> Payment:
    """A payment that ended at `at`, with everything we know of its payer."""
    row = factories.opened(amount_won, now=at)
    row.set_line(carrier="SKT", phone=PHONE, birthdate=date(1990, 1, 31), email="lee@payer.test")
    row.save()
    is_paid = state == "PAID"
    Payment.objects.filter(pk=row.pk).update(
        **{"state": state, "paid_at": at if is_paid else None, "billing_month": "2026-11"} | fields
    )
    PaymentEvent.objects.create(
        payment=row, from_state="CONFIRMING", to_state=state, actor="clock", occurred_at=at
    )
    Consent.objects.create(
        payment=row, kind="TERMS", version="1", agreed_at=at, user_agent="Mozilla/5.0 (SM-S931N)"
    )
    message = Message(
        kind="paid",
        channel="SMS",
        payment=row,
        dedupe_key=f"paid:{row.pk}:sms",
        to_masked="010-****-0000",
        created_at=at,
        due_at=at,
        deadline_at=at,
        done_at=at,
    )
    message.to, message.text = PHONE, "멜로디 뮤직 2,200원"
    message.save()
    row.refresh_from_db()
    return row


def refund(of: Payment, state: str, *, at: datetime = NOW) -> Refund:
    row = Refund(
        payment=of,
        merchant=of.merchant,
        amount_won=of.amount_won,
        route="BANK",
        state=state,
        requested_by="shopper",
        requested_at=at,
        due_at=at,
        confirmed_at=at if state == "SUCCEEDED" else None,
    )
    row.set_account(bank="KB", number="11122233334444", holder="이몽룡")
    row.save()
    return row


def ticket(of: Payment | None, state: str = "NEW") -> Ticket:
    return Ticket.objects.create(
        payment=of, state=state, reason="OTHER", accepted_at=NOW, due_at=NOW
    )


def purged(now: datetime = NOW, held: Any = NOBODY) -> int:
    return retention.purge(held=held, now=now)


def knows_payer(row: Payment) -> bool:
    row.refresh_from_db()
    message = Message.objects.get(payment=row)
    consent = Consent.objects.get(payment=row)
    kept = {
        bool(value)
        for value in (
            row.phone_sealed,
            row.phone_bidx,
            row.phone_last4,
            row.holder_bidx,
            row.email_sealed,
            message.to_sealed,
            message.to_masked,
            message.text_sealed,
            consent.user_agent,
        )
    }
    assert len(kept) == 1, "all of it or nothing"
    return kept.pop()


@pytest.mark.parametrize(
    ("amount_won", "age", "expected"),
    [
        # domain §15, 5: exactly 10,000 won is a year, one more is five: 초과.
        (10_000, {"years": 1}, "kept"),
        (10_000, {"years": 1, "seconds": 1}, "gone"),
        (10_001, {"years": 1, "seconds": 1}, "kept"),
        (10_001, {"years": 5}, "kept"),
        (10_001, {"years": 5, "seconds": 1}, "gone"),
        (1_000, {"years": 1, "days": 300}, "gone"),
        (30_000, {"years": 4, "days": 364}, "kept"),
    ],
)
def test_the_payers_side_of_a_record_goes_by_amount_and_age(
    amount_won: int, age: dict[str, int], expected: str
) -> None:
    years = age.pop("years")
    row = payment(amount_won, at=years_before(years, **age))

    purged()

    assert knows_payer(row) == (expected == "kept")


@pytest.mark.parametrize(
    ("now", "years", "expected"),
    [
        # Korean days: the same moment is the next day in Seoul.
        (datetime(2026, 11, 23, 14, 59, tzinfo=ZoneInfo("UTC")), 1, (2025, 11, 23)),
        (datetime(2026, 11, 23, 15, 0, tzinfo=ZoneInfo("UTC")), 1, (2025, 11, 24)),
        (datetime(2028, 2, 29, 12, tzinfo=KST), 1, (2027, 2, 28)),
        (datetime(2029, 2, 28, 12, tzinfo=KST), 1, (2028, 2, 28)),
        (datetime(2029, 3, 1, 12, tzinfo=KST), 1, (2028, 3, 1)),
        (datetime(2026, 11, 23, 12, tzinfo=KST), 5, (2021, 11, 23)),
    ],
)
def test_years_are_counted_in_korean_days(
    now: datetime, years: int, expected: tuple[int, int, int]
) -> None:
    assert years_ago(now, years) == datetime(*expected, tzinfo=KST)


def test_the_sellers_record_and_the_books_stay() -> None:
    """domain §15, 15."""
    row = payment(9_900, at=years_before(1, days=1))
    lines = [Line(Account.CARRIER_RECEIVABLE, 9_900), Line(Account.MERCHANT_PAYABLE, -9_900)]
    with transaction.atomic():
        LedgerTransaction.post(
            LedgerTransaction.Kind.PAID, lines, payment=row, at=row.paid_at or NOW
        )
    before = Payment.objects.values().get(pk=row.pk)

    purged()

    after = Payment.objects.values().get(pk=row.pk)
    changed = {name for name, value in after.items() if before[name] != value}
    assert changed == {
        "phone_sealed", "phone_bidx", "phone_last4", "holder_bidx", "email_sealed",
        "birthdate_sealed",
    }  # fmt: skip
    assert LedgerEntry.objects.filter(transaction__payment=row).count() == 2
    assert PaymentEvent.objects.filter(payment=row).count() == 1


@pytest.mark.parametrize(
    ("state", "age", "expected"),
    [
        ("PAID", {"hours": 23, "minutes": 59}, "kept"),
        ("PAID", {"hours": 24, "seconds": 1}, "gone"),
        ("DECLINED", {"hours": 24, "seconds": 1}, "gone"),
        ("EXPIRED", {"hours": 24, "seconds": 1}, "gone"),
        ("CANCELED", {"hours": 24, "seconds": 1}, "gone"),
        ("REVERSED", {"hours": 24, "seconds": 1}, "gone"),
        # Not ended: a person still finds out.
        ("UNKNOWN", {"days": 3}, "kept"),
        ("REVIEW", {"days": 3}, "kept"),
    ],
)
def test_a_birthdate_goes_a_day_after_the_end(
    state: str, age: dict[str, int], expected: str
) -> None:
    row = payment(at=NOW - timedelta(**age), state=state)

    purged()

    row.refresh_from_db()
    assert bool(row.birthdate) == (expected == "kept")
    assert row.phone == PHONE


@pytest.mark.parametrize(
    ("state", "age", "expected"),
    [
        ("SUCCEEDED", {"days": 29, "hours": 23}, "kept"),
        ("SUCCEEDED", {"days": 30, "seconds": 1}, "gone"),
        ("WITHDRAWN", {"days": 30, "seconds": 1}, "gone"),
        ("FAILED", {"days": 30, "seconds": 1}, "gone"),
        ("UNKNOWN", {"days": 60}, "kept"),
        ("SCHEDULED", {"days": 60}, "kept"),
    ],
)
def test_an_account_goes_thirty_days_after_the_money(
    state: str, age: dict[str, int], expected: str
) -> None:
    at = NOW - timedelta(**age)
    row = refund(payment(at=at), state, at=at)

    purged()

    row.refresh_from_db()
    kept = expected == "kept"
    assert (bool(row.account_number), bool(row.account_holder)) == (kept, kept)
    assert row.account_last4 == "4444", "what the receipt shows stays as long as the record"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["SUCCEEDED"], "gone"),
        (["WITHDRAWN"], "gone"),
        (["AWAITING_ACCOUNT"], "kept"),
        (["UNKNOWN"], "kept"),
        (["FAILED"], "kept"),
        (["FAILED", "SUCCEEDED"], "gone"),
        (["FAILED", "SCHEDULED"], "kept"),
    ],
)
def test_a_record_stays_while_money_may_still_be_owed(states: list[str], expected: str) -> None:
    row = payment(at=years_before(1, days=1))
    for state in states:
        refund(row, state, at=years_before(1, days=1))

    purged()

    assert knows_payer(row) == (expected == "kept")


@pytest.mark.parametrize("state", ["UNKNOWN", "REVIEW", "CONFIRMING"])
def test_a_payment_without_an_end_stays_whatever_its_age(state: str) -> None:
    row = payment(at=years_before(2), state=state)

    assert purged() == 0
    assert knows_payer(row)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("NEW", "kept"),
        ("IN_PROGRESS", "kept"),
        ("WAITING_CUSTOMER", "kept"),
        ("WITHDRAWN", "gone"),
        ("DUPLICATE", "gone"),
    ],
)
def test_nothing_under_an_open_request_goes(state: str, expected: str) -> None:
    old = years_before(1, days=1)
    disputed, other = payment(at=old), payment(at=old)
    account = refund(disputed, "SUCCEEDED", at=old)
    ticket(disputed, state)
    # One without a payment must not protect them all, nor none.
    ticket(None)

    tasks.purge()

    kept = expected == "kept"
    account.refresh_from_db()
    assert knows_payer(disputed) == kept
    assert bool(disputed.birthdate) == kept
    assert bool(account.account_number) == kept
    assert not knows_payer(other)


def test_what_an_open_request_held_goes_once_it_is_closed() -> None:
    row = payment(at=years_before(1, days=1))
    request = ticket(row)
    tasks.purge()
    assert knows_payer(row)

    Ticket.objects.filter(pk=request.pk).update(state="WITHDRAWN")
    tasks.purge()

    assert not knows_payer(row)


def test_texts_without_a_payment_and_proofs_of_a_line_go_in_their_time() -> None:
    old = years_before(1, days=1)
    for key, at in (("old", old), ("new", NOW)):
        message = Message(kind="verification", channel="SMS", dedupe_key=key, to_masked="010")
        message.created_at = message.due_at = message.deadline_at = message.dead_at = at
        message.to = message.text = PHONE
        message.save()
    for age in (29, 31):
        PhoneVerification.start(PHONE, at=NOW - timedelta(days=age), seconds=180)

    purged()

    texts = {row.dedupe_key: bool(row.to_sealed) for row in Message.objects.all()}
    assert texts == {"old": False, "new": True}
    proofs = PhoneVerification.objects.order_by("created_at")
    assert [bool(row.phone_sealed or row.phone_bidx) for row in proofs] == [False, True]


def test_a_visit_to_ones_payments_is_forgotten_with_its_proof() -> None:
    proof, _code = PhoneVerification.start(PHONE, at=NOW - timedelta(days=31), seconds=180)
    proof.begin_visit(holder_bidx="h" * 64, address="203.0.113.7", session_hash="s")

    purged()

    proof.refresh_from_db()
    assert (proof.holder_bidx, proof.address_bidx) == ("", "")


LONG_AGO = years_before(1, days=2)
FREED = years_before(1, days=1)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, "gone"),
        ({"changed_at": NOW}, "kept"),
        ({"is_blocked": True, "blocked_at": LONG_AGO}, "kept"),
        ({"is_blocked": True, "blocked_at": LONG_AGO, "opens_at": FREED}, "gone"),
        ({"is_blocked": True, "blocked_at": LONG_AGO, "opens_at": NOW}, "kept"),
        ({"limit_won": 10_000}, "kept"),
        ({"limit_won": 10_000, "next_limit_at": FREED}, "gone"),
        ({"limit_won": 10_000, "next_limit_at": FREED, "next_limit_won": 20_000}, "kept"),
    ],
)
def test_what_a_holder_decided_is_forgotten_a_year_after_it_last_held(
    rules: dict[str, Any], expected: str
) -> None:
    for number in (PHONE, "+821090000001"):
        LineRules.objects.create(
            phone_bidx=encryption.blind_index(number, kind="phone"),
            phone_sealed=LineRules.sealed(number),
            holder_bidx="h" * 64,
            **({"changed_at": LONG_AGO} | rules),
        )

    purged()

    for row in LineRules.objects.all():
        values = {bool(row.phone_bidx), bool(row.phone_sealed), bool(row.holder_bidx)}
        assert values == {expected == "kept"}


def test_whose_month_a_counter_was_is_forgotten_and_its_figure_stays() -> None:
    uses = [
        LimitUse.objects.create(
            scope="LINE_MONTH", key="k" * 64, period=at.strftime("%Y-%m"), used_won=2_200
        )
        for at in (years_before(1, days=32), NOW)
    ]

    purged()

    old, new = (LimitUse.objects.get(pk=use.pk) for use in uses)
    assert (old.key, old.used_won) == (f"{retention.FORGOTTEN}{old.pk}", 2_200)
    assert new.key == "k" * 64


@pytest.mark.parametrize("amount_won", [2_200, 20_000])
def test_what_is_forgotten_breaks_no_invariant(amount_won: int) -> None:
    """The line of a small payment goes with it, that of a large one only from the counter."""
    row = payment(amount_won, at=years_before(1, days=32))
    month = row.created_at.astimezone(KST).strftime("%Y-%m")
    Payment.objects.filter(pk=row.pk).update(billing_month=month)
    use = LimitUse.objects.create(
        scope="LINE_MONTH", key=row.phone_bidx, period=month, used_won=amount_won
    )
    LimitHold.objects.create(payment=row, use=use, amount_won=amount_won)
    rules = [rule for rule in invariants.INVARIANTS if rule.code.startswith("I11")]

    purged()

    assert LimitUse.objects.get().key.startswith(retention.FORGOTTEN)
    assert [rule.code for rule in rules if invariants.offenders(rule)] == []


def test_every_hash_of_a_payer_is_destroyed_by_some_rule() -> None:
    """A keyed hash still tells whether it was them: it goes with what it was made of."""
    at = years_before(1, days=1)
    payment(at=at)
    proof, _code = PhoneVerification.start(PHONE, at=at, seconds=180)
    proof.begin_visit(holder_bidx="h" * 64, address="203.0.113.7", session_hash="s")
    LineRules.objects.create(phone_bidx="p" * 64, phone_sealed="", holder_bidx="h", changed_at=at)

    purged()

    ours = apps.get_app_config("payments").get_models()
    hashes = [
        (model, field.name)
        for model in ours
        for field in model._meta.fields
        if field.name.endswith("_bidx")
    ]
    assert len(hashes) >= 7
    for model, name in hashes:
        left = model._default_manager.exclude(**{name: ""}).exclude(**{name: None})
        assert not left.exists(), (model, name)


def test_each_sealed_column_of_the_money_is_destroyed_by_some_rule() -> None:
    payment_row = payment(at=years_before(1, days=1))
    refund(payment_row, "SUCCEEDED", at=years_before(1, days=1))
    PhoneVerification.start(PHONE, at=years_before(1), seconds=180)
    Message.objects.update(fallback_sealed="k1:x")

    purged()

    ours = {model.__name__ for model in apps.get_app_config("payments").get_models()}
    columns = [column for column in rotation.columns() if column.model.__name__ in ours]
    assert len(columns) >= 9
    assert [str(column) for column in columns if column.rows().exists()] == []


def test_the_proof_names_rule_count_oldest_and_cutoff() -> None:
    oldest = years_before(1, days=3)
    payment(at=oldest), payment(at=years_before(1, days=1))

    purged()

    proof = RetentionProof.objects.get(rule="RECORD_SMALL")
    assert (proof.count, proof.oldest) == (2, oldest)
    assert (proof.cutoff, proof.at) == (years_ago(NOW, 1), NOW)


def test_a_day_on_which_nothing_was_due_is_proven_once() -> None:
    purged()
    purged(NOW + timedelta(seconds=1))

    rules = list(RetentionProof.objects.values_list("rule", "count"))
    assert sorted(rules) == sorted((rule.name, 0) for rule in retention.RULES)


def test_it_goes_in_batches_with_a_proof_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    rows = [payment(at=years_before(1, days=1)) for _ in range(5)]

    purged()

    counts = RetentionProof.objects.filter(rule="RECORD_SMALL").order_by("pk")
    assert list(counts.values_list("count", flat=True)) == [2, 2, 1]
    assert not any(knows_payer(row) for row in rows)
    assert purged(NOW + timedelta(seconds=1)) == 0


def test_a_crash_leaves_no_batch_without_its_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    row = payment(at=years_before(1, days=1))
    monkeypatch.setattr(
        RetentionProof.objects, "create", lambda **_: (_ for _ in ()).throw(OSError("disk full"))
    )

    purged()

    assert knows_payer(row)


def test_a_rule_that_fails_does_not_stop_the_others() -> None:
    row = payment(at=years_before(1, days=1))
    first, *others = retention.RULES
    broken = dataclasses.replace(first, destroy=lambda _: 1 / 0)

    retention.purge(held=NOBODY, now=NOW, rules=[broken, *others])

    assert not knows_payer(row)


def refused(change: str, row: Consent, *, inside: bool) -> bool:
    """Whether the database refuses an SQL change of a consent."""
    try:
        with transaction.atomic():
            if inside:
                with redacting(), connection.cursor() as cursor:
                    cursor.execute(f"{change} WHERE id = %s", [row.pk])
            else:
                with connection.cursor() as cursor:
                    cursor.execute(f"{change} WHERE id = %s", [row.pk])
            transaction.set_rollback(True)
    except ProgrammingError as error:
        return "Cannot update or delete" in str(error)
    return False


SET = "UPDATE payments_consent SET"
BLANK = f"{SET} user_agent = ''"


@pytest.mark.parametrize(
    ("change", "amount_won", "age", "inside", "expected"),
    [
        (BLANK, 2_200, {"years": 1, "days": 1}, "inside", "allowed"),
        (BLANK, 10_001, {"years": 5, "days": 2}, "inside", "allowed"),
        (BLANK, 2_200, {"years": 1, "days": 1}, "outside", "refused"),
        (BLANK, 2_200, {"years": 0, "days": 364}, "inside", "refused"),
        (BLANK, 10_001, {"years": 4, "days": 1}, "inside", "refused"),
        (f"{BLANK}, kind = 'OTHER'", 2_200, {"years": 1, "days": 1}, "inside", "refused"),
        (f"{BLANK}, agreed_at = now()", 2_200, {"years": 1, "days": 1}, "inside", "refused"),
        (f"{SET} user_agent = 'x'", 2_200, {"years": 9, "days": 1}, "inside", "refused"),
        (f"{SET} version = '9'", 2_200, {"years": 9, "days": 1}, "inside", "refused"),
        ("DELETE FROM payments_consent", 2_200, {"years": 9, "days": 1}, "inside", "refused"),
    ],
)
def test_a_consent_is_changed_by_exactly_this_redaction_and_nothing_else(
    change: str, amount_won: int, age: dict[str, int], inside: str, expected: str
) -> None:
    years = age.pop("years")
    row = payment(amount_won, at=years_before(years, **age))
    consent = Consent.objects.get(payment=row)

    assert refused(change, consent, inside=inside == "inside") == (expected == "refused")


@pytest.mark.parametrize(
    "table", ["payments_paymentevent", "payments_ledgertransaction", "payments_retentionproof"]
)
def test_other_histories_stay_as_written_even_while_redacting(table: str) -> None:
    row = payment(at=years_before(6))
    with transaction.atomic():
        LedgerTransaction.post(LedgerTransaction.Kind.PAID, [], payment=row, at=NOW)
    purged()

    for change in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
        with (
            pytest.raises(ProgrammingError, match="Cannot update or delete"),
            transaction.atomic(),
            redacting(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)


def test_the_leave_to_redact_ends_with_the_transaction() -> None:
    row = Consent.objects.get(payment=payment(at=years_before(1, days=1)))
    with transaction.atomic(), redacting():
        pass

    assert refused(BLANK, row, inside=False)
    with pytest.raises(RuntimeError), redacting():
        pass


def test_the_clock_calls_it_every_hour() -> None:
    entry = app.conf.beat_schedule["purge"]

    assert (entry["task"], entry["schedule"]) == ("portal.tasks.purge", 3600)
