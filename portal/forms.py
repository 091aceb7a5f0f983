"""What merchants and the desk type: a range of days, filters, and who they are."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from payments import subscriber
from payments.forms import BIRTHDATE_WORDS
from payments.subscriber import UnreadableBirthdate
from portal import demo
from portal.middleware import client_address
from portal.models import LoginAttempt
from portal.reports import Days
from support.forms import without_resident_number

LONGEST_DAYS = 366
_FIRST_YEAR, _LAST_YEAR = 2000, 2999
_LONGEST_AMOUNT = 9
_LONGEST_BIRTHDATE = 40
PERIODS = [
    ("month", _("이번 달")),
    ("last-month", _("지난달")),
    ("week", _("최근 7일")),
    ("custom", _("날짜 고르기")),
]
STANDINGS = [
    ("", _("모두")),
    ("paid", _("결제됨")),
    ("refunds", _("취소·환불 있음")),
    ("open", _("진행 중")),
    ("unpaid", _("결제 안 됨")),
]
_DATE_ERRORS = {"invalid": _("날짜를 2026-11-23처럼 적어 주세요")}


@dataclass(frozen=True)
class Period:
    """A named range of days."""

    name: str
    days: Days


def period_of(name: str, today: date) -> Period:
    """The named range as it lies on a Korean day; an unknown name is this month."""
    first = today.replace(day=1)
    if name == "last-month":
        last = first - timedelta(days=1)
        return Period(name, Days(last.replace(day=1), last))
    if name == "week":
        return Period(name, Days(today - timedelta(days=6), today))
    return Period("month", Days(first, today))


class PeriodForm(forms.Form):
    """Which days a report covers. `today` is the Korean day."""

    period = forms.ChoiceField(choices=PERIODS, required=False)
    first = forms.DateField(required=False, error_messages=_DATE_ERRORS)
    last = forms.DateField(required=False, error_messages=_DATE_ERRORS)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean(self) -> dict[str, Any]:
        """Both days, in order, not in the future, at most a year apart."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("period") != "custom":
            return cleaned
        for name in ("first", "last"):
            if not cleaned.get(name) and name not in self.errors:
                self.add_error(name, _("날짜를 골라 주세요"))
        first, last = cleaned.get("first"), cleaned.get("last")
        if not (first and last):
            return cleaned
        if first > last:
            self.add_error("last", _("끝 날은 시작 날과 같거나 뒤여야 해요"))
        elif first > self.today:
            self.add_error("first", _("아직 오지 않은 날이에요"))
        elif (last - first).days >= LONGEST_DAYS:
            self.add_error("last", _("한 번에 366일까지 볼 수 있어요"))
        elif first.year < _FIRST_YEAR:
            self.add_error("first", _("2000년부터 볼 수 있어요"))
        return cleaned

    def chosen(self) -> Period:
        """The range asked for; this month while the form has errors."""
        if not self.is_valid():
            return period_of("month", self.today)
        cleaned = self.cleaned_data
        if cleaned["period"] == "custom":
            return Period("custom", Days(cleaned["first"], min(cleaned["last"], self.today)))
        return period_of(cleaned["period"], self.today)


class PaymentFilter(forms.Form):
    """Which payments a list shows; everything is optional."""

    standing = forms.ChoiceField(choices=STANDINGS, required=False)
    first = forms.DateField(required=False, error_messages=_DATE_ERRORS)
    last = forms.DateField(required=False, error_messages=_DATE_ERRORS)
    q = forms.CharField(required=False, max_length=64, strip=True)
    amount = forms.CharField(required=False, max_length=20, strip=True)

    def clean_amount(self) -> int | None:
        """Won, as people write it: `2,200원`."""
        typed = self.cleaned_data["amount"].replace(",", "").removesuffix("원").strip()
        if not typed:
            return None
        if not (typed.isascii() and typed.isdigit() and len(typed) <= _LONGEST_AMOUNT):
            raise ValidationError(_("금액을 숫자로 적어 주세요"))
        return int(typed)

    def clean(self) -> dict[str, Any]:
        """The days in order."""
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and first > last:
            self.add_error("last", _("끝 날은 시작 날과 같거나 뒤여야 해요"))
        for name in ("first", "last"):
            day = cleaned.get(name)
            # Days at the ends of the calendar have no moment in every time zone.
            if day and not _FIRST_YEAR <= day.year <= _LAST_YEAR:
                self.add_error(name, _("2000년부터 볼 수 있어요"))
        return cleaned


