"""Settlement and reconciliation in the admin: to look at, and the few things a person decides.

Every decision is one call of a use case. Closed periods, lines and postings can only be looked at.
"""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from payments import reconcile, settlement, standing
from payments.admin import LookOnly, MerchantFilter, chip, choice_filter, column, heap_filter
from payments.admin_steps import NOT_OFFERED, Step, Stepping, Unable
from payments.carriers import registry
from payments.models import (
    Difference,
    Payment,
    Payout,
    Reconciliation,
    Remittance,
    Settlement,
    SettlementHold,
    SettlementTerms,
)
from payments.reconcile.correcting import CORRECTED
from payments.states import IllegalMove, PayoutState
from payments.templatetags.won import moment, number, won

_SENTENCE = AdminTextareaWidget(attrs={"rows": 3})
_FAILURES = {
    "ACCOUNT_MISSING": gettext_lazy("계좌 없음"),
    "ACCOUNT_NOT_FOUND": gettext_lazy("없는 계좌"),
}
_OWNERS = {"finance": gettext_lazy("정산 담당")}


def _won(name: str, label: Any) -> Any:
    return column(
        name, label, lambda row: _right(won(getattr(row, name))) if _has(row, name) else None
    )


def _has(row: Any, name: str) -> bool:
    return getattr(row, name) is not None


def _right(text: str) -> SafeString:
    return format_html('<span class="nowrap">{}</span>', text)


def _at(name: str, label: Any) -> Any:
    return column(
        name, label, lambda row: _right(moment(getattr(row, name))) if _has(row, name) else None
    )


def _texts(states: dict[Any, standing.Standing]) -> dict[Any, standing.Words]:
    return {code: state.text for code, state in states.items()}


def _of_payout(payout: Payout | None) -> SafeString | None:
    return chip(standing.of_payout_state(payout.state)) if payout else None


