"""Our own texted code: five tries, three minutes, one use."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import PhoneVerification
from tests import factories

pytestmark = pytest.mark.django_db


def started(*, seconds: int = 180) -> tuple[PhoneVerification, str]:
    return PhoneVerification.start("+821090000000", at=timezone.now(), seconds=seconds)


def test_the_right_code_proves_the_phone_once() -> None:
    row, code = started()

    assert row.check_code(code, at=timezone.now())
    assert not row.check_code(code, at=timezone.now())


def test_the_right_code_comes_too_late_after_five_wrong_ones() -> None:
    row, code = started()

    for _ in range(5):
        assert not row.check_code(factories.wrong(code), at=timezone.now())

    assert not row.check_code(code, at=timezone.now())


def test_the_fifth_try_still_counts() -> None:
    row, code = started()
    for _ in range(4):
        row.check_code(factories.wrong(code), at=timezone.now())

    assert row.check_code(code, at=timezone.now())


def test_the_right_code_is_refused_when_its_time_is_over() -> None:
    row, code = started(seconds=-1)

    assert not row.check_code(code, at=timezone.now() - timedelta(minutes=5))