class SignInForm(AuthenticationForm):
    """E-mail and password; tries are counted before the password is looked at."""

    error_messages = {
        "invalid_login": _("이메일이나 비밀번호가 맞지 않아요"),
        "inactive": _("이메일이나 비밀번호가 맞지 않아요"),
        "throttled": _("여러 번 틀렸어요. 15분 뒤에 다시 해 주세요"),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].error_messages["required"] = _("이메일을 입력하세요")
        self.fields["password"].error_messages["required"] = _("비밀번호를 입력하세요")

    def clean(self) -> dict[str, Any]:
        """Who it is, unless too many tries were made from this address."""
        email = self.cleaned_data.get("username") or ""
        address = client_address(self.request) if self.request else "0.0.0.0"  # noqa: S104
        if email and self.cleaned_data.get("password"):
            if not LoginAttempt.take(email=email, address=address):
                raise ValidationError(self.error_messages["throttled"], code="throttled")
            self.cleaned_data["username"] = email.strip().lower()
        cleaned: dict[str, Any] = super().clean()
        if self.get_user() is not None:
            LoginAttempt.forget(email=email, address=address)
        return cleaned

    def confirm_login_allowed(self, user: Any) -> None:
        """Demo accounts sign in to sandboxes only."""
        super().confirm_login_allowed(user)
        if demo.is_barred(user.email):
            raise self.get_invalid_login_error()


class SecondFactorForm(forms.Form):
    """A code of the authenticator app, or a recovery code."""

    code = forms.CharField(
        max_length=40, strip=True, error_messages={"required": _("인증번호를 입력하세요")}
    )


class PasswordForm(PasswordChangeForm):
    """One's own password, the old one first; tries are counted as at the door."""

    error_messages = {
        "password_incorrect": _("지금 비밀번호가 맞지 않아요"),
        "password_mismatch": _("새 비밀번호 두 개가 서로 달라요"),
        "throttled": SignInForm.error_messages["throttled"],
    }

    def __init__(self, *args: Any, address: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = address
        for field in self.fields.values():
            field.error_messages["required"] = _("비밀번호를 입력하세요")

    def clean_old_password(self) -> str:
        """The old password, unless too many were tried."""
        if not LoginAttempt.take(email=self.user.email, address=self.address):
            raise ValidationError(self.error_messages["throttled"], code="throttled")
        password: str = super().clean_old_password()
        LoginAttempt.forget(email=self.user.email, address=self.address)
        return password


class BuyerForm(forms.Form):
    """Who bought: what a seller tells the owner of the line. `today` is the Korean day."""

    name = forms.CharField(
        max_length=40,
        strip=True,
        error_messages={
            "required": _("구매자의 성명을 적어 주세요"),
            "max_length": _("40자까지 적을 수 있어요"),
        },
    )
    birthdate = forms.CharField(required=False, strip=False)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._today = today

    def clean_name(self) -> str:
        """Refuse resident numbers."""
        return without_resident_number(self.cleaned_data["name"])

    def clean_birthdate(self) -> date:
        """A day that has been."""
        typed = self.cleaned_data["birthdate"][:_LONGEST_BIRTHDATE]
        try:
            return subscriber.parse_birthdate(typed, self._today)
        except UnreadableBirthdate as error:
            raise ValidationError(BIRTHDATE_WORDS[error.fault]) from None


class CauseForm(forms.Form):
    """Why a seller cannot tell who bought."""

    cause = forms.CharField(
        max_length=300,
        error_messages={
            "required": _("알릴 수 없는 까닭을 적어 주세요"),
            "max_length": _("300자까지 적을 수 있어요"),
        },
    )

    def clean_cause(self) -> str:
        """Refuse resident numbers."""
        return without_resident_number(self.cleaned_data["cause"])
