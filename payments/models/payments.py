"""A payment, its history, what was agreed to, and the code that confirms it."""

import secrets
from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from payments import encryption, states
from payments.limits import Goods
from payments.models.append_only import append_only, append_only_until_forgotten
from payments.models.merchants import Merchant
from payments.models.moving import Moving
from payments.states import PaymentState

_REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_PLACE_PHONE = "payment.phone"
_PLACE_BIRTHDATE = "payment.birthdate"
_PLACE_EMAIL = "payment.email"


def new_token() -> str:
    """256 bits nobody can guess, for an address."""
    return secrets.token_urlsafe(32)


def new_reference() -> str:
    """A payment number a person can read out: `PB-7K2M-4QXD`, no look-alike letters."""
    letters = [secrets.choice(_REFERENCE_LETTERS) for _ in range(8)]
    return f"PB-{''.join(letters[:4])}-{''.join(letters[4:])}"


def holder_index(phone: str, birthdate: date) -> str:
    """The keyed hash of who holds a line: canonical number and birthdate together."""
    return encryption.blind_index(f"{phone}|{birthdate.isoformat()}", kind="holder")


class Payment(Moving):
    """One order to be put on a phone bill."""

    moves = states.PAYMENT_MOVES

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT)
    token = models.CharField(max_length=64, unique=True, default=new_token)
    reference = models.CharField(max_length=16, unique=True, default=new_reference)
    order_no = models.CharField(max_length=64)
    item_name = models.CharField(max_length=100)
    amount_won = models.BigIntegerField()
    goods = models.CharField(
        max_length=12, choices=[(g.value, g.value) for g in Goods], default=Goods.CONTENT.value
    )
    return_url = models.CharField(max_length=500, blank=True)
    return_label = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=5, default="ko")

    state = models.CharField(
        max_length=24,
        choices=[(s.value, s.value) for s in PaymentState],
        default=PaymentState.CREATED,
    )
    failure_code = models.CharField(max_length=40, blank=True)
    window_hash = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    carrier = models.CharField(max_length=12, blank=True)
    phone_sealed = models.TextField(blank=True)
    phone_bidx = models.CharField(max_length=64, blank=True)
    phone_last4 = models.CharField(max_length=4, blank=True)
    birthdate_sealed = models.TextField(blank=True)
    # Number and birthdate together, to find a person's payments by: a number changes hands.
    holder_bidx = models.CharField(max_length=64, blank=True)
    email_sealed = models.TextField(blank=True)

    carrier_payment_id = models.CharField(max_length=100, blank=True)
    carrier_tx = models.CharField(max_length=100, blank=True)
    validation_action = models.CharField(max_length=12, blank=True)
    authorization_id = models.CharField(max_length=100, blank=True)
    resends = models.PositiveSmallIntegerField(default=0)
    paid_at = models.DateTimeField(null=True, blank=True)
    billing_month = models.CharField(max_length=7, blank=True)
    is_refused_by_carrier = models.BooleanField(default=False)
    used_at = models.DateTimeField(null=True, blank=True)

    # When the resolver looks at the row next; None when nothing is left to find out.
    check_at = models.DateTimeField(null=True, blank=True)
    checks = models.PositiveSmallIntegerField(default=0)
    unknown_at = models.DateTimeField(null=True, blank=True)

    SEALED = {
        "phone_sealed": _PLACE_PHONE,
        "birthdate_sealed": _PLACE_BIRTHDATE,
        "email_sealed": _PLACE_EMAIL,
    }

    class Meta:
        verbose_name = _("결제")
        verbose_name_plural = _("결제 내역")
        constraints = [
            models.CheckConstraint(
                name="payment_amount", condition=Q(amount_won__range=(1, 1_000_000))
            ),
            models.CheckConstraint(
                name="payment_goods", condition=Q(goods__in=[g.value for g in Goods])
            ),
            models.CheckConstraint(
                name="payment_state",
                condition=Q(state__in=[s.value for s in PaymentState]),
            ),
            models.CheckConstraint(
                name="payment_paid_has_time",
                condition=~Q(state="PAID") | (Q(paid_at__isnull=False) & ~Q(billing_month="")),
            ),
            models.UniqueConstraint(
                name="payment_one_live_per_order",
                fields=["merchant", "order_no"],
                condition=Q(state__in=sorted(states.PAYMENT_LIVE)),
            ),
        ]
        indexes = [
            models.Index(name="payment_merchant_time", fields=["merchant", "-created_at", "-id"]),
            models.Index(
                name="payment_holder_time",
                fields=["holder_bidx", "-created_at", "-id"],
                condition=~Q(holder_bidx=""),
            ),
            models.Index(
                name="payment_check",
                fields=["check_at"],
                condition=Q(check_at__isnull=False),
            ),
            models.Index(
                name="payment_line_month",
                fields=["phone_bidx", "billing_month"],
                condition=Q(state="PAID"),
            ),
            # The one above is the order's among its seller's; a caller names the order alone.
            models.Index(name="payment_order", fields=["order_no"]),
        ]

    def __str__(self) -> str:
        return self.reference

    def set_line(self, *, carrier: str, phone: str, birthdate: date, email: str) -> None:
        """Remember who pays, sealed; the caller saves."""
        self.carrier = carrier
        self.phone_sealed = encryption.seal(phone, place=_PLACE_PHONE)
        self.phone_bidx = encryption.blind_index(phone, kind="phone")
        self.phone_last4 = phone[-4:]
        self.birthdate_sealed = encryption.seal(birthdate.isoformat(), place=_PLACE_BIRTHDATE)
        self.holder_bidx = holder_index(phone, birthdate)
        self.email_sealed = encryption.seal(email, place=_PLACE_EMAIL)

    @property
    def phone(self) -> str:
        """The canonical number; empty before the shopper gave one."""
        return encryption.unseal(self.phone_sealed, place=_PLACE_PHONE)

    @property
    def birthdate(self) -> str:
        """ISO date; empty before the shopper gave one or after it was purged."""
        return encryption.unseal(self.birthdate_sealed, place=_PLACE_BIRTHDATE)

    @property
    def email(self) -> str:
        """Where the receipt goes besides the phone; empty when none was given."""
        return encryption.unseal(self.email_sealed, place=_PLACE_EMAIL)

    @property
    def masked_phone(self) -> str:
        """`010-****-1234`; empty before a number was given."""
        return f"010-****-{self.phone_last4}" if self.phone_last4 else ""

    @property
    def is_final(self) -> bool:
        """Whether the state has no way on."""
        return self.state in states.PAYMENT_FINAL


