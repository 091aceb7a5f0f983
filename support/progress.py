"""Where a request stands, as a shopper reads it: a headline, a stamp and every step of the way.

Only reads the ticket and its refund; the words of both live here so that page and fragment, and the
case on the desk, never disagree.
"""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from payments import refunds
from payments.calendar import Reason, Route
from payments.models import Payment, Refund
from payments.states import RefundState
from payments.templatetags.won import day, month, until, won, won_of
from support import attachments, papers, routes, tickets
from support.models import Attachment, Ticket, TicketMessage
from support.states import TICKET_UNDECIDED, TicketState

DONE, CURRENT, TODO, BAD = "done", "now", "todo", "bad"
_MONEY_RESTS = frozenset(
    {RefundState.REQUESTED, RefundState.SCHEDULED, RefundState.AWAITING_ACCOUNT}
)


@dataclass(frozen=True)
class Step:
    """One step; `state` is done, now, todo or bad."""

    name: str
    note: str
    state: str
    at: datetime | None = None


@dataclass(frozen=True)
class Stamp:
    """What is stamped on the slip; `tone` is done, wait, bad or note."""

    text: str
    tone: str


@dataclass(frozen=True)
class Turn:
    """One turn of the conversation as the customer reads it; each file with its link."""

    text: str
    at: datetime
    is_mine: bool
    files: tuple[tuple[Attachment, str], ...]


@dataclass(frozen=True)
class Progress:
    """Everything the tracking page says about a request.

    `version` changes when there is something new to show.
    """

    headline: str
    sentence: str
    stamp: Stamp
    bill_line: str
    steps: tuple[Step, ...]
    version: str
    is_final: bool
    is_bank: bool
    is_returning: bool
    is_polling: bool
    can_withdraw: bool
    needs_account: bool
    needs_answer: bool
    waits_for: str
    expected: str
    talk: tuple[Turn, ...]
    can_write: bool
    has_papers: bool


def of(ticket: Ticket, *, now: datetime) -> Progress:
    """The progress of a ticket loaded with its payment and refund."""
    refund = ticket.refund
    is_bank = _is_bank(ticket, now)
    needs_account = _needs_account(ticket)
    needs_answer = ticket.state == TicketState.WAITING_CUSTOMER
    headline, sentence = _headline(ticket, now)
    talk = _talk(ticket, now)
    return Progress(
        headline=headline,
        sentence=sentence,
        stamp=_stamp(ticket),
        bill_line=_bill_line(ticket, is_bank=is_bank),
        steps=_steps(ticket, is_bank=is_bank),
        version="-".join(
            [
                ticket.state,
                *([refund.state, refund.route] if refund else []),
                str(len(talk)),
                str(sum(file.is_open for turn in talk for file, _url in turn.files)),
            ]
        ),
        is_final=ticket.is_final,
        is_bank=is_bank,
        is_returning=ticket.is_about_money
        and (not ticket.is_final or ticket.state == TicketState.RESOLVED),
        is_polling=not ticket.is_final and not needs_account and not needs_answer,
        can_withdraw=_can_withdraw(ticket),
        needs_account=needs_account,
        needs_answer=needs_answer,
        waits_for=_waits_for(ticket),
        expected=_expected(ticket),
        talk=talk,
        can_write=not ticket.is_final and not needs_answer,
        has_papers=(papers.until(ticket) or now) > now,
    )


def _talk(ticket: Ticket, now: datetime) -> tuple[Turn, ...]:
    """What customer and desk told each other; what the seller or colleagues said is not in it."""
    rows = ticket.messages.filter(party=TicketMessage.Party.CUSTOMER).order_by("pk")
    files = attachments.of_messages([ticket.pk])
    return tuple(
        Turn(
            row.text,
            row.at,
            row.author == tickets.SHOPPER,
            tuple((file, _file_url(ticket, file, now)) for file in files.get(row.pk, [])),
        )
        for row in rows
    )


