"""What a shopper types into the window, checked and brought to one form; values stay as typed."""

from datetime import date
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from payments import subscriber
from payments.carriers import registry
from payments.subscriber import BirthdateFault, PhoneFault

# Versions of the texts the window shows; a new text is a new version.
CONSENTS = {
    "agree_billing": "2026-11",
    "agree_privacy": "2026-11",
    "agree_third_party": "2026-11",
}

PHONE_WORDS = {
    PhoneFault.MISSING: _("휴대전화번호를 입력하세요"),
    PhoneFault.MALFORMED: _("휴대전화번호를 010-1234-5678처럼 입력하세요"),
    PhoneFault.NOT_MOBILE: _("010으로 시작하는 휴대전화번호만 쓸 수 있어요"),
}
BIRTHDATE_WORDS = {
    BirthdateFault.MISSING: _("생년월일을 입력하세요"),
    BirthdateFault.RESIDENT_NUMBER: _("주민등록번호는 받지 않아요. 생년월일 8자리만 입력하세요"),
    BirthdateFault.MALFORMED: _("생년월일을 19900131처럼 숫자 8자리로 입력하세요"),
    BirthdateFault.NO_SUCH_YEAR: _("연도를 확인해 주세요"),
    BirthdateFault.NO_SUCH_MONTH: _("없는 날짜예요. 월을 확인해 주세요"),
    BirthdateFault.NO_SUCH_DAY: _("없는 날짜예요. 일을 확인해 주세요"),
    BirthdateFault.IN_THE_FUTURE: _("아직 오지 않은 날짜예요. 연도를 확인해 주세요"),
}
# Where it is known which part is wrong, it is named.
_PART_WORDS = {
    BirthdateFault.NO_SUCH_YEAR: _("연도(%(part)s)를 확인해 주세요"),
    BirthdateFault.NO_SUCH_MONTH: _("없는 날짜예요. 월(%(part)s)을 확인해 주세요"),
    BirthdateFault.NO_SUCH_DAY: _("없는 날짜예요. 일(%(part)s)을 확인해 주세요"),
}
_CONSENT_WORDS = {
    "agree_billing": _("통신과금서비스 이용약관에 동의해 주세요"),
    "agree_privacy": _("개인정보 수집·이용에 동의해 주세요"),
    "agree_third_party": _("개인정보 제3자 제공에 동의해 주세요"),
}
_LONGEST = 200
_SHORT_DATE = 6


class LineForm(forms.Form):
    """Carrier, the consents one by one, phone, birthdate, an address: in the page's order."""

    use_required_attribute = False

    carrier = forms.CharField(required=False)
    agree_billing = forms.BooleanField(required=False)
    agree_privacy = forms.BooleanField(required=False)
    agree_third_party = forms.BooleanField(required=False)
    phone = forms.CharField(required=False, strip=False)
    birthdate = forms.CharField(required=False, strip=False)
    email = forms.CharField(required=False)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._today = today
        # The date six digits were read as, so that the page can say so.
        self.read_birthdate: date | None = None

    def clean_carrier(self) -> str:
        """An operator that takes payments now."""
        code = self.cleaned_data["carrier"]
        if not code:
            raise ValidationError(_("통신사를 고르세요"))
        try:
            carrier = registry.carrier(code)
        except registry.UnknownCarrier:
            raise ValidationError(_("통신사를 다시 고르세요")) from None
        if not carrier.is_available:
            raise ValidationError(_("지금은 점검 중인 통신사예요. 잠시 뒤에 다시 시도해 주세요"))
        return carrier.code

    def clean_phone(self) -> str:
        """The canonical number."""
        _refuse_two(self, "phone")
        try:
            return subscriber.parse_phone(self.cleaned_data["phone"][:_LONGEST])
        except subscriber.UnreadablePhone as error:
            raise ValidationError(PHONE_WORDS[error.fault]) from None

    def clean_birthdate(self) -> date:
        """The date. Six digits are shown back in full, a resident number not at all."""
        _refuse_two(self, "birthdate")
        typed = self.cleaned_data["birthdate"][:_LONGEST]
        try:
            born = subscriber.parse_birthdate(typed, self._today)
        except subscriber.UnreadableBirthdate as error:
            if error.fault == BirthdateFault.RESIDENT_NUMBER:
                self._show("birthdate", "")
            if error.part is not None and error.fault in _PART_WORDS:
                words = _PART_WORDS[error.fault]
                raise ValidationError(words, params={"part": error.part}) from None
            raise ValidationError(BIRTHDATE_WORDS[error.fault]) from None
        if sum(letter.isdigit() for letter in typed) == _SHORT_DATE:
            self._show("birthdate", f"{born:%Y%m%d}")
            self.read_birthdate = born
        return born

    def clean_email(self) -> str:
        """Empty, or an address."""
        address = self.cleaned_data["email"]
        if address:
            EmailValidator(_("이메일 주소를 name@example.kr처럼 입력하세요"))(address)
        return str(address)

    def clean(self) -> dict[str, Any]:
        """Every consent is its own tick (개인정보 보호법 §22①)."""
        for name in CONSENTS:
            if not self.cleaned_data.get(name):
                self.add_error(name, _CONSENT_WORDS[name])
        return self.cleaned_data

    def _show(self, name: str, value: str) -> None:
        """Show another value back than the one typed."""
        shown = typed_in(self).copy()
        shown[name] = value
        self.data = shown


class CodeForm(forms.Form):
    """The six digits from the carrier's text."""

    use_required_attribute = False

    code = forms.CharField(required=False, strip=False)

    def clean_code(self) -> str:
        """Six digits; anything else is no try."""
        typed = self.cleaned_data["code"][:_LONGEST]
        code = subscriber.parse_code(typed)
        if code is not None and len(typed_in(self).getlist("code")) == 1:
            return code
        digits = sum(letter.isdigit() for letter in typed)
        if not typed.strip():
            raise ValidationError(_("문자로 온 번호를 입력하세요"))
        if digits < 6:
            raise ValidationError(_("번호가 짧아요. 숫자 6자리를 입력하세요"))
        raise ValidationError(_("숫자 6자리만 입력하세요"))


class PinForm(forms.Form):
    """The six digits of the line's payment PIN. They are never shown back, right or wrong."""

    use_required_attribute = False

    pin = forms.CharField(required=False, strip=False)

    def clean_pin(self) -> str:
        """Six digits; anything else is no try."""
        typed = self.cleaned_data["pin"][:_LONGEST]
        is_one = len(typed_in(self).getlist("pin")) == 1
        shown = typed_in(self).copy()
        shown["pin"] = ""
        self.data = shown
        if not typed.strip():
            raise ValidationError(_("결제 비밀번호를 입력하세요"))
        pin = subscriber.parse_code(typed)
        if pin is None or not is_one:
            raise ValidationError(_("결제 비밀번호는 숫자 6자리예요"))
        return pin


def typed_in(form: forms.Form) -> QueryDict:
    """What the browser sent: these forms are always bound to a request's QueryDict."""
    return cast("QueryDict", form.data)


def _refuse_two(form: forms.Form, name: str) -> None:
    # Two values for one field: somebody hopes that two checks read different ones.
    if len(typed_in(form).getlist(name)) > 1:
        raise ValidationError(_("값을 하나만 입력하세요"))
