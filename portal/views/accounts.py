"""Signing in and out: one door for merchants' people and for the desk."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from payments.templatetags.won import number
from portal import second_factor, sessions
from portal.forms import SecondFactorForm, SignInForm
from portal.middleware import client_address
from portal.models import SecondFactor, User
from portal.second_factor import Proof

# Who is at the door with the right password, and how long the door waits for the code.
_WAITING = "waiting_for_code"
_WAITS = timedelta(minutes=10)


class SignIn(LoginView):
    """E-mail and password. The session gets a new id on the way in (Django's `login`)."""

    template_name = "portal/login.html"
    authentication_form = SignInForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Without Django's own `site`, which is only a host name: ours is in portal/context.py."""
        context = super().get_context_data(**kwargs)
        del context["site"], context["site_name"]
        return context

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """In; or on to the code, for who has a second factor: until it they are nobody."""
        user = form.get_user()
        assert isinstance(user, User)  # noqa: S101 (of AUTH_USER_MODEL)
        target = self.get_redirect_url() or home_of(user)
        if second_factor.of(user) is None:
            enter(self.request, user)
            return HttpResponseRedirect(target)
        self.request.session.flush()
        self.request.session[_WAITING] = {
            "user": user.pk,
            "password": user.get_session_auth_hash(),
            "at": timezone.now().isoformat(),
            "next": target,
        }
        return redirect("portal:login-code")

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """The form again with what was wrong."""
        return self.render_to_response(self.get_context_data(form=form), status=422)


class SignOut(LogoutView):
    """Out, and back to the door."""

    next_page = "portal:login"


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The second step at the door: a code of the app, or a recovery code."""
    now = timezone.now()
    factor = _waiting(request)
    if factor is None:
        messages.info(request, _("시간이 지났어요. 다시 로그인해 주세요."))
        return redirect("portal:login")
    form = SecondFactorForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            proof = second_factor.check(factor, form.cleaned_data["code"], now=now)
        except second_factor.WrongCode:
            form.add_error("code", _("번호가 맞지 않아요. 앱에 지금 보이는 번호를 입력해 주세요"))
        except second_factor.UsedCode:
            form.add_error("code", _("이미 쓴 번호예요. 다음 번호가 나오면 입력해 주세요"))
        except second_factor.TooManyTries:
            form.add_error("code", _("여러 번 틀렸어요. 15분 뒤에 다시 해 주세요"))
        else:
            target: str = request.session.pop(_WAITING)["next"]
            enter(request, factor.user, has_second_factor=True)
            if proof is Proof.RECOVERY:
                messages.warning(request, _few_left(factor))
                return redirect("portal:security")
            return HttpResponseRedirect(target)
    status = 422 if form.errors else 200
    return render(request, "portal/login_code.html", {"form": form}, status=status)


def enter(request: HttpRequest, user: User, *, has_second_factor: bool = False) -> None:
    """Sign somebody in who has shown all they must."""
    login(request, user)
    User.objects.filter(pk=user.pk).update(language=get_language() or "ko")
    if has_second_factor:
        request.session[second_factor.IN_SESSION] = True
    sessions.mark(
        request.session,
        address=client_address(request),
        browser=request.headers.get("User-Agent", ""),
        now=timezone.now(),
    )


def home_of(user: User) -> str:
    """Staff go to the desk, merchants' people to their back office."""
    return reverse("admin:index" if user.is_staff else "portal:merchant-home")


def _waiting(request: HttpRequest) -> SecondFactor | None:
    waiting = request.session.get(_WAITING)
    if waiting is None:
        return None
    at = parse_datetime(waiting["at"])
    user = User.objects.filter(pk=waiting["user"], is_active=True).first()
    if at is None or timezone.now() - at > _WAITS or user is None:
        return None
    # A new password meanwhile: the old one opens nothing.
    if not constant_time_compare(waiting["password"], user.get_session_auth_hash()):
        return None
    return second_factor.of(user)


def _few_left(factor: SecondFactor) -> str:
    left = number(second_factor.codes_left(factor))
    words = _("복구 코드로 들어왔어요. {left}개 남았어요.").format(left=left)
    advice = _("앱을 잃어버렸다면 아래에서 다른 앱으로 바꿔 주세요.")
    return f"{words} {advice}"
