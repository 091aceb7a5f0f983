"""Rules about risk with effective dates, what they count, and every decision they made.

A rule is never changed: it ends, and a new one begins, so that an old decision can still be read. A
counter is one row for a window, raised in one statement that answers what it then stands at: of
many tries at once each sees another figure, and no more than the threshold see a figure below it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pgtrigger
from django.db import connection, models
from django.db.models import Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Greatest, Now
from django.utils.translation import gettext_lazy as _

from payments import risk
from payments.models.append_only import append_only_until_forgotten
from payments.models.payments import Payment
from payments.risk import Action, Decision, Kind, Outcome
from payments.states import PaymentState


@dataclass(frozen=True)
class Firings:
    """How often a rule fired since some moment: of how many decisions, and how many were paid."""

    decisions: int
    fired: int
    paid: int


class RiskRule(models.Model):
    """One rule, in force from a moment on until it is ended."""

    kind = models.CharField(max_length=20, choices=[(k.value, k.value) for k in Kind])
    threshold = models.PositiveIntegerField()
    window_seconds = models.PositiveIntegerField(default=0)
    action = models.CharField(max_length=16, choices=[(a.value, a.value) for a in Action])
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=200)
    made_by = models.CharField(max_length=80)

    class Meta:
        verbose_name = verbose_name_plural = _("위험 규칙")
        constraints = [
            models.CheckConstraint(name="risk_rule_has_note", condition=~Q(note="")),
            models.CheckConstraint(
                name="risk_rule_window",
                condition=Q(kind=Kind.AMOUNT.value) | Q(window_seconds__range=(60, 31 * 86_400)),
            ),
            models.CheckConstraint(
                name="risk_rule_ends_later",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            # A rule may be given an end, once; nothing else about it changes.
            pgtrigger.Trigger(
                name="only_ends",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                    IF OLD.valid_until IS NULL AND NEW.valid_until IS NOT NULL
                        AND to_jsonb(NEW) - 'valid_until' = to_jsonb(OLD) - 'valid_until'
                    THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'pgtrigger: a rule is not changed, it ends and another begins';
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} > {self.threshold}: {self.action}"

    @classmethod
    def in_force(cls, at: datetime) -> list[risk.Rule]:
        """Every rule valid at a moment."""
        rows = cls.objects.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=at), valid_from__lte=at
        )
        return [row.plain for row in rows.order_by("pk")]

    def end(self, *, at: datetime) -> bool:
        """Decide nothing any more; False when it had ended before."""
        still = RiskRule.objects.filter(pk=self.pk, valid_until__isnull=True)
        # One that has not begun yet ends before it begins.
        return still.update(valid_until=Greatest(Value(at), F("valid_from"))) == 1

    def firings(self, since: datetime) -> Firings:
        """How often it fired, in shadow or not: what it would have done, had it been in force."""
        decided = RiskDecision.objects.filter(
            decided_at__gte=max(since, self.valid_from),
            decided_at__lte=self.valid_until or Now(),
        )
        mine = decided.exclude(fired=[]).filter(fired__contains=[{"rule": self.pk}])
        payments = mine.values("payment")
        return Firings(
            decisions=decided.count(),
            fired=mine.count(),
            paid=Payment.objects.filter(pk__in=payments, state=PaymentState.PAID).count(),
        )

    @property
    def plain(self) -> risk.Rule:
        """As the pure rules know it."""
        return risk.Rule(
            self.pk, Kind(self.kind), self.threshold, self.window_seconds, Action(self.action)
        )


class RiskCount(models.Model):
    """What was counted of one kind for one line, network or shop in one window."""

    kind = models.CharField(max_length=20)
    # A keyed hash of number or network, a merchant's id, or nothing: over all.
    key = models.CharField(max_length=64, blank=True)
    window_seconds = models.PositiveIntegerField()
    ends_at = models.DateTimeField()
    used = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="risk_count_once", fields=["kind", "key", "window_seconds", "ends_at"]
            ),
            models.CheckConstraint(name="risk_count_positive", condition=Q(used__gte=0)),
        ]
        indexes = [models.Index(name="risk_count_end", fields=["ends_at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.ends_at:%F %H:%M}: {self.used}"

    @classmethod
    def take(
        cls, payment: Payment, keys: Mapping[Kind, str], *, at: datetime, kinds: Sequence[Kind]
    ) -> "Taken":
        """Count one more of these kinds under every rule in force, and read what rules go by.

        One statement, because it is on the payer's path. Counters are raised in one order, so that
        two payments never wait for each other crosswise; a key that is missing is not counted.
        """
        counted = [kind for kind in kinds if kind in keys]
        with connection.cursor() as cursor:
            cursor.execute(
                _TAKE,
                [
                    *(at, at),
                    *([kind.value for kind in counted], [keys[kind] for kind in counted], at),
                    *(payment.phone_bidx, at, payment.phone_bidx),
                ],
            )
            [(rules_json, counts_json, has_line_rules)] = cursor.fetchall()
        rules, counts = json.loads(rules_json), json.loads(counts_json)
        plain = [
            risk.Rule(
                row["id"],
                Kind(row["kind"]),
                row["threshold"],
                row["window_seconds"],
                Action(row["action"]),
            )
            for row in rules
        ]
        used = {(row["kind"], row["window_seconds"]): row["used"] for row in counts}
        measured = {row["id"]: row["cycles"] for row in rules if row["cycles"] is not None}
        measured |= {
            rule.id: used[rule.kind, rule.window_seconds]
            for rule in plain
            if (rule.kind, rule.window_seconds) in used
        }
        failures = tuple(row["id"] for row in counts if row["kind"] in risk.FAILURES)
        return Taken(plain, measured, failures, has_line_rules)

    @classmethod
    def give_back(cls, ids: Sequence[int]) -> None:
        """These failures did not come to pass."""
        if not ids:
            return
        with connection.cursor() as cursor:
            cursor.execute(_GIVE_BACK, [list(ids)])

    @classmethod
    def is_swept(cls) -> Exists:
        """Whether the budget of failures over all numbers is spent, by a rule that acts on it.

        For the statement that reads a payment: whoever opened many windows before the budget was
        spent must not go on guessing in them.
        """
        now = Now()
        window = cls.objects.filter(
            kind=OuterRef("kind"),
            key="",
            window_seconds=OuterRef("window_seconds"),
            ends_at__gt=now,
        )
        rules = RiskRule.objects.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=now),
            valid_from__lte=now,
            kind=Kind.FAILURES_ALL.value,
        ).exclude(action=Action.SHADOW.value)
        return Exists(
            rules.annotate(used=Subquery(window.values("used")[:1])).filter(
                used__gte=F("threshold")
            )
        )


@dataclass(frozen=True)
class Taken:
    """What one statement read and raised.

    `measured`: by rule id. `failures`: counters that hold this try as a failed one until it turns
    out not to be. `has_line_rules`: whether the line's holder decided anything about it.
    """

    rules: list[risk.Rule]
    measured: dict[int, int]
    failures: tuple[int, ...]
    has_line_rules: bool


class RiskDecision(models.Model):
    """What the rules made of one try, with the facts they saw. Written once, never changed.

    Neither number nor address is in it: the line by its blind index, the network by a keyed hash.
    """

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=16, choices=[(o.value, o.value) for o in Outcome])
    # What was known: goods, won, hour in Korea, SIM (null: not asked yet).
    facts = models.JSONField()
    # Every rule that fired: its id, kind, action, threshold, window and the figure.
    fired = models.JSONField()
    # `<line> <network>`, keyed hashes both; blanked with the payer's data.
    whose = models.CharField(max_length=140, blank=True)
    decided_at = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = _("위험 판단")
        indexes = [
            models.Index(name="risk_decision_time", fields=["decided_at", "outcome"]),
            models.Index(
                name="risk_decision_fired",
                fields=["-decided_at"],
                condition=~Q(fired=[]),
            ),
        ]
        triggers = append_only_until_forgotten("whose", dated="decided_at")

    def __str__(self) -> str:
        return f"{self.payment_id}: {self.outcome}"

    @classmethod
    def of(
        cls, payment: Payment, facts: risk.Facts, decision: Decision, keys: Mapping[Kind, str]
    ) -> "RiskDecision":
        """The row of a decision, not written yet."""
        whose = f"{keys.get(Kind.TRIES_LINE, '')} {keys.get(Kind.TRIES_NETWORK, '')}"
        return cls(
            payment=payment,
            outcome=decision.outcome.value,
            facts={
                "amount_won": facts.amount_won,
                "goods": facts.goods.value,
                "is_sim_swapped": facts.is_sim_swapped,
                "measured": {str(rule): value for rule, value in facts.measured.items()},
            },
            fired=[
                {
                    "rule": firing.rule.id,
                    "kind": firing.rule.kind.value,
                    "action": firing.rule.action.value,
                    "threshold": firing.rule.threshold,
                    "window_seconds": firing.rule.window_seconds,
                    "value": firing.value,
                }
                for firing in decision.fired
            ],
            whose=whose.strip(),
            decided_at=facts.at,
        )

    def write_with_consents(self, consents: Mapping[str, str], *, user_agent: str) -> None:
        """Write it together with what the payer agreed to (kind → text version), of one moment.

        One statement for two tables, because it is on the payer's path.
        """
        values = {
            str(field.column): field.get_db_prep_save(getattr(self, field.attname), connection)
            for field in self._meta.concrete_fields
            if not field.primary_key
        }
        statement = f"""
            WITH decided AS (
                INSERT INTO payments_riskdecision ({", ".join(values)})
                VALUES ({", ".join(["%s"] * len(values))})
            )
            INSERT INTO payments_consent (payment_id, kind, version, agreed_at, user_agent)
            SELECT %s, agreed.kind, agreed.version, %s, %s
              FROM unnest(%s::text[], %s::text[]) AS agreed (kind, version)
        """  # noqa: S608 (names of our own columns)
        with connection.cursor() as cursor:
            cursor.execute(
                statement,
                [
                    *values.values(),
                    *(self.payment_id, self.decided_at, user_agent[:200]),
                    *(list(consents.keys()), list(consents.values())),
                ],
            )


class SecondFactor(models.Model):
    """The proof a payment owes before the operator is asked to reserve: the line's payment PIN.

    The operator checks the PIN; we only count the tries, in one conditional UPDATE, so that a
    hundred at once are still five (reliability M14, M15). The PIN itself is never written.
    """

    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, related_name="second_factor", primary_key=True
    )
    is_due = models.BooleanField(default=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    checking_until = models.DateTimeField(null=True, blank=True)
    # The line it was proven for; another number owes it anew.
    proven_bidx = models.CharField(max_length=64, blank=True)
    proven_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.payment_id}: {self.attempts}"

    @classmethod
    def demand(cls, payment: Payment) -> None:
        """The payment owes the proof; tries already spent stay spent."""
        cls.objects.update_or_create(payment=payment, defaults={"is_due": True})

    @classmethod
    def take_attempt(cls, *, payment_id: int, limit: int, until: datetime) -> bool:
        """Spend one try, unless none is left or a check is under way. The database's clock."""
        free = Q(checking_until__isnull=True) | Q(checking_until__lt=Now())
        taken = cls.objects.filter(
            free, payment_id=payment_id, is_due=True, attempts__lt=limit
        ).update(attempts=F("attempts") + 1, checking_until=until)
        return taken == 1

    @classmethod
    def owed_by(cls, payment: Payment) -> bool:
        """Whether the window asks for it now."""
        factor: SecondFactor | None = getattr(payment, "second_factor", None)
        return factor is not None and factor.is_due

    @classmethod
    def is_proven(cls, payment: Payment) -> bool:
        """Whether it was proven in this payment, for the line that pays now."""
        return cls.objects.filter(payment=payment, proven_bidx=payment.phone_bidx).exists()


