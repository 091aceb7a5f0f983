"""The steps an agent can take on a case besides deciding it: what each means and who reads what.

A step is shown before it is taken: its consequence, and word for word the text that will leave.
"""

from dataclasses import dataclass, replace

from django.utils import translation
from django.utils.translation import gettext as _

from support import notices
from support.models import Ticket
from support.states import TICKET_MOVES, TicketState

APPROVE = "approve"
ASK, REFER, DUPLICATE, REOPEN = "ask", "refer", "duplicate", "reopen"
REPLY = "reply"
_TARGETS = {
    ASK: TicketState.WAITING_CUSTOMER,
    REFER: TicketState.WAITING_MERCHANT,
    DUPLICATE: TicketState.DUPLICATE,
}
_AGAIN = frozenset({TicketState.REJECTED, TicketState.DUPLICATE, TicketState.ANSWERED})


@dataclass(frozen=True)
class Step:
    """One step in words."""

    name: str
    title: str
    label: str
    means: str
    button: str
    suggestion: str = ""


def available(ticket: Ticket) -> list[Step]:
    """What may be done with the case as it stands."""
    names = [name for name, target in _TARGETS.items() if (ticket.state, target) in TICKET_MOVES]
    if ticket.payment_id is None and REFER in names:
        names.remove(REFER)
    if ticket.state in _AGAIN:
        names.append(REOPEN)
    return [
        replace(of(name), suggestion=_buyer_question())
        if name == REFER and ticket.kind == Ticket.Kind.BUYER_INFORMATION
        else of(name)
        for name in names
    ]


def _buyer_question() -> str:
    """What a seller is asked for; sellers are written to in Korean."""
    with translation.override("ko"):
        return _("휴대폰의 주인이 구매자의 성명과 생년월일을 요청했습니다.")


def of(name: str) -> Step:
    """A step by its name. Raises KeyError."""
    return {
        APPROVE: Step(
            APPROVE,
            _("일부 승인 확인"),
            _("승인 이유"),
            "",
            _("이 금액만 승인"),
        ),
        ASK: Step(
            ASK,
            _("고객에게 묻기"),
            _("고객에게 보낼 질문"),
            _("고객의 답을 기다리는 상태가 돼요. 고객은 진행 화면에서 답해요."),
            _("질문 보내기"),
        ),
        REFER: Step(
            REFER,
            _("판매자에게 묻기"),
            _("판매자에게 보낼 질문"),
            _("판매자의 답을 기다리는 상태가 돼요. 고객에게는 아무것도 보내지 않아요."),
            _("판매자에게 보내기"),
        ),
        DUPLICATE: Step(
            DUPLICATE,
            _("같은 요청으로 닫기"),
            _("고객이 읽을 이유"),
            _("이 요청은 닫히고, 대화는 먼저 들어온 요청에서 함께 보여요. 돈은 움직이지 않아요."),
            _("같은 요청으로 닫기"),
        ),
        REPLY: Step(
            REPLY,
            _("답장하기"),
            _("고객에게 보낼 글"),
            _("보낸 뒤 15초 동안 거둘 수 있어요. 고객은 진행 화면에서도 읽어요."),
            _("답장 보내기"),
        ),
        REOPEN: Step(
            REOPEN,
            _("다시 열기"),
            _("다시 여는 이유 (고객에게 보이지 않음)"),
            _("확인 중으로 돌아가고, 답변 기한이 오늘부터 다시 시작돼요."),
            _("다시 열기"),
        ),
    }[name]


def text(
    name: str, ticket: Ticket, *, typed: str, first: Ticket | None = None, files: int = 0
) -> tuple[str, str]:
    """Who will read what, word for word, when the step is taken now with so many files."""
    if name == REFER:
        return _("판매자가 받을 메일"), notices.preview_to_merchant(ticket, question=typed)
    if name == REPLY:
        reader = _("고객이 받을 메일") if ticket.email_sealed else _("고객이 받을 문자")
        return reader, notices.preview_reply(ticket, text=typed, files=files)
    reader = notices.reader(ticket)
    if name == ASK:
        words = notices.preview(notices.QUESTION, ticket, question=typed)
    elif name == DUPLICATE:
        words = notices.preview(notices.DUPLICATE, ticket, first=first, reason=typed)
    else:
        words = notices.preview(notices.REOPENED, ticket)
    return reader, words
