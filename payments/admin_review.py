"""Payments whose end no machine found out: the evidence side by side, and the two ways out."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import admin_owners, standing
from payments.admin import CALL_STATES, CALLS, MerchantFilter, chip, column, heap_filter
from payments.admin_steps import NOT_OFFERED, Step, Stepping, Unable
from payments.carriers import registry
from payments.checkout import ChangedMeanwhile, NotPossible, Said, Way, WrongStep, reviewing
from payments.models import CarrierCall, Payment, PaymentEvent, Review
from payments.states import PaymentState
from payments.templatetags.won import span, won

_REVIEW = PaymentState.REVIEW
_CHARGED = re.compile(r"\Acharged (-?[0-9]+) won\Z")
_WHY_NOT = {
    "NO_ANSWER": gettext_lazy("통신사의 답이 아직 없어요. 먼저 다시 물어보세요."),
    "NOT_FINAL": gettext_lazy("통신사가 아직 처리 중이라고 해요. 조금 뒤에 다시 물어보세요."),
    "OTHER_AMOUNT": gettext_lazy("통신사가 청구한 금액이 우리 금액과 달라요. 되돌릴 수만 있어요."),
    "REVERSING": gettext_lazy("되돌리기를 보냈고 답을 몰라요. 되돌리기를 끝내야 해요."),
    "NOTHING_TO_REVERSE": gettext_lazy("통신사가 청구한 것이 없어서 되돌릴 것이 없어요."),
    "MONTH_CLOSED": gettext_lazy(
        "청구한 달이 끝나 통신사에서 되돌릴 수 없어요. "
        "통신사 말대로 결제로 인정한 뒤 계좌로 환불해 주세요."
    ),
    "REFUSED": gettext_lazy("통신사가 되돌리기를 거절했어요. 부른 일의 마지막 답을 보세요."),
}
_ACTORS = {
    "shopper": gettext_lazy("구매자"),
    "carrier": gettext_lazy("통신사"),
    "link": gettext_lazy("문자 링크"),
    "clock": gettext_lazy("시간"),
    "resolver": gettext_lazy("자동 확인"),
}
# What the checks of a line are answered with.
_ANSWERS = {"True": gettext_lazy("맞음"), "False": gettext_lazy("아님")}


@dataclass(frozen=True)
class Call:
    """A call as people read it."""

    name: str
    at: datetime
    stands: str
    answer: str
    order_ref: str


def heard(said: Said | None) -> str:
    """The operator's newest answer in plain words."""
    if said is None:
        return _("아직 물어보지 않았어요.")
    if not said.status:
        return _("물었지만 답을 받지 못했어요.")
    words = {
        "succeeded": _("{won}을 청구했다고 해요.").format(won=won(said.amount_won)),
        "denied": _("청구를 거절했다고 해요. 빠져나간 돈이 없어요."),
        "cancelled": _("예약을 취소했고 청구하지 않았다고 해요."),
        "not_found": _("이 결제를 모른다고 해요. 청구한 것이 없어요."),
        "reserved": _("예약만 있고 아직 청구하지 않았다고 해요."),
        "pending_validation": _("예약만 있고 아직 청구하지 않았다고 해요."),
    }
    return words.get(said.status, _("아직 처리 중이라고 해요."))


def _why(reason: str) -> str:
    """Why the resolver handed the case over."""
    if charged := _CHARGED.match(reason):
        return _("통신사가 다른 금액을 청구했다고 했어요: {won}.").format(won=won(int(charged[1])))
    return _("50분 동안 물어도 결과를 알 수 없었어요.")


def _handed_over(payment: Payment) -> PaymentEvent | None:
    return payment.events.filter(to_state=_REVIEW).order_by("pk").last()


def _age(payment: Payment) -> Any:
    event = _handed_over(payment)
    if event is None or payment.state != _REVIEW:
        return None
    words = span(timezone.now() - event.occurred_at)
    return format_html('<span class="nowrap">{}</span>', words)


def _closed_for(way: Way) -> Any:
    def closed(payment: Payment) -> str | None:
        if payment.state != _REVIEW:
            return NOT_OFFERED
        code = reviewing.hindrance(payment, way)
        return str(_WHY_NOT[code]) if code else None

    return closed


def _ask(row: Payment, *, by: str, now: datetime, **_typed: Any) -> str:
    try:
        return heard(reviewing.ask(row.pk, by=by, now=now))
    except WrongStep:
        raise Unable(_("그사이 다른 사람이 결정했어요.")) from None


def _decide(way: Way) -> Any:
    def take(row: Payment, *, seen: str, reason: str, by: str, now: datetime) -> str:
        try:
            done = reviewing.decide(row.pk, way, seen=seen, reason=reason, by=by, now=now)
        except WrongStep:
            raise Unable(_("그사이 다른 사람이 결정했어요.")) from None
        except ChangedMeanwhile:
            raise Unable(_("그사이 바뀐 것이 있어요. 지금 모습을 보고 다시 결정하세요.")) from None
        except NotPossible as error:
            raise Unable(str(_WHY_NOT[error.code])) from None
        if done.state == _REVIEW:
            return _("큰 금액이라 다른 사람이 확정해야 해요. 제안해 두었어요.")
        if done.state == PaymentState.PAID:
            return _("결제됨으로 끝냈어요. 구매자에게 영수증을 보내요.")
        return _("청구 안 됨으로 끝냈어요. 구매자에게 알려요.")

    return take


