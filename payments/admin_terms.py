"""Limits and fees: what is in force since when and why. A change is a new term, never an edit."""

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import terms
from payments.admin import MerchantFilter, choice_filter, column
from payments.admin_settlement import Books
from payments.limits import Scope
from payments.models import Category, FeeTerm, LimitTerm
from payments.risk_words import GOODS
from payments.templatetags.won import moment, won

_BPS = 100
_SCOPES = {
    Scope.PAYMENT_MIN: gettext_lazy("한 번 결제의 최소"),
    Scope.PAYMENT_MAX: gettext_lazy("한 번 결제의 최대"),
    Scope.LINE_MONTH: gettext_lazy("한 회선의 한 달"),
    Scope.LINE_GOODS: gettext_lazy("한 회선이 한 달에 한 종류의 상품"),
    Scope.MERCHANT_DAY: gettext_lazy("한 판매자의 하루"),
    Scope.MERCHANT_MONTH: gettext_lazy("한 판매자의 한 달"),
    Scope.DECIDED_ALONE: gettext_lazy("한 사람이 결정하는 돈의 최대"),
}
_SOURCE_HINT = gettext_lazy("계약서나 공문의 이름과 날짜를 적어 주세요.")


def _since(row: Any) -> str:
    return format_html('<span class="nowrap">{}</span>', moment(row.valid_from))


def _stands(row: Any) -> str:
    """Whether the term counts by now; a later one of the same kind takes its place."""
    return _("적용됨") if row.valid_from <= timezone.now() else _("아직 아님")


class TermForm(forms.ModelForm[Any]):
    """Something from a moment on, with its source; written by the use case, checked before."""

    # Which of the fields a refusal belongs to.
    places: ClassVar[dict[str, str]] = {
        "IN_THE_PAST": "valid_from",
        "SOURCE_MISSING": "source",
        "GOODS": "goods",
    }
    # The field of the figure; who types.
    amount = ""
    by = ""

    # One field with a label of its own, instead of the admin's two without.
    valid_from = forms.DateTimeField(
        label=gettext_lazy("적용 시작(한국)"),
        help_text=gettext_lazy("비우면 지금부터예요. 지난 때는 적을 수 없어요."),
        required=False,
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "class": "vTextField"}, format="%Y-%m-%dT%H:%M"
        ),
    )

    def clean(self) -> dict[str, Any]:
        """Write it here, so that what does not fit is said beside its field."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                self.instance = self.write(cleaned, by=self.by, now=timezone.now())
            except terms.UnfitTerm as error:
                self.add_error(self.places.get(error.code, self.amount), _words(error))
        return cleaned

    def write(self, typed: dict[str, Any], *, by: str, now: datetime) -> Any:
        """The use case."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        """The database has checked it already."""


def _words(error: terms.UnfitTerm) -> ValidationError:
    words = {
        "IN_THE_PAST": _("이미 지난 때예요. 지난 일의 조건은 바꿀 수 없어요."),
        "SOURCE_MISSING": _("근거를 적어 주세요."),
        "THERE_ALREADY": _("같은 때에 시작하는 것이 이미 있어요."),
        "NEGATIVE": _("0보다 작을 수 없어요."),
        "GOODS": _("상품 종류는 상품 종류의 한도에만, 그때는 꼭 골라 주세요"),
        "TOO_MUCH": _("너무 커요."),
        "CROSSED": _("최소가 최대보다 커져요. 다른 쪽은 {won}이에요.").format(won=won(error.won)),
    }[error.code]
    return ValidationError(words)


class LimitForm(TermForm):
    """A new limit."""

    amount = "amount_won"
    scope = forms.ChoiceField(label=gettext_lazy("무엇의 한도"), choices=list(_SCOPES.items()))

    goods = forms.ChoiceField(
        label=gettext_lazy("상품 종류"),
        choices=[("", "–"), *GOODS.items()],
        required=False,
        help_text=gettext_lazy("상품 종류의 한도에만 골라요."),
    )

    class Meta:
        model = LimitTerm
        fields = ("scope", "goods", "merchant", "amount_won", "valid_from", "source")
        labels = {
            "merchant": gettext_lazy("판매자"),
            "amount_won": gettext_lazy("금액(원)"),
            "source": gettext_lazy("근거"),
        }
        help_texts = {
            "source": _SOURCE_HINT,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        merchant = self.fields.get("merchant")
        if isinstance(merchant, forms.ModelChoiceField):
            merchant.empty_label = _("모든 판매자")

    def write(self, typed: dict[str, Any], *, by: str, now: datetime) -> LimitTerm:
        """A limit."""
        return terms.add_limit(**{**typed, "scope": Scope(typed["scope"])}, by=by, now=now)


class FeeForm(TermForm):
    """A new fee."""

    amount = "fee_bps"

    class Meta:
        model = FeeTerm
        fields = ("merchant", "category", "fee_bps", "valid_from", "source")
        labels = {
            "merchant": gettext_lazy("판매자"),
            "category": gettext_lazy("종류"),
            "fee_bps": gettext_lazy("수수료율(1/100 %)"),
            "source": gettext_lazy("근거"),
        }
        help_texts = {"source": _SOURCE_HINT}

    def write(self, typed: dict[str, Any], *, by: str, now: datetime) -> FeeTerm:
        """A fee."""
        return terms.add_fee(**typed, by=by, now=now)


class Terms(Books):
    """A list of terms, and the form of a new one."""

    list_select_related = ("merchant",)

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The form knows who types."""
        asked = super().get_form(request, obj, *args, **kwargs)
        form: Any = type(asked.__name__, (asked,), {"by": request.user.get_username()})
        if merchant := form.base_fields.get("merchant"):
            # A shop is chosen here, not made on the way.
            widget = merchant.widget
            widget.can_add_related = widget.can_change_related = widget.can_view_related = False
        return form

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who may."""
        return self.may(request, "add")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """The form's use case has written it."""

    def response_add(self, request: HttpRequest, obj: Any, *_args: Any) -> HttpResponse:
        """Back to the list, with a sentence instead of the row's technical name."""
        text = _("새 조건을 적었어요. 지난 결제에는 앞의 조건이 그대로예요.")
        messages.success(request, text)
        return HttpResponseRedirect(reverse(f"admin:payments_{self.opts.model_name}_changelist"))


