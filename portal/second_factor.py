"""The second factor of an account: codes of an authenticator app (TOTP, RFC 6238), recovery codes.

The arithmetic is `cryptography`'s, the rows are PostgreSQL's: tries are spent before a code is
looked at, a code is good once, and nothing of it lives in a cache (docs/decisions/0009).
"""

import base64
import secrets
from datetime import datetime
from enum import Enum
from hmac import compare_digest

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from payments import encryption
from portal import account_mails, sessions
from portal.account_mails import Change
from portal.models import RecoveryCode, SecondFactor, User
from support import audit
from support.models import AuditEntry

# What a session says of itself once a code was right in it.
IN_SESSION = "second_factor"
STEP_SECONDS = 30
DIGITS = 6
RECOVERY_CODES = 10
_SECRET_BYTES = 20
# Without the letters and digits that are taken for each other; ten of them are 49 bits.
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_HALF = 5


class Proof(Enum):
    """What somebody showed."""

    CODE = "CODE"
    RECOVERY = "RECOVERY"


class WrongCode(Exception):
    """Neither a code of now nor an unused recovery code."""


class UsedCode(Exception):
    """A code that was right, and was used already: whoever read it over a shoulder."""


class TooManyTries(Exception):
    """No try is left for a while (`SecondFactor.WINDOW`)."""


def is_required(user: User | AnonymousUser) -> bool:
    """Whether this account may do nothing without one: staff, where anything is real."""
    return user.is_staff and not settings.SANDBOX


def of(user: User) -> SecondFactor | None:
    """The second factor that is on; None when there is none."""
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).first()


def begin(user: User) -> SecondFactor:
    """The secret to put into an app; the same one until a code of it was right."""
    secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    sealed = encryption.seal(secret, place=SecondFactor.SEALED["secret_sealed"])
    return SecondFactor.objects.get_or_create(user=user, defaults={"secret_sealed": sealed})[0]


def address_for_app(factor: SecondFactor) -> str:
    """What the QR code says: an `otpauth://` address with the secret in it."""
    return _totp(factor).get_provisioning_uri(factor.user.email, settings.SITE_NAME)


@transaction.atomic
def confirm(
    factor: SecondFactor, typed: str, *, here: str | None, address: str, now: datetime
) -> list[str]:
    """Turn it on with the app's first code; signs out everywhere but `here`.

    Returns the recovery codes, which nobody can read again. Raises WrongCode, or UsedCode when it
    is on already.
    """
    step = _step(factor, typed, now=now)
    waiting = SecondFactor.objects.filter(pk=factor.pk, confirmed_at__isnull=True)
    if not waiting.update(confirmed_at=now, last_step=step, tries=0):
        raise UsedCode
    sessions.end_others(factor.user, here=here)
    codes = _new_codes(factor)
    account_mails.tell(factor.user, Change.FACTOR_ON, now=now)
    _record(AuditEntry.Action.FACTOR_ON, factor.user, by=factor.user, address=address, at=now)
    return codes


def check(factor: SecondFactor, typed: str, *, now: datetime) -> Proof:
    """Use up a code of the app or a recovery code. Raises WrongCode, UsedCode or TooManyTries."""
    if not factor.take_try():
        raise TooManyTries
    if len(_compact(typed)) == DIGITS:
        if not factor.take_step(_step(factor, typed, now=now)):
            raise UsedCode
        proof = Proof.CODE
    else:
        unused = factor.codes.filter(mac=_mac(factor, typed), used_at__isnull=True)
        if not unused.update(used_at=now):
            raise WrongCode
        proof = Proof.RECOVERY
    factor.forget_tries()
    return proof


@transaction.atomic
def renew_codes(factor: SecondFactor, *, now: datetime) -> list[str]:
    """Recovery codes in place of those before, which are good for nothing from now on."""
    codes = _new_codes(factor)
    account_mails.tell(factor.user, Change.CODES, now=now)
    return codes


def _new_codes(factor: SecondFactor) -> list[str]:
    codes = [_code() for _ in range(RECOVERY_CODES)]
    factor.codes.all().delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(factor=factor, mac=_mac(factor, code)) for code in codes
    )
    return codes


def codes_left(factor: SecondFactor) -> int:
    """How many recovery codes are unused."""
    return factor.codes.filter(used_at__isnull=True).count()


@transaction.atomic
def turn_off(user: User, *, here: str | None, address: str, now: datetime) -> None:
    """Forget the app and the recovery codes; signs out everywhere but `here`."""
    SecondFactor.objects.filter(user=user).delete()
    sessions.end_others(user, here=here)
    account_mails.tell(user, Change.FACTOR_OFF, now=now)
    _record(AuditEntry.Action.FACTOR_OFF, user, by=user, address=address, at=now)


@transaction.atomic
def reset(user: User, *, by: User, reason: str, address: str, now: datetime) -> None:
    """Do it for a colleague who lost the app and the codes; signs them out everywhere."""
    SecondFactor.objects.filter(user=user).delete()
    sessions.end_all(user)
    account_mails.tell(user, Change.FACTOR_RESET, now=now)
    _record(AuditEntry.Action.RESET, user, by=by, address=address, at=now, reason=reason)


def _record(
    action: AuditEntry.Action,
    user: User,
    *,
    by: User,
    address: str,
    at: datetime,
    reason: str = "",
) -> None:
    kind = "staff" if by.is_staff else "person"
    audit.record(
        action,
        actor=f"{kind}:{by.pk}",
        subject=f"portal.user:{user.pk}",
        reason=reason,
        address=address,
        at=at,
    )


def _totp(factor: SecondFactor) -> TOTP:
    return TOTP(base64.b32decode(factor.secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303


def _step(factor: SecondFactor, typed: str, *, now: datetime) -> int:
    # A clock may be half a minute off, as RFC 6238 §5.2 recommends and no more.
    totp, current = _totp(factor), int(now.timestamp()) // STEP_SECONDS
    code = _compact(typed).encode()
    found = 0
    for step in (current - 1, current, current + 1):
        if compare_digest(totp.generate(step * STEP_SECONDS), code):
            found = step
    if not found:
        raise WrongCode
    return found


def _compact(typed: str) -> str:
    return "".join(typed.split()).replace("-", "").upper()


def _code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(2 * _HALF))
    return f"{letters[:_HALF]}-{letters[_HALF:]}"


def _mac(factor: SecondFactor, code: str) -> str:
    return encryption.blind_index(f"{factor.user_id}:{_compact(code)}", kind="recovery")
