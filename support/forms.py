"""What shoppers and agents type, and what is wrong with it, in their words."""

import datetime
import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from payments.subscriber import (
    RESIDENT_NUMBER,
    PhoneFault,
    UnreadablePhone,
    parse_code,
    parse_phone,
)
from payments.templatetags.won import won
from support.models import Rating, Ticket

REASON_MAX = 300
PHONE_WORDS = {
    PhoneFault.MISSING: _("휴대전화번호를 입력하세요"),
    PhoneFault.MALFORMED: _("휴대전화번호를 010-1234-5678처럼 입력하세요"),
    PhoneFault.NOT_MOBILE: _("010으로 시작하는 휴대전화번호만 쓸 수 있어요"),
}
# The clearing codes of Korean banks, which payouts name them by.
BANKS = (
    ("004", _("KB국민은행")),
    ("088", _("신한은행")),
    ("020", _("우리은행")),
    ("081", _("하나은행")),
    ("011", _("NH농협은행")),
    ("003", _("IBK기업은행")),
    ("090", _("카카오뱅크")),
    ("092", _("토스뱅크")),
    ("089", _("케이뱅크")),
    ("045", _("새마을금고")),
    ("048", _("신협")),
    ("071", _("우체국")),
    ("023", _("SC제일은행")),
    ("032", _("부산은행")),
    ("031", _("iM뱅크")),
    ("034", _("광주은행")),
    ("037", _("전북은행")),
    ("039", _("경남은행")),
    ("035", _("제주은행")),
    ("007", _("수협은행")),
)


def bank_name(code: str) -> str:
    """The bank behind a clearing code; the code itself when we do not know it."""
    return str(dict(BANKS).get(code, code))


def without_resident_number(text: str) -> str:
    """The text, unless somebody wrote a resident number into it (개인정보 보호법 §24의2)."""
    if RESIDENT_NUMBER.search(text):
        raise forms.ValidationError(
            _("주민등록번호는 받지 않아요. 지우고 다시 보내 주세요"), code="resident_number"
        )
    return text


class WithWords(forms.Form):
    """Has a field `text` for what somebody likes to say."""

    def clean_text(self) -> str:
        """Refuse resident numbers."""
        return without_resident_number(self.cleaned_data["text"])


