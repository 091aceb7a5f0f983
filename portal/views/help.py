"""The help: an index that searches, and one page per subject."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from payments import calendar
from payments.carriers import registry
from payments.limits import Goods
from payments.models import LimitTerm, Merchant
from portal import help as guide
from portal.help import Topic
from support import bulk, papers, queue, ratings, replies, revealing, uploads
from support.models import Attachment, SavedView


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every page of the help; with `q`, what was found in them."""
    query = request.GET.get("q", "").strip()[: guide.LONGEST_QUERY]
    topics = _topics(request)
    context: dict[str, Any] = {"topics": topics, "query": query}
    if query:
        facts = _facts(timezone.now())
        sections = [
            section
            for topic in topics
            for section in guide.sections(topic, _words(request, topic, facts))
        ]
        context["hits"] = guide.search(sections, query)
    return render(request, "portal/help/index.html", context)


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """One subject; 404 for one we have no page on."""
    topics = _topics(request)
    topic = next((topic for topic in topics if topic.slug == slug), None)
    if topic is None:
        raise Http404
    facts = _facts(timezone.now())
    sections = guide.sections(topic, _words(request, topic, facts))
    context = {**facts, "topics": topics, "topic": topic, "sections": sections}
    return render(request, "portal/help/page.html", context)


def _topics(request: HttpRequest) -> list[Topic]:
    is_desk = bool(getattr(request.user, "is_staff", False))
    return guide.topics(is_sandbox=settings.SANDBOX, is_desk=is_desk)


def _words(request: HttpRequest, topic: Topic, facts: dict[str, Any]) -> str:
    return render_to_string(topic.template, facts, request)


def _facts(now: datetime) -> dict[str, Any]:
    """What the pages say in figures, from where the money code has it too.

    `today_cutoff` is the last moment a payment made now can be taken off the bill at every
    operator; None in the minutes at month end when that is over. `refund_by` is the last day of a
    refund to an account that is approved now.
    """
    today = now.astimezone(calendar.SEOUL).date()
    return {
        "now": now,
        "today_cutoff": registry.cancel_until(now),
        "next_month": calendar.month_end(now),
        "refund_by": calendar.business_days_after(today, 3),
        "part_carriers": _part_carriers(),
        "self_cancel_won": settings.SELF_CANCEL_MAX_WON,
        "files": uploads.FilesForm(),
        "buyer_days": papers.SHOWN_FOR.days,
        "is_mail_read": settings.MAIL_INBOX != "none",
        "merchants": Merchant.objects.filter(is_active=True).order_by("id"),
        "limits": {
            "min_won": settings.PAYMENT_MIN_WON,
            "max_won": settings.PAYMENT_MAX_WON,
            "month_won": settings.LINE_MONTH_MAX_WON,
            "cash_month_won": LimitTerm.of_goods(Goods.CASH_LIKE, at=now),
            "pin_attempts": settings.PIN_ATTEMPTS,
            "code_minutes": settings.CODE_SECONDS // 60,
            "code_attempts": settings.CODE_ATTEMPTS,
            "resends": settings.CODE_RESENDS,
            "resend_seconds": settings.CODE_RESEND_SECONDS,
            "window_minutes": settings.WINDOW_SECONDS // 60,
        },
        "officer": {
            "role": _(settings.PROTECTION_OFFICER),
            "phone": settings.DESK_PHONE,
            "fax": settings.DESK_FAX,
            "email": settings.DESK_EMAIL,
        },
        "desk": {
            "near_days": queue.NEAR.days,
            "bulk_most": bulk.MOST,
            "views_most": SavedView.MOST,
            "draft_hours": Attachment.DRAFT // timedelta(hours=1),
            "hold_seconds": int(replies.HOLD.total_seconds()),
            "reveal_seconds": int(revealing.SHOWN_FOR.total_seconds()),
            "rating_days": ratings.CHANGEABLE.days,
            "alone_won": settings.DECIDED_ALONE_MAX_WON,
        },
        "samples": _samples(now),
        "our_host": settings.PUBLIC_URL.partition("://")[2],
    }


def _part_carriers() -> list[str]:
    """Names of the operators that take less than the whole of a payment off the bill."""
    every = registry.carriers()
    return [str(each.name) for each in every if each.capabilities.can_cancel_in_part]


def _samples(now: datetime) -> dict[str, str]:
    """Texts as we send them, from the very templates they are sent by."""
    words = {
        "site_name": settings.SITE_NAME,
        "desk_phone": settings.DESK_PHONE,
        "code": "123456",
        "merchant": SimpleNamespace(name=_("멜로디 뮤직"), phone="02-555-0100"),
        "payment": SimpleNamespace(
            item_name=_("밤 산책 (음원 1곡)"),
            amount_won=2_200,
            paid_at=now,
            billing_month=calendar.billing_month(now),
        ),
    }
    kinds = ("paid", "verification")
    return {kind: render_to_string(f"messages/{kind}.sms.txt", words).strip() for kind in kinds}