class PaymentEvent(models.Model):
    """One move of a payment. Written once, never changed."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="events")
    from_state = models.CharField(max_length=24)
    to_state = models.CharField(max_length=24)
    event = models.CharField(max_length=40, blank=True)
    actor = models.CharField(max_length=80)
    reason = models.CharField(max_length=200, blank=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.payment_id}: {self.from_state} → {self.to_state}"


class Consent(models.Model):
    """What the shopper ticked: which text, which version, when (domain §3.2)."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="consents")
    kind = models.CharField(max_length=24)
    version = models.CharField(max_length=12)
    agreed_at = models.DateTimeField()
    user_agent = models.CharField(max_length=200, blank=True)

    class Meta:
        triggers = append_only_until_forgotten("user_agent", dated="agreed_at")

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"


class CodeChallenge(models.Model):
    """The tries left to type the operator's code: one row a payment, kept across resends.

    The operator makes and checks the code; we only count, in one conditional UPDATE, so that a
    hundred guesses at once are still five (reliability M14, M15).
    """

    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="challenge")
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    checking_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.payment_id}: {self.attempts}"

    @classmethod
    def take_attempt(cls, *, payment_id: int, limit: int, until: datetime) -> bool:
        """Spend one try, unless none is left, the code is old, or a check is under way.

        The database's clock decides; `until` is when a check that never answered lets go.
        """
        free = Q(checking_until__isnull=True) | Q(checking_until__lt=Now())
        taken = cls.objects.filter(
            free,
            payment_id=payment_id,
            attempts__lt=limit,
            expires_at__gt=Now(),
        ).update(attempts=F("attempts") + 1, checking_until=until)
        return taken == 1

    @classmethod
    def begin(
        cls, payment: Payment, *, at: datetime, expires_at: datetime, verified: Sequence[int]
    ) -> None:
        """A code is out; a resend keeps the row and its count of tries.

        One statement for two tables, because it is on the payer's path: whose line it is was right,
        so the counters of failures that held this try (`RiskCount`) give it back.
        """
        with connection.cursor() as cursor:
            cursor.execute(_BEGIN, [list(verified), payment.pk, at, expires_at])


_BEGIN = """
    WITH held AS (
        SELECT id FROM payments_riskcount WHERE id = ANY(%s)
         ORDER BY kind, window_seconds FOR UPDATE
    ), given_back AS (
        UPDATE payments_riskcount SET used = used - 1 WHERE id IN (SELECT id FROM held)
    )
    INSERT INTO payments_codechallenge (payment_id, attempts, sent_at, expires_at)
    VALUES (%s, 0, %s, %s)
        ON CONFLICT (payment_id) DO UPDATE
       SET sent_at = excluded.sent_at, expires_at = excluded.expires_at, checking_until = NULL
"""