class Books(LookOnly):
    """A list, and pages to look at. What may be added or changed says so itself."""

    # What is typed for a new row.
    asked: tuple[str, ...] = ()

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Of a row that is there: what was named; of a new one: what its form asks."""
        return self.details if obj else self.asked

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """All of them, on a row that is there."""
        return self.details if obj else ()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """One button: a decision is made once, and then looked at in the list."""
        buttons = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().render_change_form(request, {**context, **buttons}, *args, **kwargs)

    def may(self, request: HttpRequest, what: str) -> bool:
        """Whether somebody holds this permission for this table."""
        return bool(request.user.has_perm(f"payments.{what}_{self.opts.model_name}"))


_MERCHANT = column("merchant", gettext_lazy("판매자"), lambda row: row.merchant.name)
_DAYS = column("days", gettext_lazy("기간"), lambda row: _right(f"{row.first} – {row.last}"))


@admin.register(Settlement)
class SettlementAdmin(Books):
    """Closed periods, newest first."""

    list_display = (
        _DAYS,
        _MERCHANT,
        _won("gross_won", gettext_lazy("매출")),
        _won("refunds_won", gettext_lazy("취소·환불")),
        _won("net_won", gettext_lazy("정산액")),
        _won("payable_won", gettext_lazy("지급할 돈")),
        column(
            "standing", gettext_lazy("지급"), lambda row: _of_payout(getattr(row, "payout", None))
        ),
    )
    list_filter = (("merchant", MerchantFilter),)
    list_select_related = ("merchant", "payout")
    details = (
        _DAYS,
        _MERCHANT,
        _at("closed_at", gettext_lazy("마감한 시각")),
        _won("gross_won", gettext_lazy("매출")),
        _won("refunds_won", gettext_lazy("취소·환불")),
        _won("fee_won", gettext_lazy("수수료")),
        _won("fee_vat_won", gettext_lazy("수수료 부가세")),
        _won("net_won", gettext_lazy("정산액")),
        _won("late_won", gettext_lazy("그중 지난 기간의 것")),
        _won("brought_forward_won", gettext_lazy("이월")),
        _won("withheld_won", gettext_lazy("이월에서 보류")),
        _won("held_won", gettext_lazy("기간에서 보류")),
        _won("payable_won", gettext_lazy("지급할 돈")),
        column("lines", gettext_lazy("내역"), lambda row: number(row.lines.count())),
        column(
            "standing", gettext_lazy("지급"), lambda row: _of_payout(getattr(row, "payout", None))
        ),
    )


def _again_means(payout: Payout) -> str:
    terms = SettlementTerms.objects.filter(merchant=payout.merchant_id).first()
    return _("{won}을 지금 정산 조건의 계좌({account})로 다시 보내요.").format(
        won=won(payout.amount_won),
        account=f"****{terms.account_last4}" if terms and terms.account_last4 else "–",
    )


def _again(row: Payout, *, reason: str, by: str, now: datetime, **_seen: Any) -> str:
    try:
        settlement.retry(row.pk, reason=reason, by=by, now=now)
    except IllegalMove:
        raise Unable(_("실패한 지급이 아니라서 그대로 두었어요.")) from None
    return _("다시 보내고 있어요.")


@admin.register(Payout)
class PayoutAdmin(Stepping):
    """Payouts, newest first; those that failed can be sent anew."""

    list_display = (
        column("number", gettext_lazy("번호"), lambda row: row.pk),
        _MERCHANT,
        _won("amount_won", gettext_lazy("금액")),
        column("standing", gettext_lazy("상태"), _of_payout),
        column(
            "failure",
            gettext_lazy("까닭"),
            lambda row: _FAILURES.get(row.failure_code, row.failure_code),
        ),
        _at("due_at", gettext_lazy("보낼 시각")),
        _at("paid_at", gettext_lazy("보낸 시각")),
    )
    list_filter = (
        choice_filter("state", gettext_lazy("상태"), _texts(standing.PAYOUTS)),
        ("merchant", MerchantFilter),
    )
    list_select_related = ("merchant",)
    details = (
        *list_display,
        column(
            "calls",
            gettext_lazy("은행 호출"),
            lambda row: ", ".join(f"{call.order_ref} {call.state}" for call in row.calls.all()),
        ),
    )
    about = "payout"
    steps = (
        Step(
            name="again",
            title=gettext_lazy("다시 보내기"),
            permission="payments.change_payout",
            means=_again_means,
            closed=lambda row: None if row.state == PayoutState.FAILED else NOT_OFFERED,
            take=_again,
        ),
    )


class HoldForm(forms.ModelForm[SettlementHold]):
    """Which payment, and why."""

    reference = forms.CharField(label=gettext_lazy("결제 번호"), max_length=16)

    class Meta:
        model = SettlementHold
        fields = ("reason",)
        labels = {"reason": gettext_lazy("보류하는 까닭")}
        widgets = {"reason": _SENTENCE}

    def clean_reference(self) -> str:
        """A payment that was paid and is not held."""
        reference: str = self.cleaned_data["reference"].strip().upper()
        payment = Payment.objects.filter(reference=reference, state="PAID").first()
        if payment is None:
            raise ValidationError(_("결제된 건이 아닙니다."))
        if payment.settlement_holds.filter(released_at__isnull=True).exists():
            raise ValidationError(_("이미 보류 중입니다."))
        self.payment_id = payment.pk
        return reference


class ReleaseForm(forms.ModelForm[SettlementHold]):
    """Why the money may go."""

    class Meta:
        model = SettlementHold
        fields = ("release_reason",)
        labels = {"release_reason": gettext_lazy("보류를 푸는 까닭")}
        widgets = {"release_reason": _SENTENCE}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "release_reason" in self.fields:
            self.fields["release_reason"].required = True


@admin.register(SettlementHold)
class HoldAdmin(Books):
    """Payments under an objection; a hold is set and let go here, with a reason."""

    list_display = (
        column("payment", gettext_lazy("결제 번호"), lambda row: _right(row.payment.reference)),
        _MERCHANT,
        _won("withheld_won", gettext_lazy("지급에서 뺀 돈")),
        column("reason", gettext_lazy("까닭"), lambda row: row.reason),
        _at("held_at", gettext_lazy("보류한 시각")),
        _at("released_at", gettext_lazy("푼 시각")),
    )
    list_filter = (
        heap_filter(
            gettext_lazy("보류"),
            gettext_lazy("보류 중"),
            gettext_lazy("보류를 풂"),
            Q(released_at__isnull=True),
            at_first="all",
        ),
        ("merchant", MerchantFilter),
    )
    list_select_related = ("payment", "merchant")
    search_fields = ("payment__reference__iexact",)
    details = (
        *list_display,
        column("held", gettext_lazy("보류한 사람"), lambda row: row.held_by),
        column("released", gettext_lazy("푼 사람"), lambda row: row.released_by),
        column("released_why", gettext_lazy("푼 까닭"), lambda row: row.release_reason),
    )

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Holding and letting go ask different things."""
        kwargs["form"] = ReleaseForm if obj else HoldForm
        return super().get_form(request, obj, *args, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """What there is to type comes last."""
        if obj is None:
            return ("reference", "reason")
        is_open = self.has_change_permission(request, obj)
        return (*self.details, "release_reason") if is_open else self.details

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who may hold."""
        return self.may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may let go, while it is held."""
        return self.may(request, "change") and (obj is None or obj.released_at is None)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """One use case each."""
        by, now = request.user.get_username(), timezone.now()
        if change:
            settlement.release(obj.payment_id, reason=obj.release_reason, by=by, now=now)
        else:
            held = settlement.hold(form.payment_id, reason=obj.reason, by=by, now=now)
            # The page goes on with what the use case wrote.
            obj.__dict__.update(held.__dict__)


class RemittanceForm(forms.ModelForm[Remittance]):
    """One line of the bank's statement."""

    carrier = forms.ChoiceField(label=gettext_lazy("통신사"))

    class Meta:
        model = Remittance
        fields = ("carrier", "amount_won", "bank_ref", "received_at")
        labels = {
            "amount_won": gettext_lazy("금액(원)"),
            "bank_ref": gettext_lazy("은행 거래 번호"),
            "received_at": gettext_lazy("받은 시각(한국)"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("carrier")
        if isinstance(field, forms.ChoiceField):
            field.choices = [(one.code, str(one.name)) for one in registry.carriers()]


@admin.register(Remittance)
class RemittanceAdmin(Books):
    """What operators sent, as the bank's statement has it."""

    form = RemittanceForm
    asked = ("carrier", "amount_won", "bank_ref", "received_at")
    list_display = (
        column("ref", gettext_lazy("은행 거래 번호"), lambda row: row.bank_ref),
        column(
            "operator", gettext_lazy("통신사"), lambda row: str(registry.carrier(row.carrier).name)
        ),
        _won("amount_won", gettext_lazy("금액")),
        _at("received_at", gettext_lazy("받은 시각")),
        column("by", gettext_lazy("적은 사람"), lambda row: row.recorded_by),
    )
    details = list_display
    list_filter = (
        choice_filter(
            "carrier",
            gettext_lazy("통신사"),
            {one.code: one.name for one in registry.carriers()},
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who may."""
        return self.may(request, "add")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Book it; the form has refused a number that is there."""
        written = settlement.remit(
            carrier=obj.carrier,
            amount_won=obj.amount_won,
            bank_ref=obj.bank_ref,
            received_at=obj.received_at,
            by=request.user.get_username(),
        )
        obj.__dict__.update(written.__dict__)


class TermsForm(forms.ModelForm[SettlementTerms]):
    """Cycle and account; the account's number is never shown again."""

    number = forms.RegexField(
        r"\A[0-9]{6,20}\Z", label=gettext_lazy("새 계좌번호"), required=False, strip=True
    )
    holder = forms.CharField(label=gettext_lazy("예금주"), required=False, max_length=40)

    class Meta:
        model = SettlementTerms
        fields = ("cycle", "payout_days", "category", "bank")
        labels = {
            "cycle": gettext_lazy("정산 주기"),
            "payout_days": gettext_lazy("지급까지 영업일"),
            "category": gettext_lazy("파는 것"),
            "bank": gettext_lazy("은행"),
        }

    def clean(self) -> dict[str, Any]:
        """A number, its bank and its holder come together."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("number") and not (cleaned.get("bank") and cleaned.get("holder")):
            raise ValidationError(_("계좌번호는 은행, 예금주와 함께 적어 주세요."))
        return cleaned


@admin.register(SettlementTerms)
class TermsAdmin(Books):
    """How each shop is settled."""

    form = TermsForm
    list_display = (
        _MERCHANT,
        column("how_often", gettext_lazy("정산 주기"), lambda row: row.get_cycle_display()),
        column("days", gettext_lazy("지급까지 영업일"), lambda row: str(row.payout_days)),
        column(
            "account",
            gettext_lazy("계좌"),
            lambda row: f"{row.bank} ****{row.account_last4}" if row.account_last4 else None,
        ),
    )
    list_select_related = ("merchant",)
    ordering = ("merchant",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """What can be changed, and what the account is now."""
        names = ("cycle", "payout_days", "category", "bank", "number", "holder")
        is_changed = self.has_change_permission(request, obj)
        return (self.list_display[-1], *names) if is_changed else self.list_display

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The account as it is."""
        is_changed = self.has_change_permission(request, obj)
        return self.list_display[-1:] if is_changed else self.list_display

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Who may."""
        return self.may(request, "change")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Seal a new account."""
        typed = form.cleaned_data
        if typed.get("number"):
            obj.set_account(bank=typed["bank"], number=typed["number"], holder=typed["holder"])
        obj.save()


@admin.register(Reconciliation)
class ReconciliationAdmin(Books):
    """One row for each day of the operators' file."""

    list_display = (
        column("when", gettext_lazy("날짜"), lambda row: _right(str(row.day))),
        _at("done_at", gettext_lazy("비교한 시각")),
        column("lines_there", gettext_lazy("줄"), lambda row: number(row.lines.count())),
        column("found", gettext_lazy("차이"), lambda row: number(row.differences.count())),
        column("trouble", gettext_lazy("문제"), lambda row: row.problem),
        column("tries", gettext_lazy("시도"), lambda row: str(row.attempts)),
    )
    details = list_display
    ordering = ("-day",)


class ResolveForm(forms.ModelForm[Difference]):
    """How it was settled."""

    class Meta:
        model = Difference
        fields = ("resolution",)
        labels = {"resolution": gettext_lazy("어떻게 해결했는지")}
        widgets = {"resolution": _SENTENCE}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "resolution" in self.fields:
            self.fields["resolution"].required = True


def _age(difference: Difference) -> str:
    until = difference.resolved_at or timezone.now()
    days = (until - difference.found_at).days
    return ngettext("{count}일", "{count}일", days).format(count=days)


def _resolution(difference: Difference) -> str:
    if difference.resolution == CORRECTED:
        return _("통신사 취소에 맞춰 환불과 장부를 고쳤어요.")
    return difference.resolution


@admin.register(Difference)
class DifferenceAdmin(Books):
    """What does not agree, the oldest open one first."""

    form = ResolveForm
    list_display = (
        column("what", gettext_lazy("차이"), lambda row: row.get_kind_display()),
        column("when", gettext_lazy("날짜"), lambda row: _right(str(row.reconciliation.day))),
        column(
            "payment",
            gettext_lazy("결제 번호"),
            lambda row: _right(row.payment.reference) if row.payment else None,
        ),
        _won("ours_won", gettext_lazy("우리")),
        _won("theirs_won", gettext_lazy("통신사")),
        column("age", gettext_lazy("나이"), _age),
        column("responsible", gettext_lazy("담당"), lambda row: _OWNERS.get(row.owner, row.owner)),
        column("settled", gettext_lazy("해결"), _resolution),
    )
    list_filter = (
        heap_filter(
            gettext_lazy("상태"),
            gettext_lazy("열림"),
            gettext_lazy("해결됨"),
            Q(resolved_at__isnull=True),
            at_first="all",
        ),
        choice_filter("kind", gettext_lazy("차이"), dict(Difference.Kind.choices)),
    )
    list_select_related = ("reconciliation", "payment")
    search_fields = ("payment__reference__iexact", "line__carrier_payment_id__iexact")
    ordering = ("-resolved_at", "found_at", "pk")
    actions = ("take",)
    details = (
        *list_display,
        column("our_state", gettext_lazy("우리 상태"), lambda row: row.ours_state),
        column(
            "their_line",
            gettext_lazy("통신사 파일의 줄"),
            lambda row: (
                f"{row.line.number}: {row.line.kind} {row.line.order_ref} "
                f"{row.line.carrier_payment_id} {number(row.line.amount_won)} "
                f"{moment(row.line.at)}"
                if row.line
                else None
            ),
        ),
        _at("resolved_at", gettext_lazy("해결한 시각")),
        column("by", gettext_lazy("해결한 사람"), lambda row: row.resolved_by),
    )

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """What there is to type comes last, while it is open."""
        is_open = self.has_change_permission(request, obj)
        return (*self.details, "resolution") if is_open else self.details

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may, while it is open."""
        return self.may(request, "change") and (obj is None or obj.resolved_at is None)

    def has_take_permission(self, request: HttpRequest) -> bool:
        """Who may change differences."""
        return self.may(request, "change")

    @admin.action(description=gettext_lazy("고른 차이를 내가 맡기"), permissions=["take"])
    def take(self, request: HttpRequest, queryset: QuerySet[Difference]) -> None:
        """Become the owner of the open ones."""
        for difference in queryset:
            try:
                reconcile.take(difference.pk, by=request.user.get_username())
            except reconcile.AlreadyResolved:
                text = _("이미 해결된 차이는 그대로 두었어요.")
                messages.warning(request, text)
            else:
                self.log_change(request, difference, "take")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Resolve it."""
        reconcile.resolve(
            obj.pk,
            resolution=obj.resolution,
            by=request.user.get_username(),
            now=timezone.now(),
        )