def _adopt_means(payment: Payment) -> str:
    said = reviewing.said(payment)
    if said is not None and said.status in reviewing.NOTHING_CHARGED:
        return _(
            "통신사가 청구하지 않았다고 하니 청구 안 됨으로 끝내요. 장부에는 아무것도 적지 않고, "
            "구매자에게 문자로 알려요."
        )
    return _(
        "통신사가 청구했다고 하면 결제됨으로 끝내요. 장부에 매출 {won}이 적히고, "
        "구매자는 영수증을 받고 상품을 쓸 수 있어요."
    ).format(won=won(payment.amount_won))


def _reverse_means(payment: Payment) -> str:
    return _(
        "통신사에 남은 청구나 예약을 모두 되돌리게 하고 청구 안 됨으로 끝내요. "
        "장부에는 아무것도 적지 않고, 구매자에게 문자로 알려요."
    )


@admin.register(Review)
class ReviewAdmin(Stepping):
    """The queue, the oldest on top."""

    list_display = (
        column(
            "reference",
            gettext_lazy("결제 번호"),
            lambda row: format_html('<b class="nowrap">{}</b>', row.reference),
        ),
        column("merchant", gettext_lazy("판매자"), lambda row: row.merchant.name),
        column("amount", gettext_lazy("금액"), lambda row: won(row.amount_won)),
        column(
            "standing",
            gettext_lazy("상태"),
            lambda row: chip(standing.of_payment_state(row.state)),
        ),
        column("age", gettext_lazy("기다린 시간"), _age),
        column(
            "responsible",
            gettext_lazy("맡은 사람"),
            lambda row: admin_owners.owner_of(f"payment:{row.pk}"),
        ),
        column("says", gettext_lazy("통신사의 말"), lambda row: heard(reviewing.said(row))),
    )
    list_filter = (
        heap_filter(
            gettext_lazy("상태"),
            gettext_lazy("결정할 것"),
            gettext_lazy("끝난 것"),
            Q(state=_REVIEW),
        ),
        ("merchant", MerchantFilter),
    )
    list_select_related = ("merchant",)
    search_fields = ("reference__iexact",)
    search_help_text = gettext_lazy("결제 번호")
    ordering = ("unknown_at", "pk")
    details = list_display
    about = "payment"
    steps = (
        Step(
            name="ask",
            title=gettext_lazy("다시 물어보기"),
            permission="payments.change_review",
            means=lambda row: _("통신사에 지금 어떻게 되어 있는지 물어요. 돈은 움직이지 않아요."),
            closed=lambda row: None if row.state == _REVIEW else NOT_OFFERED,
            take=_ask,
            needs_reason=False,
        ),
        Step(
            name="adopt",
            title=gettext_lazy("통신사 말대로 끝내기"),
            permission="payments.change_review",
            means=_adopt_means,
            closed=_closed_for(Way.ADOPT),
            take=_decide(Way.ADOPT),
            seen=reviewing.version,
        ),
        Step(
            name="reverse",
            title=gettext_lazy("되돌려서 끝내기"),
            permission="payments.change_review",
            means=_reverse_means,
            closed=_closed_for(Way.REVERSE),
            take=_decide(Way.REVERSE),
            seen=reviewing.version,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        """Whatever was in REVIEW once, so that a page stays where its link led."""
        events = PaymentEvent.objects.filter(payment=OuterRef("pk"), to_state=_REVIEW)
        return super().get_queryset(request).filter(Exists(events))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The case: our row, the calls, the operator's word; then whose it is and what to do."""
        # A case is decided by its steps; there is nothing to send to the page itself.
        if not self.has_view_permission(request) or request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        payment = self.get_object(request, object_id)
        if payment is None:
            raise Http404
        handed_over = _handed_over(payment)
        said = reviewing.said(payment)
        offers = self.offers(request, payment)
        context = {
            **self.admin_site.each_context(request),
            **admin_owners.context(f"payment:{payment.pk}"),
            "title": payment.reference,
            "opts": self.opts,
            "payment": payment,
            "stands": standing.of_payment_state(payment.state),
            "is_open": payment.state == _REVIEW,
            "age": timezone.now() - handed_over.occurred_at if handed_over else None,
            "why": _why(handed_over.reason) if handed_over else "",
            "history": [_line(event) for event in payment.events.order_by("pk")],
            "calls": [_call(call) for call in payment.calls.order_by("pk")],
            "carrier": registry.carrier(payment.carrier).name if payment.carrier else "",
            "said": said,
            "heard": heard(said),
            "ask": offers[0] if offers else None,
            "steps": offers[1:],
            "outlined": True,
        }
        return TemplateResponse(request, "admin/payments/review/case.html", context)

    def proposal_of(self, row: Any, step: Step) -> tuple[str, str]:
        """Both ways out are decisions about the payment."""
        return f"review.{step.name}", f"payment:{row.pk}"


def _line(event: PaymentEvent) -> tuple[str, str, str, datetime]:
    """State, who, why, when."""
    who = str(_ACTORS.get(event.actor, event.actor))
    is_code = event.reason.isupper()
    why = _why(event.reason) if event.to_state == _REVIEW else "" if is_code else event.reason
    return str(standing.of_payment_state(event.to_state).text), who, why, event.occurred_at


def _call(call: CarrierCall) -> Call:
    answer = str(_ANSWERS.get(call.answer, call.answer))
    if call.kind == CarrierCall.Kind.QUERY:
        answer = heard(reviewing.read(call))
    return Call(
        name=str(CALLS.get(call.kind, call.kind)),
        at=call.sent_at,
        stands=str(CALL_STATES.get(call.state, call.state)),
        answer=answer,
        order_ref=call.order_ref,
    )
