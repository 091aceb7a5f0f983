"""An account's own pages: the second factor, where it is signed in, and the password.

What weakens an account is only for who has just signed in, with everything the door asks: a browser
left open is not enough.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from textwrap import wrap
from typing import Any, Concatenate, ParamSpec
from urllib.parse import quote

import segno
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import PasswordChangeView, redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import account_mails, second_factor, sessions
from portal.account_mails import Change
from portal.devices import in_words
from portal.forms import PasswordForm, SecondFactorForm
from portal.middleware import client_address
from portal.models import User
from portal.views.accounts import home_of

JUST_NOW = timedelta(minutes=10)
# Pixels a module of the QR code; a phone's camera reads it across a desk.
_QR_SCALE = 4
P = ParamSpec("P")


def signed_in(
    view: Callable[Concatenate[HttpRequest, User, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Hand the view its account; strangers sign in."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not isinstance(request.user, User):
            return redirect_to_login(reverse("portal:security"))
        return view(request, request.user, *args, **kwargs)

    return guarded


def just_signed_in(
    view: Callable[Concatenate[HttpRequest, User, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Hand the view its account when it signed in a moment ago; others do it once more."""

    @signed_in
    @wraps(view)
    def guarded(
        request: HttpRequest, user: User, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        at = sessions.signed_in_at(request.session)
        if at is None or timezone.now() - at > JUST_NOW:
            messages.info(request, _("안전을 위해 한 번 더 로그인해 주세요."))
            return redirect_to_login(reverse("portal:security"))
        return view(request, user, *args, **kwargs)

    return guarded


@require_safe
@signed_in
def home(request: HttpRequest, user: User) -> HttpResponse:
    """The second factor and every place the account is signed in at."""
    factor = second_factor.of(user)
    here, now = request.session.session_key, timezone.now()
    context = {
        "home": home_of(user),
        "factor": factor,
        "is_required": second_factor.is_required(user),
        "codes_left": second_factor.codes_left(factor) if factor else 0,
        "places": [
            (place, in_words(place.browser)) for place in sessions.places(user, here=here, now=now)
        ],
    }
    return render(request, "portal/account/home.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@just_signed_in
def set_up(request: HttpRequest, user: User) -> HttpResponse:
    """The secret for the app; its first code turns the second factor on and shows the codes."""
    factor = second_factor.begin(user)
    if factor.confirmed_at is not None:
        return _already_on(request, user)
    form = SecondFactorForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            found = second_factor.confirm(
                factor,
                form.cleaned_data["code"],
                here=request.session.session_key,
                address=client_address(request),
                now=timezone.now(),
            )
        except second_factor.WrongCode:
            words = _("번호가 맞지 않아요. 휴대폰의 시각이 맞는지도 확인해 주세요")
            form.add_error("code", words)
        except second_factor.UsedCode:
            return _already_on(request, user)
        else:
            request.session.cycle_key()
            request.session[second_factor.IN_SESSION] = True
            return _codes_page(request, user, found)
    address = second_factor.address_for_app(factor)
    context = {
        "home": home_of(user),
        "form": form,
        "is_required": second_factor.is_required(user),
        "secret": " ".join(wrap(factor.secret, 4)),
        "address": address,
        "qr": segno.make(address, error="m").svg_data_uri(scale=_QR_SCALE, light="#fff"),
    }
    status = 422 if form.errors else 200
    return render(request, "portal/account/set_up.html", context, status=status)


@require_POST
@just_signed_in
def codes(request: HttpRequest, user: User) -> HttpResponse:
    """New recovery codes, shown this once."""
    factor = second_factor.of(user)
    if factor is None:
        return redirect("portal:second-factor")
    return _codes_page(request, user, second_factor.renew_codes(factor, now=timezone.now()))


@require_http_methods(["GET", "HEAD", "POST"])
@just_signed_in
def off(request: HttpRequest, user: User) -> HttpResponse:
    """Forget the app, once that was confirmed; who must have one sets up the next at once."""
    is_again = "again" in (request.GET.get("next"), request.POST.get("next"))
    if request.method != "POST":
        title = _("다른 앱으로 바꾸기") if is_again else _("2단계 인증 끄기")
        context = {"home": home_of(user), "title": title, "is_again": is_again}
        return render(request, "portal/account/off.html", context)
    second_factor.turn_off(
        user,
        here=request.session.session_key,
        address=client_address(request),
        now=timezone.now(),
    )
    request.session.pop(second_factor.IN_SESSION, None)
    if second_factor.is_required(user) or is_again:
        return redirect("portal:second-factor")
    messages.success(request, _("2단계 인증을 껐어요."))
    return redirect("portal:security")


@require_POST
@signed_in
def out(request: HttpRequest, user: User, name: str) -> HttpResponse:
    """Sign out at one place."""
    is_ended = sessions.end(user, name)
    if not user.sessions.filter(pk=request.session.session_key).exists():
        return _to_door(request)
    if is_ended:
        messages.success(request, _("그곳에서 로그아웃했어요."))
    else:
        messages.info(request, _("그곳에서는 이미 로그아웃돼 있어요."))
    return redirect("portal:security")


@require_POST
@signed_in
def out_everywhere(request: HttpRequest, user: User) -> HttpResponse:
    """Sign out everywhere, here included."""
    account_mails.sign_out_everywhere(user, now=timezone.now())
    return _to_door(request)


@method_decorator(signed_in, name="dispatch")
class Password(PasswordChangeView):
    """A new password, which ends every other session."""

    template_name = "portal/account/password.html"
    form_class = PasswordForm
    success_url = reverse_lazy("portal:security")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Without the account that `signed_in` hands over: Django's view knows it."""
        return super().dispatch(request)

    def get_form_kwargs(self) -> dict[str, Any]:
        """With the address that tries are counted by."""
        return {**super().get_form_kwargs(), "address": client_address(self.request)}

    def form_valid(self, form: Any) -> HttpResponse:
        """Say what else has happened, here and by mail."""
        messages.success(self.request, _("비밀번호를 바꿨어요. 다른 곳에서는 모두 로그아웃됐어요."))
        with account_mails.telling_of_password(form.user, Change.PASSWORD, now=timezone.now()):
            return super().form_valid(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        """The form again with what was wrong."""
        return self.render_to_response(self.get_context_data(form=form), status=422)


def _codes_page(request: HttpRequest, user: User, found: list[str]) -> HttpResponse:
    text = "".join(f"{code}\r\n" for code in found)
    # The file is the page's own: the server keeps no readable codes to serve it from.
    file = f"data:text/plain;charset=utf-8,{quote(text)}"
    context = {"home": home_of(user), "codes": found, "file": file}
    return render(request, "portal/account/codes.html", context)


def _already_on(request: HttpRequest, user: User) -> HttpResponse:
    # Turned on in another session, which ended all others: whoever is here signs in anew.
    is_proven = request.session.get(second_factor.IN_SESSION)
    if second_factor.is_required(user) and not is_proven:
        return _to_door(request)
    return redirect("portal:security")


def _to_door(request: HttpRequest) -> HttpResponse:
    logout(request)
    messages.success(request, _("로그아웃했어요."))
    return redirect("portal:login")