@admin.register(LimitTerm)
class LimitTermAdmin(Terms):
    """Limits with their first moment and source."""

    form = LimitForm
    asked = ("scope", "goods", "merchant", "amount_won", "valid_from", "source")
    list_display = (
        column("limits", gettext_lazy("무엇의 한도"), lambda row: _SCOPES[Scope(row.scope)]),
        column(
            "goods",
            gettext_lazy("상품 종류"),
            lambda row: str(GOODS[row.goods]) if row.goods else _("모든 종류"),
        ),
        column(
            "merchant",
            gettext_lazy("판매자"),
            lambda row: row.merchant.name if row.merchant else _("모든 판매자"),
        ),
        column("amount", gettext_lazy("금액"), lambda row: won(row.amount_won)),
        column("since", gettext_lazy("적용 시작"), _since),
        column("standing", gettext_lazy("상태"), _stands),
        column("why", gettext_lazy("근거"), lambda row: row.source),
    )
    details = list_display
    list_filter = (
        choice_filter("scope", gettext_lazy("무엇의 한도"), _SCOPES),
        ("merchant", MerchantFilter),
    )
    ordering = ("scope", "merchant", "-valid_from")


@admin.register(FeeTerm)
class FeeTermAdmin(Terms):
    """Fees with their first moment and source."""

    form = FeeForm
    asked = ("merchant", "category", "fee_bps", "valid_from", "source")
    list_display = (
        column("merchant", gettext_lazy("판매자"), lambda row: row.merchant.name),
        column(
            "sold",
            gettext_lazy("종류"),
            lambda row: row.get_category_display() if row.category else _("모든 종류"),
        ),
        column(
            "fee",
            gettext_lazy("수수료율"),
            lambda row: f"{row.fee_bps // _BPS}.{row.fee_bps % _BPS:02} %",
        ),
        column("since", gettext_lazy("적용 시작"), _since),
        column("standing", gettext_lazy("상태"), _stands),
        column("why", gettext_lazy("근거"), lambda row: row.source),
    )
    details = list_display
    list_filter = (
        ("merchant", MerchantFilter),
        choice_filter("category", gettext_lazy("종류"), dict(Category.choices)),
    )
    ordering = ("merchant", "-valid_from")
