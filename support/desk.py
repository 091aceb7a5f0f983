"""What an agent needs to decide a case, gathered from ticket, payment and ledger. Only reads."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from payments import refunds
from payments.calendar import Reason, Route, Verdict
from payments.models import Account, LedgerTransaction, Payment
from payments.money import OverRefund
from payments.states import PaymentState, RefundState
from payments.templatetags.won import day, month, until, won, won_of
from support import routes, tickets
from support.models import Attachment, InternalNote, Ticket, TicketEvent, TicketMessage
from support.states import TICKET_UNDECIDED, TicketState

_SOON = timedelta(days=1)
_URGENT = timedelta(hours=6)


@dataclass(frozen=True)
class Clock:
    """The nearer deadline in words; `tone` is bad, wait or note."""

    text: str
    tone: str
    at: datetime | None


@dataclass(frozen=True)
class Happening:
    """One line of the payment's history."""

    name: str
    note: str
    at: datetime


@dataclass(frozen=True)
class Said:
    """One turn of the conversation, or an internal note: `kind` is customer, merchant or note.

    `files` are pairs of an attachment and its link.
    """

    author: str
    text: str
    kind: str
    at: datetime
    number: str
    is_by_mail: bool = False
    files: Sequence[tuple[Attachment, str]] = ()


@dataclass(frozen=True)
class Deed:
    """What somebody did to a case since it was looked at, with the words they wrote, if any."""

    who: str
    name: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Outcome:
    """What approving this much will do right now; `is_possible` is False where no route leads.

    `part` says what giving back less would mean, `can_be_part` whether it is possible.
    """

    title: str
    details: tuple[str, ...]
    is_possible: bool
    is_bank: bool
    because: Promise
    expected_on: date | None
    amount_won: int
    remaining_won: int
    part: str
    can_be_part: bool
    ledger: tuple[tuple[str, int], ...]


def clock(ticket: Ticket, now: datetime) -> Clock:
    """The chip beside a case."""
    if ticket.is_final:
        return Clock(_("닫힘"), "note", None)
    if ticket.state not in TICKET_UNDECIDED:
        return _refund_clock(ticket)
    at = ticket.nearest_deadline_at
    is_carrier = at == ticket.cancel_cutoff_at
    left = at - now
    if ticket.is_clock_stopped and (not is_carrier or left > _SOON * 2):
        return _stopped_clock(ticket)
    tone = "bad" if left < _URGENT else "wait" if left < _SOON * 2 else "note"
    if left <= timedelta(0):
        words = _("통신사 취소 마감 지남") if is_carrier else _("답변 기한 지남")
        return Clock(words, "wait" if is_carrier else "bad", at)
    when = _left(left) if left < _SOON else until(at)
    words = _("통신사 취소 마감 {when}") if is_carrier else _("답변 기한 {when}")
    return Clock(words.format(when=when), tone, at)


def deadlines(ticket: Ticket, now: datetime) -> list[tuple[str, str]]:
    """Both clocks of an undecided case in full: what runs out, and when or how it stands."""
    if ticket.state not in TICKET_UNDECIDED:
        return []
    lines = []
    if ticket.is_clock_stopped:
        lines.append((_("답변 시계"), _stopped_clock(ticket).text))
        if ticket.due_at > now:
            lines.append((_("늦어도 (법정)"), until(ticket.due_at)))
    else:
        late = _("{until} 지남") if ticket.due_at <= now else "{until}"
        lines.append((_("답변 기한"), late.format(until=until(ticket.due_at))))
    if ticket.cancel_cutoff_at is not None:
        late = _("{until} 지남") if ticket.cancel_cutoff_at <= now else "{until}"
        lines.append((_("통신사 취소 마감"), late.format(until=until(ticket.cancel_cutoff_at))))
    return lines


def headline(ticket: Ticket) -> str:
    """The case in a sentence."""
    if ticket.payment is None:
        if not ticket.product_text:
            return ticket.get_kind_display()
        return _("{product}에 관한 요청").format(product=ticket.product_text)
    if not ticket.is_about_money:
        return _("{item}, {amount}에 관한 {kind}").format(
            item=ticket.payment.item_name,
            amount=won(ticket.payment.amount_won),
            kind=ticket.get_kind_display(),
        )
    if ticket.kind == Ticket.Kind.OBJECTION:
        words = (
            _("{item}, {amount}을 결제하지 않았다는 신고")
            if ticket.reason == Ticket.Reason.UNAUTHORIZED
            else _("{item}, {amount}에 대한 이의신청")
        )
        return words.format(item=ticket.payment.item_name, amount=won(ticket.payment.amount_won))
    return _("{item}, {amount}을 취소해 달라는 요청").format(
        item=ticket.payment.item_name, amount=won(ticket.payment.amount_won)
    )


