"""What somebody types at the door of their own payments, and about their own line."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import subscriber
from payments.forms import BIRTHDATE_WORDS, PHONE_WORDS, typed_in
from payments.subscriber import BirthdateFault
from payments.templatetags.won import won
from support.forms import without_resident_number

_LONGEST = 200
_LONGEST_AMOUNT = 9


class KnockForm(forms.Form):
    """Number and birthdate. `today` is the Korean day."""

    use_required_attribute = False

    phone = forms.CharField(required=False, strip=False)
    birthdate = forms.CharField(required=False, strip=False)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._today = today

    def clean_phone(self) -> str:
        """The canonical number."""
        try:
            return subscriber.parse_phone(self.cleaned_data["phone"][:_LONGEST])
        except subscriber.UnreadablePhone as error:
            raise ValidationError(PHONE_WORDS[error.fault]) from None

    def clean_birthdate(self) -> date:
        """The date; a resident number is dropped from what is shown back."""
        typed = self.cleaned_data["birthdate"][:_LONGEST]
        try:
            return subscriber.parse_birthdate(typed, self._today)
        except subscriber.UnreadableBirthdate as error:
            if error.fault == BirthdateFault.RESIDENT_NUMBER:
                shown = typed_in(self).copy()
                shown["birthdate"] = ""
                self.data = shown
            raise ValidationError(BIRTHDATE_WORDS[error.fault]) from None


class LimitForm(forms.Form):
    """How much a month; won as people write it: `20,000원`."""

    use_required_attribute = False

    limit = forms.CharField(required=False, max_length=20)

    def clean_limit(self) -> int:
        """Won between the smallest payment and what a line may spend anyway."""
        typed = self.cleaned_data["limit"].replace(",", "").removesuffix("원").strip()
        if not typed:
            raise ValidationError(_("한 달 한도를 입력하세요"))
        if not (typed.isascii() and typed.isdigit() and len(typed) <= _LONGEST_AMOUNT):
            raise ValidationError(_("한도를 20000처럼 숫자로 입력하세요"))
        amount_won = int(typed)
        if not settings.PAYMENT_MIN_WON <= amount_won <= settings.LINE_MONTH_MAX_WON:
            raise ValidationError(
                _("%(least)s부터 %(most)s까지 정할 수 있어요")
                % {
                    "least": won(settings.PAYMENT_MIN_WON),
                    "most": won(settings.LINE_MONTH_MAX_WON),
                }
            )
        return amount_won


class NotMeForm(forms.Form):
    """What they remember about a payment that is not theirs."""

    use_required_attribute = False

    text = forms.CharField(
        required=False,
        max_length=1000,
        error_messages={"max_length": gettext_lazy("1,000자까지 적을 수 있어요")},
    )

    def clean_text(self) -> str:
        """Refuse resident numbers."""
        return without_resident_number(self.cleaned_data["text"])
