"""What a decline says to a person: what happened, what to do next, who can help (domain §12)."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from payments import declines

SESSION_EXPIRED = "SESSION_EXPIRED"

_CALL_CARRIER = _("통신사 고객센터(휴대폰에서 114)에 물어봐 주세요.")
_OTHER_LINE = _("다른 결제 수단이나 본인 명의의 다른 번호를 써 주세요.")
_TRY_AGAIN = _("다시 결제할 수 있어요.")
_CALL_US = _("고객센터로 알려 주시면 확인해 드려요.")
_CALL_SHOP = _("상점에 알려 주세요.")


class Helper(StrEnum):
    """Who can clear the reason away: `who` of domain §12."""

    YOU = "you"
    CARRIER = "carrier"
    SHOP = "shop"
    DESK = "desk"
    MY = "my"


@dataclass(frozen=True)
class Words:
    """A sentence on what happened, one on what to do, and who can help besides our desk."""

    message: str | Promise
    next: str | Promise
    helper: Helper = Helper.YOU


_YOU, _CARRIER, _SHOP, _DESK = Helper.YOU, Helper.CARRIER, Helper.SHOP, Helper.DESK
_WORDS = {
    "CARRIER_MISMATCH": Words(
        _("통신사가 맞지 않거나 등록되지 않은 번호예요. 통신사를 다시 골라 주세요."), _TRY_AGAIN
    ),
    "BIRTHDATE_MISMATCH": Words(_("명의자 생년월일과 맞지 않아요."), _OTHER_LINE),
    "INVALID_PHONE": Words(_("휴대폰 번호를 확인해 주세요."), _TRY_AGAIN),
    "LINE_SUSPENDED": Words(_("분실 또는 정지된 회선이에요."), _CALL_CARRIER, _CARRIER),
    "LINE_TERMINATED": Words(_("해지된 번호예요."), _OTHER_LINE),
    "LINE_PORTED": Words(_("번호이동 등으로 회선 정보가 바뀌었어요."), _CALL_CARRIER, _CARRIER),
    "CORPORATE_LINE": Words(_("법인·사업자 명의 회선은 쓸 수 없어요."), _OTHER_LINE),
    "PREPAID_LINE": Words(_("선불 요금제는 쓸 수 없어요."), _OTHER_LINE),
    "RESTRICTED_PLAN": Words(_("결제가 제한된 요금제 또는 단말이에요."), _CALL_CARRIER, _CARRIER),
    "UNPAID_BILL": Words(
        _("통신요금이 미납되어 쓸 수 없어요."),
        _("요금을 낸 뒤 다시 결제해 주세요. 얼마가 밀렸는지는 통신사가 알려 줘요."),
        _CARRIER,
    ),
    "LONG_OVERDUE": Words(_("소액결제 장기 연체로 막힌 번호예요."), _CALL_US, _DESK),
    "UNDER_AGE": Words(_("만 19세부터 휴대폰으로 결제할 수 있어요."), _OTHER_LINE),
    "UNDER_14": Words(_("만 14세 미만은 이용할 수 없어요."), _OTHER_LINE),
    "FOREIGNER_RESTRICTED": Words(
        _("이 회선은 통신사 정책으로 이용이 제한돼요."), _CALL_CARRIER, _CARRIER
    ),
    "NOT_CONSENTED": Words(
        _("이 회선은 소액결제 이용 동의가 되어 있지 않아요."),
        _("통신사 앱이나 114에서 소액결제에 동의한 뒤 다시 결제해 주세요."),
        _CARRIER,
    ),
    "LONG_UNUSED": Words(_("오랫동안 쓰지 않아 소액결제가 막혔어요."), _CALL_CARRIER, _CARRIER),
    "BLOCKED_BY_OWNER": Words(
        _("명의자가 소액결제를 막아 둔 번호예요."),
        _("통신사 앱이나 114에서 차단을 풀 수 있어요."),
        _CARRIER,
    ),
    "BLOCKED_BY_CARRIER": Words(_("통신사 정책으로 결제가 막혔어요."), _CALL_CARRIER, _CARRIER),
    "BLOCKED_BY_PROVIDER": Words(_("안전한 거래를 위해 결제가 제한됐어요."), _CALL_US, _DESK),
    "NEW_LINE_RESTRICTED": Words(_("가입이나 명의변경 직후에는 쓸 수 없어요."), _OTHER_LINE),
    "LIMIT_PER_PAYMENT": Words(_("한 번에 결제할 수 있는 금액을 넘었어요."), _OTHER_LINE),
    "LIMIT_MONTHLY": Words(
        _("이번 달 이용 한도를 넘었어요."),
        _("한도는 통신사 앱이나 114에서 보고 늘릴 수 있어요. 다음 달에는 다시 쓸 수 있어요."),
        _CARRIER,
    ),
    "LIMIT_MERCHANT": Words(_("이 상점에서 결제할 수 있는 한도를 넘었어요."), _CALL_SHOP, _SHOP),
    "LIMIT_CATEGORY": Words(_("이 상품 종류의 월 한도를 넘었어요."), _OTHER_LINE),
    "AMOUNT_TOO_SMALL": Words(_("최소 결제 금액보다 적어요."), _CALL_SHOP, _SHOP),
    "AMOUNT_MISMATCH": Words(_("결제 금액이 주문과 달라요."), _CALL_SHOP, _SHOP),
    "PRODUCT_TYPE_MISMATCH": Words(_("상점의 상품 유형 설정과 달라요."), _CALL_SHOP, _SHOP),
    "SMS_SEND_FAILED": Words(
        _("문자를 보내지 못했어요."), _("잠시 뒤에 다시 시도해 주세요."), _DESK
    ),
    "RESEND_LIMIT": Words(_("문자를 다시 받을 수 있는 횟수를 넘었어요."), _TRY_AGAIN),
    "CODE_ATTEMPTS_EXCEEDED": Words(_("번호를 5번 잘못 입력해 결제를 멈췄어요."), _TRY_AGAIN),
    "PIN_LOCKED": Words(
        _("결제 비밀번호를 여러 번 잘못 입력해 결제를 멈췄어요."),
        _("결제 비밀번호는 통신사 앱이나 114에서 다시 정할 수 있어요."),
        _CARRIER,
    ),
    "STEP_UP_REQUIRED": Words(
        _("통신사가 이 회선에 추가 확인을 요구해서 결제할 수 없어요."), _CALL_CARRIER, _CARRIER
    ),
    SESSION_EXPIRED: Words(
        _("정해진 시간 안에 결제를 마치지 못해 이 결제를 닫았어요."), _TRY_AGAIN
    ),
    "USER_CANCELLED": Words(_("원하신 대로 이 결제를 닫았어요."), _TRY_AGAIN),
    "DUPLICATE_PAYMENT": Words(
        _("같은 결제가 진행 중이거나 방금 끝났어요."),
        _("잠시 기다렸다가 문자로 온 결제 내역을 먼저 확인해 주세요."),
    ),
    "VELOCITY_BLOCKED": Words(
        _("짧은 시간에 시도가 많아 잠시 제한됐어요."), _("나중에 다시 시도해 주세요.")
    ),
    "CARRIER_MAINTENANCE": Words(
        _("통신사가 점검 중이에요."), _("잠시 뒤에 다시 결제해 주세요."), _CARRIER
    ),
    "PROVIDER_TIMEOUT": Words(_("통신사의 답을 받지 못해 결제를 되돌렸어요."), _TRY_AGAIN),
    "MERCHANT_INACTIVE": Words(_("지금은 결제할 수 없는 상점이에요."), _CALL_SHOP, _SHOP),
    declines.UNMAPPED: Words(_("통신사가 결제를 받아들이지 않았어요."), _CALL_CARRIER, _CARRIER),
}

# The same codes where not the operator but the holder's own rules with us said no.
_OWN_WORDS = {
    "BLOCKED_BY_OWNER": Words(
        _("이 번호의 명의자가 여기 ‘내 결제’에서 휴대폰 결제를 막아 두었어요."),
        _("내 결제에서 차단을 풀 수 있어요. 풀리기까지 시간이 걸려요."),
        Helper.MY,
    ),
    "LIMIT_MONTHLY": Words(
        _("명의자가 ‘내 결제’에서 직접 정한 이번 달 한도를 넘어요."),
        _("내 결제에서 한도를 바꿀 수 있어요. 올리는 데에는 시간이 걸려요."),
        Helper.MY,
    ),
}
OWN_CODES = frozenset(_OWN_WORDS)


def own_words_for(code: str) -> Words:
    """What to say when the line's holder decided so with us."""
    return _OWN_WORDS.get(code) or words_for(code)


def words_for(code: str) -> Words:
    """What to say for one of our codes; an unknown code gets the safe general words."""
    return _WORDS.get(code, _WORDS[declines.UNMAPPED])
