"""The demo shops: a shelf, a product, and the library where a paid product is used at once.

They stand for a merchant's own site: they know the payment by its token only.
"""

import mimetypes
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from payments import calendar, checkout, refunds
from payments.carriers import registry
from payments.limits import Goods
from payments.models import Merchant, Payment
from payments.models.payments import new_token
from payments.states import PaymentState
from portal.goods import catalogue
from portal.goods.catalogue import Product

_LONGEST_SPAN = 30


@require_safe
def shelf(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything this shop sells."""
    merchant = _merchant(slug)
    products = catalogue.products(slug)
    return render(request, "portal/shop/shelf.html", {"merchant": merchant, "products": products})


@require_safe
def product_page(request: HttpRequest, slug: str, product: str) -> HttpResponse:
    """One product and the button to pay."""
    merchant = _merchant(slug)
    context = {"merchant": merchant, "product": _product(slug, product)}
    context |= _cancel_facts(merchant, timezone.now())
    return render(request, "portal/shop/product.html", context)


@require_POST
def buy(request: HttpRequest, slug: str, product: str) -> HttpResponse:
    """Open a payment for the product and go to its window; the price is never the browser's."""
    merchant = _merchant(slug)
    chosen = _product(slug, product)
    token = new_token()
    checkout.open_payment(
        merchant=merchant,
        order_no=f"{chosen.slug}-{secrets.token_hex(8)}",
        item_name=chosen.name,
        amount_won=chosen.amount_won,
        goods=Goods.CONTENT,
        return_url=reverse("portal:shop-library", args=[slug, token]),
        return_label=_("지금 듣기") if chosen.plays else _("지금 읽기"),
        language=get_language() or "ko",
        now=timezone.now(),
        token=token,
    )
    return HttpResponseRedirect(reverse("payments:window", args=[token]))


@require_safe
@never_cache
def library(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """What was bought, to play, read and keep, while its money is with the shop.

    Who did not pay stands before the product again; who has not yet, before the window.
    """
    payment = _payment(slug, token)
    if not payment.is_final:
        return HttpResponseRedirect(reverse("payments:window", args=[token]))
    if payment.state != PaymentState.PAID:
        product = _bought(payment).slug
        return HttpResponseRedirect(reverse("portal:shop-product", args=[slug, product]))
    file_url = reverse("portal:shop-download", args=[slug, token])
    context = {
        "merchant": payment.merchant,
        "payment": payment,
        "product": _bought(payment),
        "is_open": _is_open(payment),
        "play_url": f"{file_url}?play=1",
        "download_url": file_url,
    }
    return render(request, "portal/shop/library.html", context)


@require_safe
@never_cache
def read(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """A book, to read in the browser; opening it is using it."""
    payment = _payment(slug, token)
    chosen = _bought(payment)
    if payment.state != PaymentState.PAID or not _is_open(payment) or chosen.book is None:
        raise Http404
    _use(request, payment)
    context = {"merchant": payment.merchant, "payment": payment, "product": chosen}
    return render(request, "portal/shop/read.html", context)


@require_safe
@never_cache
def download(request: HttpRequest, slug: str, token: str) -> HttpResponse | FileResponse:
    """The file itself, as an attachment, or with `?play` for the player in the page."""
    payment = _payment(slug, token)
    if payment.state != PaymentState.PAID or not _is_open(payment):
        raise Http404
    chosen = _bought(payment)
    _use(request, payment)
    if request.GET.get("play"):
        return _playable(request, chosen.file)
    return FileResponse(chosen.file.open("rb"), as_attachment=True, filename=chosen.file_name)


def _cancel_facts(merchant: Merchant, now: datetime) -> dict[str, Any]:
    """What a buyer of today is promised: the last day to change one's mind, and the last moment it
    leaves the bill at every operator (None in the minutes at month end when that is over)."""
    today = now.astimezone(calendar.SEOUL).date()
    return {
        "bill_month": calendar.billing_month(now),
        "refund_days": merchant.refund_days,
        "mind_until": today + timedelta(days=merchant.refund_days),
        "cutoff": registry.cancel_until(now),
    }


def _merchant(slug: str) -> Merchant:
    return get_object_or_404(Merchant, slug=slug, is_active=True)


def _product(shop: str, slug: str) -> Product:
    found = catalogue.product(shop, slug)
    if found is None:
        raise Http404
    return found


def _payment(slug: str, token: str) -> Payment:
    payments = Payment.objects.select_related("merchant")
    return get_object_or_404(payments, token=token, merchant__slug=slug)


def _bought(payment: Payment) -> Product:
    # The order number was made by `buy`: the product's slug, a dash, and chance.
    return _product(payment.merchant.slug, payment.order_no.rpartition("-")[0])


def _is_open(payment: Payment) -> bool:
    return refunds.remaining_won(payment) > 0


def _use(request: HttpRequest, payment: Payment) -> None:
    """From here on it counts as used; a cancellation that came first wins. A HEAD only looks."""
    is_first = request.method == "GET" and payment.used_at is None
    if is_first and not checkout.mark_used(payment_id=payment.pk, now=timezone.now()):
        raise Http404


def _playable(request: HttpRequest, file: Path) -> HttpResponse:
    """The part of the file the player asks for: phones only play what answers to Range."""
    size = file.stat().st_size
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    span = _span(request.headers.get("Range", ""), size)
    first, last = span or (0, size - 1)
    with file.open("rb") as stream:
        stream.seek(first)
        response = HttpResponse(stream.read(last - first + 1), content_type=kind)
    response.headers["Accept-Ranges"] = "bytes"
    if span:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return response


def _span(header: str, size: int) -> tuple[int, int] | None:
    unit, _equals, numbers = header.partition("=")
    first, dash, last = numbers.partition("-")
    if unit != "bytes" or not dash or not first.isdigit() or not (last.isdigit() or not last):
        return None
    if len(numbers) > _LONGEST_SPAN or int(first) >= size or (last and int(last) < int(first)):
        return None
    return int(first), min(int(last or size - 1), size - 1)