def _file_url(ticket: Ticket, file: Attachment, now: datetime) -> str:
    signed = attachments.link(file, holder=ticket.token, now=now)
    return reverse("support:file", args=[ticket.token, signed])


def question(ticket: Ticket) -> str:
    """What we asked the shopper and wait for; empty when we wait for nothing."""
    if ticket.state != TicketState.WAITING_CUSTOMER:
        return ""
    said = ticket.messages.filter(party=TicketMessage.Party.CUSTOMER).order_by("-pk").first()
    return said.text if said else ""


def promise(payment: Payment, *, now: datetime) -> tuple[str, str]:
    """What cancelling now would mean, as a sentence and its small print. Raises NotPaid."""
    verdict = refunds.verdict(payment, now)
    expected = _("요청이 승인되면 늦어도 {day}까지 끝나요.").format(day=day(verdict.expected_on))
    if verdict.route is None:
        return _("돌려드릴 방법을 상담원이 확인해요."), _(
            "통신사에서 취소할 수 없고 계좌로도 보낼 수 없는 결제라 판매자에게 알아봐요."
        )
    if verdict.route == Route.CARRIER:
        left_won = refunds.remaining_won(payment)
        title = (
            _("지금 취소하면 남은 {amount}이 {month} 휴대폰 요금에서 빠져요.")
            if left_won < payment.amount_won
            else _("지금 취소하면 {month} 휴대폰 요금에서 빠져요.")
        ).format(amount=won(left_won), month=month(payment.billing_month))
        detail = _("통신사 취소는 {until}까지 할 수 있어요. 그 뒤에는 계좌로 돌려드려요.").format(
            until=until(verdict.deadline)
        )
        return title, f"{detail} {expected}"
    title = str(routes.because(verdict.reason))
    detail = _("{month} 요금은 그대로 청구되고, 받으실 계좌는 승인 뒤에 물어볼게요.").format(
        month=month(payment.billing_month)
    )
    return title, f"{detail} {expected}"


def promise_at_once(payment: Payment, *, now: datetime) -> tuple[str, str]:
    """What cancelling without an agent would mean. Raises NotPaid."""
    verdict = refunds.verdict(payment, now)
    title = _("지금 취소하면 {month} 휴대폰 요금에서 빠져요.").format(
        month=month(payment.billing_month)
    )
    if verdict.reason == Reason.TOO_EARLY:
        detail = _("결제한 지 얼마 안 돼 {until}에 통신사로 보내요.").format(
            until=until(verdict.not_before)
        )
    else:
        detail = _("상담원을 기다리지 않고 바로 통신사에 보내요.")
    expected = _("늦어도 {day}까지 끝나요.").format(day=day(verdict.expected_on))
    return title, f"{detail} {expected}"


def _is_bank(ticket: Ticket, now: datetime) -> bool:
    if ticket.refund is not None:
        return ticket.refund.route == Route.BANK
    if ticket.payment is None or ticket.is_final or not ticket.is_about_money:
        return False
    return refunds.verdict(ticket.payment, now).route == Route.BANK


def _needs_account(ticket: Ticket) -> bool:
    return (
        ticket.state == TicketState.APPROVED
        and ticket.refund is not None
        and ticket.refund.state == RefundState.AWAITING_ACCOUNT
    )


def _can_withdraw(ticket: Ticket) -> bool:
    if ticket.state in TICKET_UNDECIDED:
        return True
    return (
        ticket.state == TicketState.APPROVED
        and ticket.refund is not None
        and ticket.refund.state in _MONEY_RESTS
    )