class LookupForm(forms.Form):
    """Which payment, and whose line: what is needed without a receipt."""

    product = forms.CharField(
        max_length=100,
        error_messages={
            "required": _("무엇을 샀는지 적어 주세요"),
            "max_length": _("100자까지 적을 수 있어요"),
        },
    )
    date = forms.DateField(
        input_formats=["%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%Y%m%d", "%Y. %m. %d", "%Y. %m. %d."],
        error_messages={
            "required": _("결제한 날을 골라 주세요"),
            "invalid": _("결제한 날을 2026-11-23처럼 입력하세요"),
        },
    )
    phone = forms.CharField(
        max_length=40,
        error_messages={
            "required": PHONE_WORDS[PhoneFault.MISSING],
            "max_length": PHONE_WORDS[PhoneFault.MALFORMED],
        },
    )

    def __init__(self, *args: Any, today: datetime.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_product(self) -> str:
        """Refuse resident numbers."""
        return without_resident_number(self.cleaned_data["product"])

    def clean_date(self) -> datetime.date:
        """Refuse days to come."""
        day: datetime.date = self.cleaned_data["date"]
        if day > self.today:
            raise forms.ValidationError(_("결제한 날이 오늘보다 뒤예요. 날짜를 확인해 주세요"))
        return day

    def clean_phone(self) -> str:
        """The canonical number."""
        try:
            return parse_phone(self.cleaned_data["phone"])
        except UnreadablePhone as error:
            raise forms.ValidationError(PHONE_WORDS[error.fault]) from error


class CodeForm(forms.Form):
    """The six digits we texted."""

    code = forms.CharField(
        max_length=40,
        error_messages={
            "required": _("인증번호를 입력하세요"),
            "max_length": _("인증번호는 숫자 6자리예요"),
        },
    )

    def clean_code(self) -> str:
        """Six digits without spaces."""
        code = parse_code(self.cleaned_data["code"])
        if code is None:
            raise forms.ValidationError(_("인증번호는 숫자 6자리예요"))
        return code


class RequestForm(WithWords):
    """Why the money should come back."""

    reason = forms.ChoiceField(
        choices=Ticket.Reason.choices,
        error_messages={
            "required": _("이유를 하나 골라 주세요"),
            "invalid_choice": _("이유를 하나 골라 주세요"),
        },
    )
    text = forms.CharField(
        required=False,
        max_length=1000,
        error_messages={"max_length": _("1,000자까지 적을 수 있어요")},
    )
    email = forms.EmailField(
        required=False,
        max_length=120,
        error_messages={
            "invalid": _("이메일을 name@example.kr처럼 입력하세요"),
            "max_length": _("이메일이 너무 길어요"),
        },
    )


class AccountForm(forms.Form):
    """Where the money goes when the carrier cannot take the charge back."""

    bank = forms.ChoiceField(
        choices=BANKS,
        error_messages={
            "required": _("은행을 골라 주세요"),
            "invalid_choice": _("은행을 골라 주세요"),
        },
    )
    number = forms.CharField(
        max_length=40,
        error_messages={
            "required": _("계좌번호를 입력하세요"),
            "max_length": _("계좌번호는 숫자 8자리에서 16자리예요"),
        },
    )
    holder = forms.CharField(
        max_length=40,
        error_messages={
            "required": _("예금주 이름을 입력하세요"),
            "max_length": _("예금주 이름은 40자까지예요"),
        },
    )

    def clean_number(self) -> str:
        """Digits only."""
        digits = re.sub(r"[\s-]", "", self.cleaned_data["number"])
        if not re.fullmatch(r"[0-9]{8,16}", digits):
            raise forms.ValidationError(_("계좌번호는 숫자 8자리에서 16자리예요"))
        return digits

    def clean_holder(self) -> str:
        """Refuse resident numbers."""
        return without_resident_number(self.cleaned_data["holder"])


class AnswerForm(WithWords):
    """What the customer answers to a question of ours."""

    text = forms.CharField(
        max_length=1000,
        error_messages={
            "required": _("답을 적어 주세요"),
            "max_length": _("1,000자까지 적을 수 있어요"),
        },
    )


class RatingForm(WithWords):
    """One of three, and a sentence if somebody likes."""

    score = forms.ChoiceField(
        choices=Rating.Score.choices,
        error_messages={
            "required": _("셋 가운데 하나를 눌러 주세요"),
            "invalid_choice": _("셋 가운데 하나를 눌러 주세요"),
        },
    )
    text = forms.CharField(
        required=False,
        max_length=300,
        error_messages={"max_length": _("300자까지 적을 수 있어요")},
    )


class IntakeForm(WithWords):
    """What an agent types while somebody talks: whose line, what it is about, where answers go."""

    source = forms.ChoiceField(
        choices=[choice for choice in Ticket.Source.choices if choice[0] != Ticket.Source.WEB],
        error_messages={"required": _("어떻게 들어왔는지 골라 주세요")},
    )
    phone = forms.CharField(
        max_length=40,
        error_messages={
            "required": PHONE_WORDS[PhoneFault.MISSING],
            "max_length": PHONE_WORDS[PhoneFault.MALFORMED],
        },
    )
    payment = forms.CharField(required=False, max_length=20)
    kind = forms.ChoiceField(
        choices=Ticket.Kind.choices,
        error_messages={
            "required": _("요청 종류를 골라 주세요"),
            "invalid_choice": _("요청 종류를 골라 주세요"),
        },
    )
    reason = forms.ChoiceField(
        required=False,
        choices=Ticket.Reason.choices,
        error_messages={"invalid_choice": _("이유를 하나 골라 주세요")},
    )
    text = forms.CharField(
        required=False,
        max_length=1000,
        error_messages={"max_length": _("1,000자까지 적을 수 있어요")},
    )
    contact = forms.ChoiceField(
        choices=[choice for choice in Ticket.Contact.choices if choice[0]],
        error_messages={
            "required": _("결과를 어디로 알릴지 골라 주세요"),
            "invalid_choice": _("결과를 어디로 알릴지 골라 주세요"),
        },
    )
    email = forms.EmailField(
        required=False,
        max_length=120,
        error_messages={
            "invalid": _("이메일을 name@example.kr처럼 입력하세요"),
            "max_length": _("이메일이 너무 길어요"),
        },
    )
    language = forms.ChoiceField(choices=[("ko", "한국어"), ("en", "English")])

    def clean_phone(self) -> str:
        """The canonical number."""
        try:
            return parse_phone(self.cleaned_data["phone"])
        except UnreadablePhone as error:
            raise forms.ValidationError(PHONE_WORDS[error.fault]) from error

    def clean(self) -> dict[str, Any]:
        """What one answer makes necessary of the others."""
        typed = super().clean() or self.cleaned_data
        kind = typed.get("kind")
        if kind in Ticket.ABOUT_MONEY and not typed.get("reason") and "reason" not in self.errors:
            self.add_error("reason", _("이유를 하나 골라 주세요"))
        if kind == Ticket.Kind.OTHER and not typed.get("text") and "text" not in self.errors:
            self.add_error("text", _("무엇을 묻는지 적어 주세요"))
        is_by_mail = typed.get("contact") == Ticket.Contact.EMAIL
        if is_by_mail and not typed.get("email") and "email" not in self.errors:
            self.add_error("email", _("답을 받을 이메일을 적어 주세요"))
        return typed


def read_won(typed: str) -> int | None:
    """Won as an agent types them: `4000`, `4,000`, `4,000원`; None for anything else."""
    digits = re.sub(r"[\s,]", "", typed).removesuffix("원").removesuffix("won")
    return int(digits) if re.fullmatch(r"[0-9]{1,9}", digits) else None


def amount_problem(typed: str, *, remaining_won: int) -> str:
    """What is wrong with the amount to give back; empty when nothing is."""
    amount_won = read_won(typed)
    if not typed.strip():
        return str(_("돌려줄 금액을 적어 주세요"))
    if amount_won is None:
        return str(_("금액을 4000처럼 숫자로 적어 주세요"))
    if not amount_won:
        return str(_("1원부터 돌려줄 수 있어요"))
    if amount_won > remaining_won:
        return str(_("{amount}까지 돌려줄 수 있어요")).format(amount=won(remaining_won))
    return ""


def reason_problem(reason: str, *, missing: str = "") -> str:
    """What is wrong with an agent's words; empty when nothing is. `missing` is said of no words."""
    if not reason:
        return missing or str(_("이유를 적어 주세요. 고객이 읽게 돼요"))
    if len(reason) > REASON_MAX:
        return str(_("300자까지 적을 수 있어요"))
    if RESIDENT_NUMBER.search(reason):
        return str(_("주민등록번호는 적을 수 없어요"))
    return ""
