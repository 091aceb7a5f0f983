"""Limits with effective dates, and what of them is taken, so that two at once cannot pass one.

Whoever begins to pay holds their amount against each limit in force; the hold goes when nothing was
charged. A counter is the sum of its holds.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import connection, models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments import encryption
from payments.limits import COUNTED, OF_LINE, Goods, Scope, period_of
from payments.models.append_only import append_only
from payments.models.merchants import Merchant
from payments.models.payments import Payment


class LimitTerm(models.Model):
    """How much is allowed from a moment on. A change is a new row; the past keeps its limit.

    A merchant's own row beats the row for all; where there is neither, the settings decide. Only
    LINE_GOODS names goods, and without a row there is no such limit.
    """

    scope = models.CharField(max_length=16, choices=[(s.value, s.value) for s in Scope])
    goods = models.CharField(
        max_length=12, choices=[(g.value, g.value) for g in Goods], blank=True, default=""
    )
    merchant = models.ForeignKey(
        Merchant, on_delete=models.PROTECT, related_name="limit_terms", null=True, blank=True
    )
    amount_won = models.BigIntegerField()
    valid_from = models.DateTimeField()
    source = models.CharField(max_length=200)

    class Meta:
        verbose_name = verbose_name_plural = _("한도")
        constraints = [
            models.UniqueConstraint(
                name="limit_once",
                fields=["scope", "goods", "merchant", "valid_from"],
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="limit_goods",
                condition=(Q(scope=Scope.LINE_GOODS.value) & ~Q(goods=""))
                | (~Q(scope=Scope.LINE_GOODS.value) & Q(goods="")),
            ),
            models.CheckConstraint(name="limit_amount", condition=Q(amount_won__gte=0)),
            models.CheckConstraint(name="limit_has_source", condition=~Q(source="")),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.scope} {self.amount_won}"

    @classmethod
    def in_force(
        cls, scopes: Mapping[Scope, int], *, merchant: Merchant, at: datetime
    ) -> dict[Scope, int]:
        """The limits valid at a moment, in won; `scopes` carries the settings' figures."""
        rows = (
            cls.objects.filter(
                Q(merchant=merchant) | Q(merchant__isnull=True),
                scope__in=list(scopes),
                valid_from__lte=at,
            )
            .order_by("scope", F("merchant").asc(nulls_last=True), "-valid_from")
            .distinct("scope")
        )
        return {**scopes, **{Scope(row.scope): row.amount_won for row in rows}}

    @classmethod
    def of_goods(cls, goods: Goods, *, at: datetime) -> int | None:
        """What a line may spend on these goods in a month at any shop, in won; None: no limit."""
        rows = cls.objects.filter(
            scope=Scope.LINE_GOODS, goods=goods, merchant=None, valid_from__lte=at
        )
        return rows.order_by("-valid_from").values_list("amount_won", flat=True).first()