def outcome(payment: Payment, *, now: datetime, amount_won: int | None = None) -> Outcome:
    """What approving this much does, or all that is left: route, words and postings to come.

    `amount_won` is not more than is left. Raises calendar.NotPaid.
    """
    remaining_won = refunds.remaining_won(payment)
    wanted_won = remaining_won if amount_won is None else amount_won
    verdict = refunds.verdict(payment, now, amount_won=wanted_won)
    is_bank = verdict.route == Route.BANK
    part, can_be_part = _part(payment, verdict, remaining_won, now)
    return Outcome(
        title=_outcome_title(payment, verdict, wanted_won),
        details=tuple(_outcome_details(payment, verdict)),
        is_possible=verdict.route is not None,
        is_bank=is_bank,
        because=routes.because(verdict.reason),
        expected_on=verdict.expected_on,
        amount_won=wanted_won,
        remaining_won=remaining_won,
        part=part,
        can_be_part=can_be_part,
        ledger=_ledger(payment, wanted_won, is_bank=is_bank) if wanted_won else (),
    )


def history(ticket: Ticket, names: dict[str, str]) -> list[Happening]:
    """The payment from the opened window to this request, oldest first."""
    payment = ticket.payment
    lines = [
        Happening(ticket_words(event), who(event.actor, names), event.occurred_at)
        for event in ticket.events.order_by("occurred_at", "pk")
    ]
    if payment is None:
        return lines
    before = [Happening(_("결제창 열림"), payment.merchant.name, payment.created_at)]
    before += [
        Happening(_payment_words(event.to_state), _fact(payment, event.to_state), event.occurred_at)
        for event in payment.events.order_by("occurred_at", "pk")
        if event.to_state != PaymentState.CREATED
    ]
    before += [
        Happening(_("문자 보냄"), message.to_masked, message.done_at)
        for message in payment.messages.filter(channel="SMS", done_at__isnull=False)
        if message.done_at is not None
    ]
    if ticket.refund is not None:
        before += [
            Happening(_refund_words(event.to_state), event.reason, event.occurred_at)
            for event in ticket.refund.events.order_by("occurred_at", "pk")
        ]
    return sorted([*before, *lines], key=lambda happening: happening.at)


def conversation(
    ticket: Ticket,
    names: dict[str, str],
    files: Mapping[int, Sequence[tuple[Attachment, str]]],
) -> list[Said]:
    """Everything said about the case and those merged into it, notes among it, oldest first.

    `files` are those of each message, by its id.
    """
    same = Q(ticket=ticket) | Q(ticket__duplicate_of=ticket)
    kinds = {TicketMessage.Party.CUSTOMER: "customer", TicketMessage.Party.MERCHANT: "merchant"}
    rows = TicketMessage.objects.filter(same).select_related("ticket", "mail")
    turns = [
        Said(
            who(row.author, names),
            row.text,
            kinds[TicketMessage.Party(row.party)],
            row.at,
            row.ticket.number if row.ticket_id != ticket.pk else "",
            files=files.get(row.pk, ()),
            is_by_mail=hasattr(row, "mail"),
        )
        for row in rows
    ]
    turns += [
        Said(who(note.author, names), note_words(note.text), "note", note.at, "")
        for note in ticket.notes.all()
    ]
    return sorted(turns, key=lambda said: said.at)


def deeds(events: list[TicketEvent], names: dict[str, str]) -> list[Deed]:
    """What happened to one case, event by event, each with what was written in the same moment."""
    if not events:
        return []
    said: dict[datetime, str] = {}
    about = {"ticket_id": events[0].ticket_id, "at__in": [event.occurred_at for event in events]}
    for rows in (TicketMessage.objects.filter(**about), InternalNote.objects.filter(**about)):
        said |= {row.at: note_words(row.text) for row in rows}
    return [
        Deed(
            who(event.actor, names),
            ticket_words(event),
            _reason(event, names) or said.get(event.occurred_at, ""),
            event.occurred_at,
        )
        for event in events
    ]


def _reason(event: TicketEvent, names: dict[str, str]) -> str:
    """The words in an event itself; handing a case over keeps there to whom, an answer nothing."""
    if event.reason == tickets.ANSWERED:
        return ""
    is_said = event.from_state != event.to_state or event.event == "ticket.proposed"
    return event.reason if is_said else names.get(event.reason, "")


def line_facts(ticket: Ticket) -> str:
    """How often this line was given money back before, in words."""
    if not ticket.phone_bidx:
        return ""
    before = (
        Ticket.objects.filter(phone_bidx=ticket.phone_bidx, refund__isnull=False)
        .exclude(pk=ticket.pk)
        .count()
    )
    return _("이 회선의 취소 이력 {count}건").format(count=before)