def _headline(ticket: Ticket, now: datetime) -> tuple[str, str]:
    refund = ticket.refund
    if not ticket.is_about_money and ticket.is_final:
        return _headline_of_answer(ticket, now)
    if ticket.state == TicketState.REJECTED:
        return _("취소해 드리지 못했어요"), _("돈은 움직이지 않았어요. 이유는 아래에 있어요.")
    if ticket.state == TicketState.WITHDRAWN:
        return _("요청을 거두셨어요"), _("결제는 그대로예요. 언제든 다시 요청할 수 있어요.")
    if ticket.state == TicketState.DUPLICATE:
        return _("같은 요청이 이미 있어요"), _("먼저 들어온 요청에서 이어서 처리해요.")
    if ticket.state == TicketState.WAITING_CUSTOMER:
        return _("여쭤볼 것이 있어요"), _("답해 주시면 이어서 확인해요.")
    if ticket.state == TicketState.WAITING_MERCHANT:
        return (
            _("{day}까지 답을 드릴게요").format(day=day(ticket.due_at)),
            _("지금은 판매자의 답을 기다리고 있어요. 결과는 이메일로 알려드려요.")
            if ticket.contact == Ticket.Contact.EMAIL
            else _("지금은 판매자의 답을 기다리고 있어요. 결과는 문자로 알려드려요."),
        )
    if refund is None:
        return (
            _("{day}까지 답을 드릴게요").format(day=day(ticket.due_at)),
            _("지금은 상담원이 확인하고 있어요. 결과는 이메일로 알려드려요.")
            if ticket.contact == Ticket.Contact.EMAIL
            else _("지금은 상담원이 확인하고 있어요. 결과는 문자로 알려드려요."),
        )
    return _refund_headline(ticket, refund)


def _headline_of_answer(ticket: Ticket, now: datetime) -> tuple[str, str]:
    """How a case ended that was not about money."""
    if ticket.state == TicketState.REJECTED:
        return _("요청을 들어드리지 못했어요"), _("이유는 아래에 있어요.")
    if ticket.state == TicketState.WITHDRAWN:
        return _("요청을 거두셨어요"), _("언제든 다시 요청할 수 있어요.")
    if ticket.state == TicketState.DUPLICATE:
        return _("같은 요청이 이미 있어요"), _("먼저 들어온 요청에서 이어서 처리해요.")
    ends_at = papers.until(ticket)
    if ends_at is None:
        return _("답을 드렸어요"), _("아래에서 읽을 수 있어요.")
    if ends_at <= now:
        return _("볼 수 있는 기간이 지났어요"), _("다시 필요하면 다시 요청해 주세요.")
    sentence = _("{until}까지 내 결제에서 본인 확인 뒤에 볼 수 있어요.").format(
        until=until(ends_at)
    )
    if ticket.kind == Ticket.Kind.PURCHASE_HISTORY:
        return _("구매내역을 준비했어요"), sentence
    return _("판매자가 구매자 정보를 알려 왔어요"), sentence


def _refund_headline(ticket: Ticket, refund: Refund) -> tuple[str, str]:
    is_bank = refund.route == Route.BANK
    amount = won_of(refund.amount_won, refund.payment.amount_won)
    if ticket.state == TicketState.RESOLVED or refund.state == RefundState.SUCCEEDED:
        return _("{amount}을 돌려드렸어요").format(amount=amount), (
            _("끝자리 {last4} 계좌로 보냈어요.").format(last4=refund.account_last4)
            if is_bank
            else _("{month} 휴대폰 요금에서 빠졌어요.").format(
                month=month(refund.payment.billing_month)
            )
        )
    if refund.state == RefundState.AWAITING_ACCOUNT:
        return _("돌려받을 계좌를 알려 주세요"), (
            _("통신사가 일부 취소를 하지 않아 {amount}을 계좌로 돌려드려요.")
            if refund.route_reason == Reason.PART_NOT_SUPPORTED
            else _("통신사에서 취소할 수 없어 {amount}을 계좌로 돌려드려요.")
        ).format(amount=amount)
    if refund.state == RefundState.FAILED:
        return (
            _("조금 더 걸리고 있어요"),
            _("취소가 한 번에 되지 않아 상담원이 확인하고 있어요. 결과는 이메일로 알려드려요.")
            if ticket.contact == Ticket.Contact.EMAIL
            else _("취소가 한 번에 되지 않아 상담원이 확인하고 있어요. 결과는 문자로 알려드려요."),
        )
    title = _("{day}까지 돌려드릴게요").format(day=day(refund.expected_on))
    if refund.state == RefundState.SCHEDULED:
        return title, (_("곧 계좌로 보내요.") if is_bank else _("곧 통신사에 취소를 보내요."))
    return title, (
        _("지금은 은행의 답을 기다리고 있어요.")
        if is_bank
        else _("지금은 통신사의 답을 기다리고 있어요.")
    )


