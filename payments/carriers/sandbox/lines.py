"""The documented test lines: what each customer's line does, as data.

Numbers are 010-9000-XXXX; a suffix that is not listed behaves like 0000. No other number is a
customer of this operator.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

OPERATORS: Final = ("SKT", "KT", "LGU", "SKT_MVNO", "KT_MVNO", "LGU_MVNO")
# Who takes a charge off the bill in part; the others do so in whole only.
TAKES_PARTS: Final = ("SKT", "KT")

# What a line's payment PIN is until its customer sets another.
PIN: Final = "135790"

_E164 = re.compile(r"\+8210(9000\d{4})")


@dataclass(frozen=True)
class Refusal:
    """A refusal in the operator's words: HTTP status, code of the standard, our stable reason."""

    status: int
    code: str
    reason: str


@dataclass(frozen=True)
class Line:
    """One customer's line. `operator` is empty for a line that belongs to none of them."""

    suffix: str
    korean: str
    english: str
    operator: str = "SKT"
    birthdate: date = date(1990, 1, 31)
    birthdate_matches: bool = True
    sim_swapped: bool = False
    # Empty: the customer never set one.
    pin: str = PIN
    pin_is_locked: bool = False
    prepare_refusal: Refusal | None = None
    link_only: bool = False
    texts_arrive: bool = True
    code_is_expired: bool = False
    # hang_charged, hang_untouched: the answer of confirm is lost after or before the charge.
    confirm: str = "answers"
    goes_dark: bool = False
    # refused, lost, fails_twice
    refund: str = "answers"

    @property
    def phone(self) -> str:
        """The number as people write it."""
        return f"010-9000-{self.suffix}"

    @property
    def digits(self) -> str:
        """The number as it stands in addresses of pages."""
        return f"0109000{self.suffix}"


def _denied(reason: str) -> Refusal:
    return Refusal(403, "CARRIER_BILLING.PAYMENT_DENIED", reason)


def _not_applicable(reason: str) -> Refusal:
    return Refusal(422, "SERVICE_NOT_APPLICABLE", reason)


_PAYS = ("결제됩니다", "Pays")

LINES: Final = (
    Line(
        "0000",
        "결제됩니다 (목록에 없는 번호도 같음)",
        "Pays (so does any number not listed)",
    ),
    Line("0011", "통신사가 맞지 않음", "Belongs to none of the carriers", operator=""),
    Line(
        "0012",
        "생년월일이 항상 다름",
        "The birthdate never matches",
        birthdate_matches=False,
    ),
    Line(
        "0013",
        "분실·정지된 회선",
        "Line suspended",
        prepare_refusal=_not_applicable("LINE_SUSPENDED: the line is lost or suspended"),
    ),
    Line(
        "0016",
        "통신요금 미납",
        "Unpaid bill",
        prepare_refusal=_denied("UNPAID_BILL: the last bill is unpaid"),
    ),
    Line(
        "0017",
        "선불 요금제",
        "Prepaid line",
        prepare_refusal=_not_applicable("PREPAID_LINE: prepaid plans have no bill to charge"),
    ),
    Line(
        "0030",
        "취소가 거절됨 (요금 선결제)",
        "The cancel is refused for good (bill prepaid)",
        refund="refused",
    ),
    Line(
        "0031",
        "월 한도 초과",
        "Over the monthly limit",
        prepare_refusal=Refusal(
            422,
            "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED",
            "LIMIT_MONTHLY: the limit of this month is used up",
        ),
    ),
    Line(
        "0032",
        "미성년자 (2012-01-31)",
        "A minor (2012-01-31)",
        birthdate=date(2012, 1, 31),
    ),
    Line(
        "0035",
        "소액결제 이용 미동의",
        "Carrier billing not activated",
        prepare_refusal=_denied("NOT_CONSENTED: carrier billing is not activated on this line"),
    ),
    Line(
        "0036",
        "명의자가 차단함",
        "Blocked by the owner",
        prepare_refusal=_denied("BLOCKED_BY_OWNER: the owner blocked carrier billing"),
    ),
    Line(
        "0043",
        "인증번호가 이미 만료됨",
        "Every code is already expired",
        code_is_expired=True,
    ),
    Line(
        "0045",
        "취소는 되지만 응답이 오지 않음",
        "The cancel works but its answer is lost",
        refund="lost",
    ),
    Line(
        "0049",
        "취소가 두 번 실패한 뒤 됨",
        "The cancel fails twice, then works",
        refund="fails_twice",
    ),
    Line(
        "0054",
        "어제 유심이 바뀜 (결제 비밀번호 135790)",
        "SIM swapped yesterday (payment PIN 135790)",
        sim_swapped=True,
    ),
    Line(
        "0055",
        "어제 유심이 바뀌고 결제 비밀번호가 없음",
        "SIM swapped yesterday, no payment PIN set",
        sim_swapped=True,
        pin="",
    ),
    Line(
        "0056",
        "어제 유심이 바뀌고 결제 비밀번호가 잠김",
        "SIM swapped yesterday, payment PIN locked",
        sim_swapped=True,
        pin_is_locked=True,
    ),
    Line("0058", "문자가 오지 않음", "The text never arrives", texts_arrive=False),
    Line("0060", "링크로만 확인", "Confirmed by link only, no code", link_only=True),
    Line(
        "0097",
        "결제 결과를 한동안 조회할 수 없음",
        "Charged, but the outcome cannot be queried for a while",
        confirm="hang_charged",
        goes_dark=True,
    ),
    Line(
        "0098",
        "결제되지만 응답이 오지 않음",
        "Charged, but the answer is lost",
        confirm="hang_charged",
    ),
    Line(
        "0099",
        "응답이 없고 결제되지 않음",
        "No answer and nothing charged",
        confirm="hang_untouched",
    ),
    Line(
        "0103",
        "통신사 점검 중",
        "Carrier under maintenance",
        prepare_refusal=Refusal(
            503, "UNAVAILABLE", "CARRIER_MAINTENANCE: the operator is under maintenance"
        ),
    ),
    Line("7001", *_PAYS, operator="KT"),
    Line("7002", *_PAYS, operator="LGU"),
    Line("7003", *_PAYS, operator="SKT_MVNO"),
    Line("7004", *_PAYS, operator="KT_MVNO"),
    Line("7005", *_PAYS, operator="LGU_MVNO"),
)

_BY_SUFFIX = {line.suffix: line for line in LINES}


def find(phone: str, operator: str = "") -> Line | None:
    """The line of an E.164 number as the given operator sees it; no operator sees every line."""
    match = _E164.fullmatch(phone)
    if match is None:
        return None
    suffix = match[1][4:]
    line = _BY_SUFFIX.get(suffix) or Line(suffix, *_PAYS)
    return line if not operator or line.operator == operator else None


def national(phone: str) -> str:
    """Digits as Koreans dial them: +82 10 … and 010-… become 010…."""
    digits = re.sub(r"\D", "", phone)
    return f"0{digits[2:]}" if digits.startswith("82") else digits
