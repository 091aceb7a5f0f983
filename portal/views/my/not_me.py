"""“내가 결제하지 않았어요”: stop the line, open an urgent case, and say what to do next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from payments.models import Payment, PhoneVerification
from portal.views.my.forms import NotMeForm
from portal.views.my.visit import own_payment, visitors_only
from support import disputes, visits
from support.models import Ticket


@require_http_methods(["GET", "HEAD", "POST"])
@visitors_only
def not_me(request: HttpRequest, visit: PhoneVerification, reference: str) -> HttpResponse:
    """Say what will happen and do it on one press; reported already, what to do next."""
    payment = own_payment(visit, reference)
    case = _case_of(payment)
    if case is not None:
        return render(
            request,
            "portal/my/not_me_next.html",
            {"section": "payments", "payment": payment, "ticket": case},
        )
    form = NotMeForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        context = {"section": "payments", "payment": payment, "form": form}
        return render(request, "portal/my/not_me.html", context, status=422 if form.errors else 200)
    disputes.report_not_me(
        payment=payment,
        holder=visits.holder_of(visit),
        text=form.cleaned_data["text"],
        language=get_language() or "ko",
        now=timezone.now(),
    )
    return redirect("portal:my-not-me", reference)


def _case_of(payment: Payment) -> Ticket | None:
    return payment.tickets.filter(is_priority=True).last()
