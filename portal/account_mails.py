"""Telling people by mail what happened to their account, in case it was not they who did it.

The mail is a row of the same transaction as the change: there is never the one without the other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from payments import notifications
from portal import sessions
from portal.models import User

KIND = "account_changed"


class Change(Enum):
    """What happened, in the words of the mail."""

    FACTOR_ON = _("2단계 인증을 켰어요")
    FACTOR_OFF = _("2단계 인증을 껐어요")
    FACTOR_RESET = _("고객센터의 다른 사람이 2단계 인증을 재설정했어요")
    CODES = _("복구 코드를 새로 받았어요")
    PASSWORD = _("비밀번호를 바꿨어요")
    PASSWORD_SET = _("운영자가 비밀번호를 바꿨어요")
    SIGNED_OUT = _("모든 곳에서 로그아웃했어요")


def tell(user: User, change: Change, *, now: datetime) -> None:
    """Queue the mail, in the language the person signed in with last; none without an address."""
    with translation.override(user.language):
        what = str(change.value)
    notifications.notify(
        KIND,
        dedupe_key=f"{KIND}:{user.pk}:{change.name}:{now.isoformat()}",
        phone="",
        email=user.email,
        context={"what": what, "at": now},
        language=user.language,
        now=now,
    )


@transaction.atomic
def sign_out_everywhere(user: User, *, now: datetime) -> None:
    """End every session of the account, and tell of it."""
    sessions.end_all(user)
    tell(user, Change.SIGNED_OUT, now=now)


@contextmanager
def telling_of_password(user: User, change: Change, *, now: datetime) -> Iterator[None]:
    """Tell of a new password that is set inside the block, in one transaction with it."""
    with transaction.atomic():
        before = User.objects.values_list("password", flat=True).get(pk=user.pk)
        yield
        if User.objects.values_list("password", flat=True).get(pk=user.pk) != before:
            tell(user, change, now=now)
