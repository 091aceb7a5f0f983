"""What merchants are paid: terms, closed periods, holds, payouts; and what operators remit."""

import secrets
from datetime import datetime
from typing import Any

import pgtrigger
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _

from payments import encryption, states
from payments.cycles import Cycle
from payments.models.append_only import append_only
from payments.models.ledger import LedgerTransaction
from payments.models.merchants import Merchant
from payments.models.moving import Moving
from payments.models.payments import Payment
from payments.states import PayoutState

_PLACE_TERMS = "settlementterms.account"
_PLACE_CALL = "payoutcall.account"


class Category(models.TextChoices):
    """What a shop sells; fees differ by it (domain §8)."""

    REAL = "REAL", _("실물")
    DIGITAL = "DIGITAL", _("디지털 콘텐츠")


class SettlementTerms(models.Model):
    """How a merchant is settled; its row is also the lock that keeps two closings apart."""

    CYCLES = [
        (Cycle.DAILY.value, _("날마다")),
        (Cycle.WEEKLY.value, _("주마다")),
        (Cycle.HALF_MONTHLY.value, _("반달마다")),
        (Cycle.MONTHLY.value, _("달마다")),
    ]

    merchant = models.OneToOneField(Merchant, on_delete=models.PROTECT, related_name="terms")
    category = models.CharField(
        max_length=12, choices=Category.choices, default=Category.DIGITAL.value
    )
    cycle = models.CharField(max_length=12, choices=CYCLES, default=Cycle.MONTHLY.value)
    payout_days = models.PositiveSmallIntegerField(
        default=5, help_text=_("마감하고 며칠(영업일) 뒤에 보내는지")
    )
    bank = models.CharField(max_length=20, blank=True)
    account_sealed = models.TextField(blank=True)
    account_last4 = models.CharField(max_length=4, blank=True)
    holder_sealed = models.TextField(blank=True)

    SEALED = {"account_sealed": _PLACE_TERMS, "holder_sealed": _PLACE_TERMS}

    class Meta:
        verbose_name = verbose_name_plural = _("정산 조건")

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.cycle}"

    def set_account(self, *, bank: str, number: str, holder: str) -> None:
        """Where payouts go, sealed; the caller saves."""
        self.bank = bank
        self.account_sealed = encryption.seal(number, place=_PLACE_TERMS)
        self.account_last4 = number[-4:]
        self.holder_sealed = encryption.seal(holder, place=_PLACE_TERMS)

    @property
    def account_number(self) -> str:
        """Digits; empty when none is known."""
        return encryption.unseal(self.account_sealed, place=_PLACE_TERMS)

    @property
    def account_holder(self) -> str:
        """Name on the account; empty when none is known."""
        return encryption.unseal(self.holder_sealed, place=_PLACE_TERMS)


class FeeTerm(models.Model):
    """A merchant's fee from a moment on. A change is a new row; the past keeps its fee."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="fee_terms")
    category = models.CharField(
        max_length=12, choices=Category.choices, blank=True, help_text=_("비우면 모든 종류")
    )
    fee_bps = models.PositiveIntegerField(help_text="1/100 %")
    valid_from = models.DateTimeField()
    source = models.CharField(max_length=200, help_text=_("근거: 계약서, 날짜"))

    class Meta:
        verbose_name = verbose_name_plural = _("수수료율")
        constraints = [
            models.UniqueConstraint(name="fee_once", fields=["merchant", "category", "valid_from"]),
            models.CheckConstraint(name="fee_at_most_all", condition=Q(fee_bps__lte=5_000)),
            models.CheckConstraint(name="fee_has_source", condition=~Q(source="")),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.fee_bps} bps"

    @classmethod
    def bps_at(cls, merchant: Merchant, at: datetime) -> int:
        """The fee valid at a moment, in 1/100 %.

        Of the merchant's category, else of every category, else what the merchant started with.
        """
        terms = cls._of(merchant.pk).filter(valid_from__lte=at)
        found = terms.values_list("fee_bps", flat=True).first()
        return merchant.fee_bps if found is None else found

    @classmethod
    def beside_payment(cls) -> ArraySubquery:
        """Every fee of a payment's merchant, to be read in the statement that reads the payment."""
        terms = cls._of(OuterRef("merchant_id"))
        return ArraySubquery(terms.values(row=JSONObject(bps="fee_bps", since="valid_from")))

    @classmethod
    def bps_of(cls, payment: Payment, at: datetime) -> int:
        """As `bps_at`, for a payment that was read with `beside_payment` as `fee_terms`."""
        terms: list[dict[str, Any]] = payment.fee_terms  # type: ignore[attr-defined]
        valid = (row["bps"] for row in terms if datetime.fromisoformat(row["since"]) <= at)
        return next(valid, payment.merchant.fee_bps)

    @classmethod
    def _of(cls, merchant_id: int | OuterRef) -> "models.QuerySet[FeeTerm]":
        """What a merchant pays, the row that counts first."""
        sold = SettlementTerms.objects.filter(merchant=OuterRef("merchant")).values("category")
        terms = cls.objects.filter(Q(category="") | Q(category=Subquery(sold[:1])))
        return terms.filter(merchant=merchant_id).order_by("-category", "-valid_from")