_TAKE = """
    WITH rule AS (
        SELECT id, kind, threshold, window_seconds, action FROM payments_riskrule
         WHERE valid_from <= %s AND (valid_until IS NULL OR valid_until > %s)
    ), counter AS (
        SELECT DISTINCT rule.kind, counted.key, rule.window_seconds
          FROM rule JOIN unnest(%s::text[], %s::text[]) AS counted (kind, key)
            ON counted.kind = rule.kind
    ), raised AS (
        INSERT INTO payments_riskcount AS count (kind, key, window_seconds, ends_at, used)
        SELECT kind, key, window_seconds,
               date_bin(make_interval(secs => window_seconds), %s,
                        timestamptz '2000-01-01 00:00:00+09')
               + make_interval(secs => window_seconds), 1
          FROM counter ORDER BY kind, window_seconds
            ON CONFLICT (kind, key, window_seconds, ends_at)
            DO UPDATE SET used = count.used + 1
        RETURNING id, kind, window_seconds, used
    )
    SELECT coalesce((SELECT jsonb_agg(to_jsonb(rule) || jsonb_build_object('cycles', CASE kind
               WHEN 'CYCLES' THEN (
                   SELECT count(DISTINCT bought.id) FROM payments_payment bought
                     JOIN payments_refund refund ON refund.payment_id = bought.id
                    WHERE bought.phone_bidx = %s AND bought.state = 'PAID'
                      AND refund.state = 'SUCCEEDED'
                      AND refund.confirmed_at > %s - make_interval(secs => rule.window_seconds))
               END) ORDER BY id) FROM rule), '[]'),
           coalesce((SELECT jsonb_agg(to_jsonb(raised)) FROM raised), '[]'),
           EXISTS (SELECT FROM payments_linerules WHERE phone_bidx = %s)
"""
_GIVE_BACK = """
    WITH held AS (
        SELECT id FROM payments_riskcount WHERE id = ANY(%s)
         ORDER BY kind, window_seconds FOR UPDATE
    )
    UPDATE payments_riskcount SET used = used - 1 WHERE id IN (SELECT id FROM held)
"""
