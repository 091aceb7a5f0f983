"""Every rule over the rows, on a page: which hold, who breaks one, and how long the look took."""

import re
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from payments.models import Payment
from portal import verifying
from portal.models import Verification
from portal.views.rules import in_words

_REFERENCE = re.compile(r"PB-[0-9A-Z]{4}-[0-9A-Z]{4}")
_ROW = re.compile(r"\b(payment|refund|payout|ticket|message|settlement|audit) ([0-9]{1,18})\b")
_PAGES = {"ticket": "support_ticket", "audit": "support_auditentry"}
# So many offenders of one rule are named; more of them say no more.
_NAMED = 20


def page(site: Any) -> Any:
    """The page, for the admin site whose frame it has; a POST looks anew."""

    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            if not request.user.has_perm("portal.add_verification"):
                raise PermissionDenied
            verifying.run(by=request.user.get_username(), now=timezone.now())
            return HttpResponseRedirect(request.path)
        if not request.user.has_perm("portal.view_verification"):
            raise PermissionDenied
        return _page(request, site.each_context(request))

    return view


def _page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    run = Verification.objects.order_by("-pk").first()
    rules = run.rules if run else []
    broken = [
        {
            **rule,
            "says": in_words(rule["code"], rule["says"]),
            "named": [(name, link(name)) for name in rule["offenders"][:_NAMED]],
            "more": max(0, len(rule["offenders"]) - _NAMED),
        }
        for rule in rules
        if rule["offenders"]
    ]
    context |= {
        "title": _("장부와 기록 확인"),
        "run": run,
        "rules": [
            (rule, in_words(rule["code"], rule["says"]), _milliseconds(rule["seconds"]))
            for rule in rules
        ],
        "total": _milliseconds(sum(rule["seconds"] for rule in rules)),
        "broken": broken,
        "can_run": request.user.has_perm("portal.add_verification"),
    }
    return TemplateResponse(request, "admin/verify.html", context)


def link(offender: str) -> str | None:
    """The page of the row an offender's name names; None when there is none."""
    if reference := _REFERENCE.search(offender):
        pk = Payment.objects.filter(reference=reference[0]).values_list("pk", flat=True).first()
        return reverse("admin:payments_payment_change", args=[pk]) if pk else None
    if row := _ROW.search(offender):
        name = _PAGES.get(row[1], f"payments_{row[1]}")
        return reverse(f"admin:{name}_change", args=[row[2]])
    return None


def _milliseconds(seconds: float) -> str:
    return _("{ms}ms").format(ms=f"{seconds * 1000:,.1f}")
