"""Changing the key while everything runs: all columns, in batches, nothing overwritten."""

import threading
from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from payments import encryption, notifications, rotation
from payments.models import Payment, PhoneVerification
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = {"k1": b"1" * 32}, {"k2": b"2" * 32, "k1": b"1" * 32}
PHONE = "+821090000000"


@pytest.fixture(autouse=True)
def _old_key(settings: Any) -> None:
    settings.FIELD_KEYS = OLD


def payment(email: str = "lee@payer.test") -> Payment:
    row = factories.opened()
    row.set_line(carrier="SKT", phone=PHONE, birthdate=date(1990, 1, 31), email=email)
    row.save()
    return row


def rotated() -> int:
    return sum(step.moved for step in rotation.rotate())


def test_the_newest_key_seals_and_every_key_opens(settings: Any) -> None:
    old = encryption.seal("lee", place="payment.email")
    settings.FIELD_KEYS = NEW
    new = encryption.seal("lee", place="payment.email")

    assert (old.partition(":")[0], new.partition(":")[0]) == ("k1", "k2")
    assert {encryption.unseal(sealed, place="payment.email") for sealed in (old, new)} == {"lee"}


def test_every_sealed_column_of_every_app_is_known() -> None:
    found = {str(column) for column in rotation.columns()}
    sealed = {
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        if not model._meta.proxy
        for field in model._meta.fields
        if field.name.endswith("_sealed")
    }

    assert found == sealed
    assert {"Payment.phone_sealed", "Refund.holder_sealed", "Ticket.email_sealed"} <= found


def test_a_column_that_tells_no_place_stops_the_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Payment, "SEALED", {"phone_sealed": "payment.phone"})

    with pytest.raises(rotation.Unplaced, match="Payment"):
        rotated()


def test_every_column_goes_over_and_still_reads_the_same(settings: Any) -> None:
    row = payment()
    notifications.start_verification(phone=PHONE, now=timezone.now())
    settings.FIELD_KEYS = NEW

    # Three of the payment, the text's two, the verification's one.
    assert rotated() == 6

    settings.FIELD_KEYS = {"k2": NEW["k2"]}
    row.refresh_from_db()
    assert (row.phone, row.birthdate, row.email) == (PHONE, "1990-01-31", "lee@payer.test")
    assert PhoneVerification.objects.get().phone == PHONE
    assert Payment.objects.filter(phone_bidx=encryption.blind_index(PHONE, kind="phone")).exists()
    assert rotated() == 0


def test_a_column_bound_to_another_place_does_not_open(settings: Any) -> None:
    row = payment()
    Payment.objects.update(email_sealed=row.phone_sealed)
    settings.FIELD_KEYS = NEW

    with pytest.raises(CommandError, match="cannot be opened"):
        call_command("rotate_keys", stdout=StringIO())


def test_it_is_resumed_where_it_was_stopped(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        payment(email="")
    settings.FIELD_KEYS = NEW
    monkeypatch.setattr(rotation, "BATCH", 2)

    first = next(rotation.rotate())

    assert (str(first.column), first.moved) == ("Payment.birthdate_sealed", 2)
    assert rotated() == 10 - 2


@pytest.mark.parametrize(
    ("guard", "kept", "passed_by"),
    [("on", "kim@payer.test", 1), ("off: negative control", "lee@payer.test", 0)],
)
def test_a_value_that_changed_in_between_is_not_overwritten(
    settings: Any, monkeypatch: pytest.MonkeyPatch, guard: str, kept: str, passed_by: int
) -> None:
    row = payment()
    settings.FIELD_KEYS = NEW
    seal = encryption.seal

    def seal_while_somebody_writes(plain: str, *, place: str) -> str:
        if plain == "lee@payer.test":
            thread = threading.Thread(target=write_another)
            thread.start()
            thread.join()
        return seal(plain, place=place)

    def write_another() -> None:
        sealed = seal("kim@payer.test", place="payment.email")
        Payment.objects.filter(pk=row.pk).update(email_sealed=sealed)
        connection.close()

    if guard != "on":
        monkeypatch.setattr(
            rotation.Column, "unchanged", lambda self, key, _: self.rows().filter(pk=key)
        )
    monkeypatch.setattr(encryption, "seal", seal_while_somebody_writes)
    steps = list(rotation.rotate())

    row.refresh_from_db()
    assert row.email == kept
    assert sum(step.passed_by for step in steps) == passed_by


def test_a_row_that_is_locked_for_long_is_left_for_the_next_run(settings: Any) -> None:
    payment()
    settings.FIELD_KEYS = NEW
    is_locked, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Payment.objects.select_for_update().get()
            is_locked.set()
            may_end.wait(10)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    is_locked.wait(10)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    try:
        first = list(rotation.rotate())
    finally:
        may_end.set()
        holder.join()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")

    assert [(step.moved, step.passed_by) for step in first] == [(0, 1)] * 3
    assert rotated() == 3


def test_two_rotations_at_once_move_each_value_once(settings: Any) -> None:
    for _ in range(30):
        payment()
    settings.FIELD_KEYS = NEW
    moved: list[int] = []

    def one() -> None:
        moved.append(rotated())
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(moved) == 90
    assert Payment.objects.filter(email_sealed__startswith="k2:").count() == 30


def test_the_command_shows_progress_and_says_when_old_keys_may_go(settings: Any) -> None:
    payment()
    settings.FIELD_KEYS = NEW
    said = StringIO()

    call_command("rotate_keys", stdout=said)

    assert "Payment.phone_sealed: 1 sealed anew" in said.getvalue()
    assert "Payment.phone_sealed: k2 1" in said.getvalue()
    assert "All values are under k2" in said.getvalue()


def test_the_check_counts_only_and_fails_while_older_values_are_left(settings: Any) -> None:
    row = payment()
    settings.FIELD_KEYS = NEW
    said = StringIO()

    with pytest.raises(CommandError, match="3 values are under older keys"):
        call_command("rotate_keys", "--check", stdout=said)
    assert "Payment.phone_sealed: k1 1" in said.getvalue()
    assert Payment.objects.get().phone_sealed == row.phone_sealed
