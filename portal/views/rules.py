"""What each rule of `manage.py verify` says, in people's words; others keep their own."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_WORDS = {
    "I1": _("모든 기입은 두 줄 이상이고 합이 0이에요."),
    "I2": _("장부 전체의 합이 0이에요."),
    "I3": _("결제된 건에는 그 금액의 청구가 하나 있고, 다른 건에는 없어요."),
    "I4": _("돌려준 돈과 돌려줄 돈이 결제한 돈보다 많지 않아요."),
    "I4 posted": _("끝난 환불은 그 금액으로 장부에 있고, 다른 환불은 없어요."),
    "I5": _("거쳐 가는 계정에 남은 돈이 없어요."),
    "I7": _("주문 하나에 살아 있는 결제는 하나뿐이에요."),
    "I10": _("청구는 다섯 번 안에 맞힌 인증번호나 문자 링크로 확인됐어요."),
    "I10 tries": _("통신사에 보낸 인증번호는 모두 시도로 셌어요."),
    "I11 sum": _("한도에서 쓴 금액은 결제들이 잡은 금액과 같아요."),
    "I11 held": _("청구 없이 끝난 결제는 한도를 잡지 않고, 청구된 결제는 그 달을 잡아요."),
    "I14": _("끝나지 않은 결제는 다시 볼 때가 있고, 제때 봤어요."),
    "I15": _("한 시간 넘게 결과를 모르면서 사람에게 가지 않은 결제가 없어요."),
    "I16": _("끝을 모르는 호출은 아직 확인하고 있어요."),
    "I17": _("승인된 요청에는 거두지 않은 환불이 있어요."),
    "I18": _("실패한 환불에는 까닭이 있어요."),
    "I20": _("진행 중인 환불은 때가 정해져 있고, 제때 시작했어요."),
    "I21": _("환불이 끝난 요청만 완료됐고, 거절된 요청에는 환불이 없어요."),
    "I22": _("결과를 14일 안에 알렸어요."),
    "I23": _("이의신청이 열린 동안에는 정산하지 않았어요."),
    "I23 objection": _("이의신청이 열린 결제의 돈은 보류돼 있어요."),
    "I25": _("결제한 달이 지난 뒤 통신사에 취소를 보내지 않았어요."),
    "I26": _("달이 끝나서 실패한 환불이 없어요."),
    "I27": _("통신사 환불의 마감은 달이 끝나기 10분 전이거나 그 앞이에요."),
    "I28": _("결제한 사람에게 영수증을 썼어요."),
    "I29": _("보냈다는 알림은 한 번만 받아들여졌어요."),
    "I30 events": _("1분 넘게 밀리거나 말없이 포기한 일이 없어요."),
    "I30 messages": _("1분 넘게 밀린 문자와 메일이 없어요."),
    "I35": _("환불과 기입은 그 결제의 판매자 것이에요."),
    "I36": _("감사 기록이 끊기지 않고 이어져 있어요."),
    "S1": _("판매자에게 줄 돈은 정산하고 안 준 돈과 아직 정산하지 않은 돈이에요."),
    "S2": _("정산은 내역의 합이고, 늦게 온 것은 따로 세요."),
    "S3": _("정산 내역은 기입이 판매자에게 옮긴 금액과 같아요."),
    "S4": _("판매자의 하루가 두 정산에 들어가지 않아요."),
    "S5": _("지급된 정산은 그 금액의 송금 한 번으로 나갔어요."),
}
# Of every table with states: `I12 refund chain`, `I37 refund`.
_OF_HISTORY = {
    "moves": _("상태는 정해진 길로만 움직이고, 알릴 것을 알려요."),
    "chain": _("움직임마다 앞의 움직임이 끝난 곳에서 시작해요."),
    "state": _("지금 상태는 마지막 움직임이 닿은 곳이에요."),
    "I37": _("움직임의 때가 거꾸로 가지 않아요."),
}
_SUBJECTS = {
    "payment": _("결제"),
    "refund": _("환불"),
    "payout": _("지급"),
    "ticket": _("요청"),
}


def in_words(code: str, says: str) -> str | Promise:
    """The rule's sentence; `says` when nobody has put it in words."""
    family, _space, rest = code.partition(" ")
    subject, _space, what = rest.partition(" ")
    if subject in _SUBJECTS and family in ("I12", "I37"):
        sentence = _OF_HISTORY.get(what or family)
        return f"{_SUBJECTS[subject]}: {sentence}" if sentence else says
    return _WORDS.get(code, says)