class Settlement(models.Model):
    """A closed period of one merchant. Never changed: what comes later goes into the next one.

    net = gross − refunds − fee − fee VAT, of every line; `late_won` is the part of net that belongs
    to days before `first`. `brought_forward_won` is what earlier settlements left unpaid (negative:
    owed by the merchant), `withheld_won` what of that is under an objection; `payable_won` is what
    all of it comes to. `held_won` is what an objection left out of the period altogether.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="settlements")
    first = models.DateField()
    last = models.DateField()
    closed_at = models.DateTimeField()
    gross_won = models.BigIntegerField()
    refunds_won = models.BigIntegerField()
    fee_won = models.BigIntegerField()
    fee_vat_won = models.BigIntegerField()
    net_won = models.BigIntegerField()
    late_won = models.BigIntegerField()
    held_won = models.BigIntegerField()
    brought_forward_won = models.BigIntegerField()
    withheld_won = models.BigIntegerField()
    payable_won = models.BigIntegerField()

    class Meta:
        verbose_name = verbose_name_plural = _("정산")
        constraints = [
            models.UniqueConstraint(name="settlement_once", fields=["merchant", "last"]),
            models.CheckConstraint(name="settlement_days", condition=Q(first__lte=F("last"))),
            models.CheckConstraint(
                name="settlement_net",
                condition=Q(
                    net_won=F("gross_won") - F("refunds_won") - F("fee_won") - F("fee_vat_won")
                ),
            ),
            models.CheckConstraint(
                name="settlement_payable",
                condition=Q(
                    payable_won=F("net_won") + F("brought_forward_won") - F("withheld_won")
                ),
            ),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.first}–{self.last}"


class SettlementLine(models.Model):
    """One posting in a settlement; the database keeps a posting to one settlement."""

    settlement = models.ForeignKey(Settlement, on_delete=models.PROTECT, related_name="lines")
    transaction = models.OneToOneField(
        LedgerTransaction, on_delete=models.PROTECT, related_name="settlement_line"
    )
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="settlement_lines")
    gross_won = models.BigIntegerField()
    refunds_won = models.BigIntegerField()
    fee_won = models.BigIntegerField()
    fee_vat_won = models.BigIntegerField()
    net_won = models.BigIntegerField()
    is_late = models.BooleanField()

    class Meta:
        verbose_name = verbose_name_plural = _("정산 내역")
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.settlement_id}: {self.net_won}"


class SettlementHold(models.Model):
    """A payment whose money waits while an objection is open (정보통신망법 §58③).

    `withheld_won` is what an earlier settlement had counted already and that was taken back out of
    what goes to the merchant; 0 when the payment was open, or its money gone.
    """

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="settlement_holds")
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT)
    reason = models.CharField(max_length=200)
    withheld_won = models.BigIntegerField()
    held_by = models.CharField(max_length=80)
    held_at = models.DateTimeField()
    release_reason = models.CharField(max_length=200, blank=True)
    released_by = models.CharField(max_length=80, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("지급 보류")
        constraints = [
            models.UniqueConstraint(
                name="hold_one_open", fields=["payment"], condition=Q(released_at__isnull=True)
            ),
            models.CheckConstraint(name="hold_withheld", condition=Q(withheld_won__gte=0)),
        ]
        triggers = [pgtrigger.Protect(name="stays", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.payment_id}"


class Payout(Moving):
    """The money of one settlement on its way to the merchant; the row is the job."""

    moves = states.PAYOUT_MOVES

    settlement = models.OneToOneField(Settlement, on_delete=models.PROTECT, related_name="payout")
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="payouts")
    amount_won = models.BigIntegerField()
    state = models.CharField(
        max_length=12,
        choices=[(s.value, s.value) for s in PayoutState],
        default=PayoutState.SCHEDULED,
    )
    failure_code = models.CharField(max_length=40, blank=True)
    due_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    paid_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("지급")
        constraints = [
            models.CheckConstraint(
                name="payout_state", condition=Q(state__in=[s.value for s in PayoutState])
            ),
            models.CheckConstraint(
                name="payout_amount",
                condition=Q(amount_won__gt=0) | Q(state="CANCELED", amount_won=0),
            ),
            models.CheckConstraint(
                name="payout_paid_has_time", condition=~Q(state="PAID") | Q(paid_at__isnull=False)
            ),
        ]
        indexes = [
            models.Index(
                name="payout_due",
                fields=["due_at"],
                condition=Q(state__in=["SCHEDULED", "SENDING", "UNKNOWN"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_won} won, {self.state}"


class PayoutEvent(models.Model):
    """One move of a payout. Written once, never changed."""

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="events")
    from_state = models.CharField(max_length=12)
    to_state = models.CharField(max_length=12)
    event = models.CharField(max_length=40, blank=True)
    actor = models.CharField(max_length=80)
    reason = models.CharField(max_length=200, blank=True)
    occurred_at = models.DateTimeField()

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.payout_id}: {self.from_state} → {self.to_state}"


def new_payout_ref() -> str:
    """The idempotency id of one transfer; the bank knows it."""
    return f"po-{secrets.token_hex(12)}"


class PayoutCall(models.Model):
    """Intent and outcome of one transfer: what, how much and where to, as it was sent.

    A lost answer is asked again, and if need be sent again, under the same row and id.
    """

    class State(models.TextChoices):
        """What is known of the answer. SENT: not back yet, or the process died waiting."""

        SENT = "SENT"
        OK = "OK"
        DECLINED = "DECLINED"
        UNKNOWN = "UNKNOWN"

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="calls")
    order_ref = models.CharField(max_length=40, unique=True, default=new_payout_ref)
    amount_won = models.BigIntegerField()
    bank = models.CharField(max_length=20)
    account_sealed = models.TextField()
    account_last4 = models.CharField(max_length=4)
    holder_sealed = models.TextField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.SENT)
    answer = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    SEALED = {"account_sealed": _PLACE_CALL, "holder_sealed": _PLACE_CALL}

    class Meta:
        verbose_name = verbose_name_plural = _("은행 송금 호출")
        constraints = [
            models.UniqueConstraint(
                name="payout_one_open_call",
                fields=["payout"],
                condition=Q(state__in=["SENT", "UNKNOWN", "OK"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_ref} {self.state}"

    @classmethod
    def intended(cls, payout: Payout, terms: SettlementTerms, *, at: datetime) -> "PayoutCall":
        """A new call, written down before it leaves."""
        return cls.objects.create(
            payout=payout,
            amount_won=payout.amount_won,
            bank=terms.bank,
            account_sealed=encryption.seal(terms.account_number, place=_PLACE_CALL),
            account_last4=terms.account_last4,
            holder_sealed=encryption.seal(terms.account_holder, place=_PLACE_CALL),
            sent_at=at,
        )

    @property
    def account_number(self) -> str:
        """Digits."""
        return encryption.unseal(self.account_sealed, place=_PLACE_CALL)

    @property
    def account_holder(self) -> str:
        """Name on the account."""
        return encryption.unseal(self.holder_sealed, place=_PLACE_CALL)

    def finish(self, state: "PayoutCall.State", *, at: datetime, answer: str = "") -> None:
        """Write down how the call ended."""
        self.state = state
        self.answer = answer[:200]
        self.resolved_at = at
        self.save(update_fields=["state", "answer", "resolved_at"])


class Remittance(models.Model):
    """Money that an operator sent us, as on the bank's statement."""

    carrier = models.CharField(max_length=12)
    amount_won = models.BigIntegerField()
    bank_ref = models.CharField(max_length=60, unique=True)
    received_at = models.DateTimeField()
    recorded_by = models.CharField(max_length=80)

    class Meta:
        verbose_name = verbose_name_plural = _("통신사 입금")
        constraints = [
            models.CheckConstraint(name="remittance_amount", condition=Q(amount_won__gt=0)),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.carrier} {self.amount_won}"