def who(author: str, names: dict[str, str]) -> str:
    """A person's name for an author or actor as rows keep it."""
    if author == "shopper":
        return _("고객")
    if author == "system":
        return _("자동")
    if author == "merchant":
        return _("판매자")
    return names.get(author, _("상담원"))


def note_words(text: str) -> str:
    """The text of a note; notes the machine wrote are kept as codes."""
    if text == "MAIL_BOUNCED":
        return _("고객에게 보낸 메일이 닿지 않았어요. 다른 길로 알려 주세요.")
    if text == "MERCHANT_MAIL_BOUNCED":
        return _("판매자에게 보낸 메일이 닿지 않았어요. 전화로 알려 주세요.")
    if earlier := re.fullmatch(r"AFTER ([COBHE]-\d+)", text):
        return _("닫힌 요청 {number}에 이어 온 메일이에요.").format(number=earlier[1])
    if text == "ROUTE_BANK":
        return _("통신사 취소가 안 되어 계좌 환불로 바뀌었어요.")
    if text == "NOT_ME":
        return _("고객이 본인이 결제하지 않았다고 신고했어요. 회선의 결제를 막았어요.")
    return text


def mask(payment: Payment) -> str:
    """Carrier and masked number of the line."""
    return f"{payment.carrier} {payment.masked_phone}".strip()


def _refund_clock(ticket: Ticket) -> Clock:
    state = ticket.refund.state if ticket.refund else ""
    if state == RefundState.FAILED:
        return Clock(_("환불 실패, 확인 필요"), "bad", None)
    if state == RefundState.AWAITING_ACCOUNT:
        return Clock(_("고객 계좌 기다림"), "note", None)
    return Clock(_("환불 진행 중"), "note", None)


def _stopped_clock(ticket: Ticket) -> Clock:
    left = ticket.clock_left or timedelta(0)
    if left <= timedelta(0):
        words = _("답변 기한 {time} 넘김, 멈춤").format(time=_worktime(-left))
        return Clock(words, "bad", ticket.due_at)
    words = _("멈춤, 업무 시간 {time} 남음").format(time=_worktime(left))
    return Clock(words, "note", ticket.due_at)