class LimitUse(models.Model):
    """What is taken of one limit in one period: by a line in a month, at a merchant on a day."""

    scope = models.CharField(max_length=16)
    key = models.CharField(max_length=64)
    period = models.CharField(max_length=10)
    used_won = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="limit_use_once", fields=["scope", "key", "period"]),
            models.CheckConstraint(name="limit_use_positive", condition=Q(used_won__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.period} {self.used_won}"


class LimitHold(models.Model):
    """What one payment takes of one limit."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="holds")
    use = models.ForeignKey(LimitUse, on_delete=models.PROTECT, related_name="holds")
    amount_won = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="limit_hold_once", fields=["payment", "use"]),
            models.CheckConstraint(name="limit_hold_positive", condition=Q(amount_won__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.payment_id} {self.amount_won}"

    @classmethod
    def take(cls, payment: Payment, fallback: Mapping[Scope, int], *, at: datetime) -> list[Scope]:
        """Hold the payment's amount against every counted limit in force.

        Returns the limits it would pass: the others are held all the same, for the caller to end
        the payment. `fallback` is what the settings allow; a limit in neither place does not exist.
        One statement: the counter is raised only where the sum still fits, whoever is first.
        """
        wanted: list[str | int | None] = []
        for scope in COUNTED:
            goods = payment.goods if scope == Scope.LINE_GOODS else ""
            key = _key(scope, payment)
            wanted += [scope.value, goods, key, period_of(scope, at), fallback.get(scope)]
        amount = payment.amount_won
        with connection.cursor() as cursor:
            cursor.execute(
                _TAKE,
                [*wanted, payment.merchant_id, at, amount, amount, payment.pk, amount],
            )
            return [Scope(row[0]) for row in cursor.fetchall()]

    @classmethod
    def release(cls, payment: Payment) -> None:
        """Nothing was charged: whatever the payment holds is free again."""
        with connection.cursor() as cursor:
            cursor.execute(_RELEASE, [payment.pk])

    @classmethod
    def give_back(cls, payment: Payment, amount_won: int) -> None:
        """The carrier took this much off the bill: the line may spend it again this month."""
        with connection.cursor() as cursor:
            scopes = [scope.value for scope in OF_LINE]
            cursor.execute(_GIVE_BACK, [amount_won, payment.pk, scopes, amount_won])


def _key(scope: Scope, payment: Payment) -> str:
    """Whose counter it is: the line's, the line's for one kind of goods, or the merchant's."""
    if scope == Scope.LINE_GOODS:
        return encryption.blind_index(f"{payment.phone_bidx}|{payment.goods}", kind="line-goods")
    return payment.phone_bidx if scope == Scope.LINE_MONTH else str(payment.merchant_id)


_TAKE = """
    WITH wanted (scope, goods, key, period, fallback_won) AS (
        VALUES (%s, %s, %s, %s, %s::bigint), (%s, %s, %s, %s, %s::bigint),
               (%s, %s, %s, %s, %s::bigint), (%s, %s, %s, %s, %s::bigint)
    ), in_force AS (
        SELECT wanted.scope, wanted.key, wanted.period,
               coalesce((
                   SELECT term.amount_won FROM payments_limitterm term
                    WHERE term.scope = wanted.scope AND term.goods = wanted.goods
                      AND (term.merchant_id = %s OR term.merchant_id IS NULL)
                      AND term.valid_from <= %s
                    ORDER BY term.merchant_id NULLS LAST, term.valid_from DESC LIMIT 1
               ), wanted.fallback_won) AS max_won
          FROM wanted
    ), taken AS (
        INSERT INTO payments_limituse AS use (scope, key, period, used_won)
        SELECT scope, key, period, %s FROM in_force WHERE %s <= max_won ORDER BY scope
            ON CONFLICT (scope, key, period) DO UPDATE
           SET used_won = use.used_won + excluded.used_won
         WHERE use.used_won + excluded.used_won
            <= (SELECT max_won FROM in_force WHERE in_force.scope = excluded.scope)
        RETURNING id, scope
    ), held AS (
        INSERT INTO payments_limithold (payment_id, use_id, amount_won)
        SELECT %s, id, %s FROM taken
    )
    SELECT scope FROM in_force
     WHERE max_won IS NOT NULL AND scope NOT IN (SELECT scope FROM taken)
     ORDER BY scope
"""
_RELEASE = """
    WITH gone AS (
        DELETE FROM payments_limithold WHERE payment_id = %s RETURNING use_id, amount_won
    )
    UPDATE payments_limituse use SET used_won = use.used_won - gone.amount_won
      FROM gone WHERE use.id = gone.use_id
"""
_GIVE_BACK = """
    WITH less AS (
        UPDATE payments_limithold hold SET amount_won = hold.amount_won - %s
          FROM payments_limituse use
         WHERE use.id = hold.use_id AND hold.payment_id = %s AND use.scope = ANY(%s)
        RETURNING hold.use_id
    )
    UPDATE payments_limituse use SET used_won = use.used_won - %s
      FROM less WHERE use.id = less.use_id
"""