def _stamp(ticket: Ticket) -> Stamp:
    is_objection = ticket.kind == Ticket.Kind.OBJECTION
    if not ticket.is_about_money:
        return _stamp_of_question(ticket)
    if ticket.state == TicketState.RESOLVED:
        is_part = ticket.payment is not None and refunds.remaining_won(ticket.payment) > 0
        return Stamp(_("일부 환불됨") if is_part else _("환불됨"), "done")
    if ticket.state == TicketState.REJECTED:
        return Stamp(_("이의신청 거절") if is_objection else _("취소 거절"), "bad")
    if ticket.state in (TicketState.WITHDRAWN, TicketState.DUPLICATE):
        return Stamp(_("결제됨"), "done")
    if ticket.state == TicketState.APPROVED:
        return Stamp(_("취소 중"), "note")
    return Stamp(_("이의신청됨") if is_objection else _("취소 요청됨"), "wait")


def _stamp_of_question(ticket: Ticket) -> Stamp:
    if ticket.state == TicketState.ANSWERED:
        return Stamp(_("답변 완료"), "done")
    if ticket.state == TicketState.REJECTED:
        return Stamp(_("요청 거절"), "bad")
    if ticket.is_final:
        return Stamp(_("결제됨"), "done")
    return Stamp(_("확인 중"), "wait")


def _bill_line(ticket: Ticket, *, is_bank: bool) -> str:
    if ticket.payment is None:
        return ""
    name = month(ticket.payment.billing_month)
    closed = (TicketState.REJECTED, TicketState.WITHDRAWN, TicketState.DUPLICATE)
    if ticket.state in closed or not ticket.is_about_money:
        return _("{month} 휴대폰 요금에 청구").format(month=name)
    if is_bank:
        is_done = ticket.state == TicketState.RESOLVED
        return _("계좌로 돌려드렸어요") if is_done else _("계좌로 돌려드려요")
    refund, is_done = ticket.refund, ticket.state == TicketState.RESOLVED
    if refund is not None and refund.amount_won < ticket.payment.amount_won:
        part = (
            _("{month} 요금에서 {amount} 빠졌어요")
            if is_done
            else _("{month} 요금에서 {amount} 빠져요")
        )
        return part.format(month=name, amount=won(refund.amount_won))
    whole = _("{month} 요금에서 빠졌어요") if is_done else _("{month} 요금에서 빠져요")
    return whole.format(month=name)


def _steps(ticket: Ticket, *, is_bank: bool) -> tuple[Step, ...]:
    received = Step(_("접수했어요"), ticket.about, DONE, ticket.accepted_at)
    if ticket.state in TICKET_UNDECIDED:
        waiting = {
            TicketState.WAITING_CUSTOMER: _("답을 기다리고 있어요"),
            TicketState.WAITING_MERCHANT: _("판매자의 답을 기다리고 있어요"),
        }
        checking = Step(
            waiting.get(TicketState(ticket.state), _("상담원이 확인하고 있어요")),
            _("답해 주시면 이어서 확인해요")
            if ticket.is_clock_stopped
            else _("늦어도 {until}까지 답을 드려요").format(until=until(ticket.due_at)),
            CURRENT,
        )
        if not ticket.is_about_money:
            return received, checking, Step(_("답을 드려요"), "", TODO)
        return received, checking, *_money_steps(ticket, is_bank=is_bank)
    if not ticket.is_about_money:
        return received, _last_step_of_question(ticket)
    if ticket.state in (TicketState.WITHDRAWN, TicketState.DUPLICATE):
        return received, Step(_("요청을 닫았어요"), _("결제는 그대로예요"), CURRENT)
    checked = (
        _("바로 취소할 수 있는 결제예요")
        if ticket.decided_by == tickets.SHOPPER
        else _("상담원이 확인했어요")
    )
    if ticket.state == TicketState.REJECTED:
        refused = Step(_("취소해 드리지 못했어요"), ticket.decision_reason, BAD)
        return received, Step(checked, "", DONE, ticket.decided_at), refused
    decided = Step(checked, ticket.decision_reason, DONE, ticket.decided_at)
    return received, decided, *_money_steps(ticket, is_bank=is_bank)