def _worktime(span: timedelta) -> str:
    """Hours and minutes of business time; a day here is the desk's, so none are made of it."""
    hours, minutes = divmod(int(span.total_seconds() // 60), 60)
    if not hours:
        return _("{minutes}분").format(minutes=minutes)
    if not minutes:
        return _("{hours}시간").format(hours=hours)
    return _("{hours}시간 {minutes}분").format(hours=hours, minutes=minutes)


def _left(left: timedelta) -> str:
    hours = int(left.total_seconds() // 3600)
    if hours:
        return _("{hours}시간 남음").format(hours=hours)
    return _("{minutes}분 남음").format(minutes=max(1, int(left.total_seconds() // 60)))


def _outcome_title(payment: Payment, verdict: Verdict, wanted_won: int) -> str:
    amount = won_of(wanted_won, payment.amount_won)
    if verdict.route is None:
        return _("지금은 승인할 수 없어요. 돌려줄 길이 없어요.")
    if verdict.route == Route.BANK:
        return _("승인하면: 고객 계좌로 {amount}을 보냅니다.").format(amount=amount)
    name = month(payment.billing_month)
    if wanted_won < payment.amount_won:
        return _("승인하면: {amount}이 {month} 휴대폰 요금에서 빠져요.").format(
            amount=amount, month=name
        )
    return _("승인하면: {month} 휴대폰 요금에서 빠져요.").format(month=name)


def _part(payment: Payment, whole: Verdict, remaining_won: int, now: datetime) -> tuple[str, bool]:
    """What giving back less than what is left would mean, and whether it is possible."""
    if remaining_won <= 1 or whole.route is None:
        return "", False
    verdict = refunds.verdict(payment, now, amount_won=remaining_won - 1)
    why = routes.obstacles(verdict.reasons)
    if verdict.route is None:
        return _("일부만은 승인할 수 없어요. {why}").format(why=why), False
    if verdict.route != whole.route:
        return _("일부만 적으면 계좌로 보내요. {why}").format(why=why), True
    return _("일부만 돌려주려면 금액을 고치세요. 보내기 전에 한 번 더 보여드려요."), True


def _outcome_details(payment: Payment, verdict: Verdict) -> Iterable[str]:
    if verdict.route is None:
        yield routes.obstacles(verdict.reasons)
        yield _("판매자가 직접 돌려주도록 판매자에게 물어보세요")
        return
    if verdict.route == Route.CARRIER:
        yield _("통신사 취소")
        yield _("마감 {until}").format(until=until(verdict.deadline))
    elif verdict.reason == Reason.REFUSED_BY_CARRIER:
        yield _("통신사가 취소를 거절한 결제")
        yield _("고객에게 계좌를 물어봅니다")
    elif verdict.reason == Reason.PART_NOT_SUPPORTED:
        yield _("일부 취소를 하지 않는 통신사")
        yield _("고객에게 계좌를 물어봅니다")
    else:
        yield _("통신사 취소 기한이 지남")
        yield _("고객에게 계좌를 물어봅니다")
    yield _("늦어도 {day}까지").format(day=day(verdict.expected_on))
    yield _("이미 사용한 상품") if payment.used_at else _("아직 사용 전")


def _ledger(payment: Payment, wanted_won: int, *, is_bank: bool) -> tuple[tuple[str, int], ...]:
    """The posting of such a refund, worked out as it will be; nothing when the books differ."""
    names = {
        Account.CARRIER_RECEIVABLE: _("통신사 미수금"),
        Account.REFUND_CLEARING: _("환불 대기금"),
        Account.MERCHANT_PAYABLE: _("판매자 지급금"),
        Account.FEE_REVENUE: _("수수료"),
        Account.VAT_PAYABLE: _("수수료 부가세"),
    }
    account = Account.REFUND_CLEARING if is_bank else Account.CARRIER_RECEIVABLE
    try:
        *shares, taken = LedgerTransaction.refund_lines(payment, wanted_won, account)
    except OverRefund:
        return ()
    return tuple((names[line.account], line.amount_won) for line in (taken, *shares))


def _payment_words(state: str) -> str:
    return {
        "AWAITING_CONFIRMATION": _("통신사가 확인 문자를 보냄"),
        "CONFIRMING": _("문자 확인"),
        "PAID": _("통신사 승인"),
        "DECLINED": _("거절됨"),
        "EXPIRED": _("시간이 지남"),
        "CANCELED": _("고객이 그만둠"),
        "UNKNOWN": _("결과 확인 중"),
        "REVERSED": _("되돌림"),
        "REVIEW": _("사람이 확인 중"),
    }.get(state, state)


def _refund_words(state: str) -> str:
    return {
        "SCHEDULED": _("환불 예약"),
        "AWAITING_ACCOUNT": _("고객 계좌 기다림"),
        "SENDING": _("환불 보냄"),
        "UNKNOWN": _("환불 결과 확인 중"),
        "SUCCEEDED": _("환불 완료"),
        "FAILED": _("환불 실패"),
        "WITHDRAWN": _("환불 거둠"),
    }.get(state, state)


def ticket_words(event: TicketEvent) -> str:
    """A line of a case's history in words."""
    if event.from_state == event.to_state:
        return {
            "ticket.claimed": _("맡음"),
            "ticket.assigned": _("다른 사람에게 맡김"),
            "ticket.released": _("내려놓음"),
            "ticket.noted": _("내부 메모"),
            "ticket.due_moved": _("답변 기한이 옮겨짐: {name}").format(name=event.reason),
            "ticket.replied": _("고객에게 답장"),
            "ticket.customer_wrote": _("고객이 글을 남김"),
            "ticket.proposed": _("승인을 제안함, 다른 사람의 승인이 필요"),
            "ticket.merged": _("같은 요청이 합쳐짐: {number}").format(number=event.reason),
        }.get(event.event, event.event)
    if event.to_state == TicketState.IN_PROGRESS:
        return {
            "WAITING_CUSTOMER": _("고객이 답함"),
            "WAITING_MERCHANT": _("판매자가 답함"),
            "NEW": _("확인 시작"),
        }.get(event.from_state, _("다시 엶"))
    return {
        "NEW": _arrival(event.ticket),
        "WAITING_CUSTOMER": _("고객에게 물음"),
        "WAITING_MERCHANT": _("판매자에게 물음"),
        "APPROVED": _("요청 승인"),
        "REJECTED": _("요청 거절"),
        "RESOLVED": _("요청 완료"),
        "ANSWERED": _("답하고 끝냄"),
        "WITHDRAWN": _("고객이 요청을 거둠"),
        "DUPLICATE": _("같은 요청으로 닫음"),
    }.get(event.to_state, event.to_state)


def _arrival(ticket: Ticket) -> str:
    """The kind, and which way it came when somebody of ours took it down."""
    kind = ticket.get_kind_display()
    if ticket.source == Ticket.Source.WEB:
        return kind
    return _("{kind} ({source})").format(kind=kind, source=ticket.get_source_display())


def _fact(payment: Payment, state: str) -> str:
    return payment.carrier_tx if state == PaymentState.PAID else ""
