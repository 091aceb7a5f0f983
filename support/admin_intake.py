"""The agents' page for a request that came by telephone, fax or letter.

The number is typed first; what its line paid is shown while it is typed, or after a press of the
button. A number never stands in an address: looking is a POST like saving.
"""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from payments import refunds, standing, states, subscriber
from payments.calendar import NotPaid
from payments.subscriber import UnreadablePhone
from support import forms, intake, tickets
from support.models import Ticket

_PAGE = "admin/support/ticket/intake.html"
_LINE = "admin/support/ticket/_line_payments.html"


class Intakes(admin.ModelAdmin[Ticket]):
    """One more page beside the queue."""

    def get_urls(self) -> list[URLPattern]:
        """Its address."""
        view = require_http_methods(["GET", "HEAD", "POST"])(self.intake_view)
        return [
            path("new/", self.admin_site.admin_view(view), name="support_ticket_intake"),
            *super().get_urls(),
        ]

    def intake_view(self, request: HttpRequest) -> HttpResponse:
        """The empty form; what is typed comes back with the line's payments, or opens the case."""
        if not request.user.has_perm("support.change_ticket"):
            raise PermissionDenied
        if request.method != "POST":
            start = {"source": Ticket.Source.PHONE, "contact": Ticket.Contact.SMS, "language": "ko"}
            return self._page(request, forms.IntakeForm(initial=start))
        if request.htmx:  # type: ignore[attr-defined]
            return TemplateResponse(request, _LINE, _line_facts(request))
        form = forms.IntakeForm(request.POST)
        if "find" in request.POST:
            return self._found(request, form)
        if form.is_valid():
            ticket = _take(request, form)
            if ticket is not None:
                url = reverse("admin:support_ticket_change", args=[ticket.pk])
                return HttpResponseRedirect(url)
        return self._page(request, form, status=422)

    def _found(self, request: HttpRequest, form: forms.IntakeForm) -> HttpResponse:
        """Pressed to look: only the number can be wrong yet."""
        form.full_clean()
        wrong = form.errors.pop("phone", None)
        form.errors.clear()
        if wrong:
            form.errors["phone"] = wrong
        return self._page(request, form, status=422 if wrong else 200)

    def _page(
        self, request: HttpRequest, form: forms.IntakeForm, *, status: int = 200
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("새 요청 받기"),
            "opts": self.opts,
            "form": form,
            **_line_facts(request),
        }
        return TemplateResponse(request, _PAGE, context, status=status)


def _line_facts(request: HttpRequest) -> dict[str, Any]:
    """What the number typed so far leads to; nothing while it is not a whole one."""
    typed = request.POST.get("phone", "")
    try:
        phone = subscriber.parse_phone(typed)
    except UnreadablePhone:
        return {"is_whole": False, "rows": [], "cases": []}
    return {
        "is_whole": True,
        "masked_phone": subscriber.mask_phone(phone),
        "rows": [
            (payment, standing.of_payment(payment, payment.refunds.all()))
            for payment in intake.payments_of_line(phone)
        ],
        "cases": intake.open_cases_of_line(phone),
        "chosen": request.POST.get("payment", ""),
        "most": intake.SHOWN,
    }


def _take(request: HttpRequest, form: forms.IntakeForm) -> Ticket | None:
    """The case that is opened, or was open already; None when the form now says why not."""
    typed = form.cleaned_data
    chosen = typed["payment"]
    payment = intake.payment_of_line(typed["phone"], chosen) if chosen else None
    if chosen and payment is None:
        form.add_error("payment", _("이 번호로 한 결제가 아니에요. 다시 골라 주세요"))
        return None
    is_by_mail = typed["contact"] == Ticket.Contact.EMAIL
    taken = intake.Taken(
        kind=Ticket.Kind(typed["kind"]),
        phone=typed["phone"],
        reason=typed["reason"],
        text=typed["text"],
        email=typed["email"] if is_by_mail else "",
        contact=typed["contact"],
        source=typed["source"],
        language=typed["language"],
    )
    now, by = timezone.now(), f"staff:{request.user.pk}"
    try:
        ticket = intake.take(taken, payment=payment, by=by, now=now)
    except intake.PaymentMissing:
        form.add_error("payment", _("어느 결제에 관한 것인지 골라 주세요"))
    except NotPaid:
        form.add_error("payment", _("결제되지 않아 돌려줄 돈이 없어요. 기타 문의로 받을 수 있어요"))
    except refunds.UnableToRefund:
        form.add_error("payment", _("이미 모두 돌려준 결제예요. 기타 문의로 받을 수 있어요"))
    except tickets.AlreadyOpen as error:
        try:
            return _go_on(request, error.ticket, taken.text)
        except states.IllegalMove:
            form.add_error(None, _("같은 요청이 방금 닫혔어요. 한 번 더 눌러 주세요"))
    else:
        words = _("{number} 요청을 열었어요. 접수 안내를 고객에게 보냈어요.")
        messages.success(request, words.format(number=ticket.number))
        return ticket
    return None


def _go_on(request: HttpRequest, standing_case: Ticket, text: str) -> Ticket:
    """The same matter is open: what was typed is kept there."""
    number = standing_case.number
    if not text:
        words = _("이미 {number} 요청이 열려 있어요. 여기에서 이어 가세요.")
        messages.info(request, words.format(number=number))
        return standing_case
    tickets.customer_wrote(
        ticket_id=standing_case.pk, text=text, by=f"staff:{request.user.pk}", now=timezone.now()
    )
    words = _("이미 {number} 요청이 열려 있어, 적은 말을 여기에 남겼어요.")
    messages.info(request, words.format(number=number))
    return standing_case