def _last_step_of_question(ticket: Ticket) -> Step:
    if ticket.state in (TicketState.WITHDRAWN, TicketState.DUPLICATE):
        return Step(_("요청을 닫았어요"), "", CURRENT)
    if ticket.state == TicketState.REJECTED:
        return Step(_("요청을 들어드리지 못했어요"), ticket.decision_reason, BAD, ticket.decided_at)
    return Step(_("답을 드렸어요"), ticket.decision_reason, DONE, ticket.decided_at)


def _money_steps(ticket: Ticket, *, is_bank: bool) -> tuple[Step, Step]:
    refund = ticket.refund
    end = _("계좌로 입금돼요") if is_bank else _("휴대폰 요금에서 빠져요")
    is_by_mail = ticket.contact == Ticket.Contact.EMAIL
    after = _("끝나면 이메일로 알려드려요") if is_by_mail else _("끝나면 문자로 알려드려요")
    start = _("계좌로 보내요") if is_bank else _("통신사에 취소를 보내요")
    if refund is None:
        return Step(start, "", TODO), Step(end, after, TODO)
    if refund.state == RefundState.SUCCEEDED:
        sent = _("계좌로 보냈어요") if is_bank else _("통신사에 취소를 보냈어요")
        arrived = _("계좌로 입금했어요") if is_bank else _("휴대폰 요금에서 빠졌어요")
        return Step(sent, "", DONE), Step(arrived, "", DONE, refund.confirmed_at)
    if refund.state == RefundState.AWAITING_ACCOUNT:
        return Step(_("계좌를 기다리고 있어요"), _("위에 적어 주세요"), CURRENT), Step(
            end, after, TODO
        )
    if refund.state in (RefundState.SENDING, RefundState.UNKNOWN):
        start = _("은행에 보냈어요") if is_bank else _("통신사에 취소를 보냈어요")
        return Step(start, _("보통 몇 분이면 답이 와요"), CURRENT), Step(end, after, TODO)
    if refund.state == RefundState.FAILED:
        return Step(start, _("상담원이 다시 확인하고 있어요"), CURRENT), Step(end, after, TODO)
    return Step(start, _("곧 보내요"), CURRENT), Step(end, after, TODO)


def _waits_for(ticket: Ticket) -> str:
    """Whose turn it is; empty when nobody's."""
    refund = ticket.refund
    if ticket.is_final:
        return ""
    if ticket.state == TicketState.WAITING_CUSTOMER:
        return _("고객님의 답")
    if ticket.state == TicketState.WAITING_MERCHANT:
        return _("상점의 답")
    if refund is None or refund.state == RefundState.FAILED:
        return _("상담원의 확인")
    if refund.state == RefundState.AWAITING_ACCOUNT:
        return _("고객님이 알려 주실 계좌")
    if refund.state in (RefundState.SENDING, RefundState.UNKNOWN):
        return _("은행의 답") if refund.route == Route.BANK else _("통신사의 답")
    return _("저희가 보낼 차례예요")


def _expected(ticket: Ticket) -> str:
    """The day named for the next word, or for the money; empty when all is said."""
    if ticket.is_final or ticket.is_clock_stopped:
        return ""
    if ticket.refund is None:
        return _("{day}까지 답을 드려요").format(day=day(ticket.due_at))
    if ticket.refund.state in (RefundState.AWAITING_ACCOUNT, RefundState.FAILED):
        return ""
    return _("{day}까지 돌려드려요").format(day=day(ticket.refund.expected_on))
