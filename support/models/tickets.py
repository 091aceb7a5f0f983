"""A request to the customer centre: its clocks and its history."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Case, Q, When
from django.db.models.functions import Least
from django.utils.translation import gettext_lazy as _

from payments import encryption
from payments.models import Payment, Refund
from payments.models.moving import Moving
from payments.models.payments import new_token
from payments.subscriber import mask_email
from support import clocks
from support.models.keeping import append_only_for_three_years
from support.states import TICKET_FINAL, TICKET_MOVES, TICKET_OPEN, UNBORN, TicketState

_PLACE_PHONE = "ticket.phone"
_PLACE_EMAIL = "ticket.email"
_FIRST_NUMBER = 20_000
# In the place of a reason that must be there and was forgotten (`support.forgetting`).
FORGOTTEN = "–"


class Ticket(Moving):
    """One request. What it wants of the money is the refund's business; this row has the words."""

    moves = TICKET_MOVES

    class State(models.TextChoices):
        """Words for the states of `support.states`."""

        NEW = TicketState.NEW.value, _("새 요청")
        IN_PROGRESS = TicketState.IN_PROGRESS.value, _("확인 중")
        WAITING_CUSTOMER = TicketState.WAITING_CUSTOMER.value, _("고객 답변 대기")
        WAITING_MERCHANT = TicketState.WAITING_MERCHANT.value, _("판매자 답변 대기")
        APPROVED = TicketState.APPROVED.value, _("승인됨")
        REJECTED = TicketState.REJECTED.value, _("거절됨")
        RESOLVED = TicketState.RESOLVED.value, _("완료")
        ANSWERED = TicketState.ANSWERED.value, _("답변 완료")
        WITHDRAWN = TicketState.WITHDRAWN.value, _("고객이 거둠")
        DUPLICATE = TicketState.DUPLICATE.value, _("같은 요청 있음")

    class Kind(models.TextChoices):
        """What is asked; each kind has its letter in the number and clock (domain F4)."""

        CANCELLATION = "C", _("취소 요청")
        OBJECTION = "O", _("이의신청")
        BUYER_INFORMATION = "B", _("구매자정보")
        PURCHASE_HISTORY = "H", _("구매내역")
        OTHER = "E", _("기타 문의")

    class Source(models.TextChoices):
        """How it reached us: also in writing, by phone and fax (정보통신망법 시행령 §66의9)."""

        WEB = "WEB", _("웹")
        PHONE = "PHONE", _("전화")
        FAX = "FAX", _("팩스")
        LETTER = "LETTER", _("서면")
        MAIL = "MAIL", _("이메일")

    class Contact(models.TextChoices):
        """Which way answers go: wherever we can, or only where the customer wants them."""

        ANY = "", _("문자와 이메일로")
        SMS = "SMS", _("문자로")
        EMAIL = "EMAIL", _("이메일로")

    class Reason(models.TextChoices):
        """Why, in the payer's words; the legal basis follows from it (domain §6)."""

        CHANGE_OF_MIND = "CHANGE_OF_MIND", _("단순 변심")
        MISDESCRIBED = "MISDESCRIBED", _("상품이 설명과 달라요")
        NOT_DELIVERED = "NOT_DELIVERED", _("상품을 받지 못했어요")
        UNAUTHORIZED = "UNAUTHORIZED", _("내가 결제하지 않았어요")
        MINOR = "MINOR", _("미성년자가 결제했어요")
        DUPLICATE = "DUPLICATE", _("같은 결제가 두 번 됐어요")
        OTHER = "OTHER", _("다른 이유가 있어요")

    # What may end with money going back; the others end with an answer.
    ABOUT_MONEY = frozenset({"C", "O"})

    kind = models.CharField(_("종류"), max_length=1, choices=Kind.choices, default="C")
    source = models.CharField(_("들어온 길"), max_length=6, choices=Source.choices, default="WEB")
    # Money may be leaving a line right now: it stands above every deadline.
    is_priority = models.BooleanField(_("먼저 볼 것"), default=False)
    payment = models.ForeignKey(
        Payment,
        on_delete=models.PROTECT,
        related_name="tickets",
        null=True,
        blank=True,
        verbose_name=_("결제"),
    )
    state = models.CharField(_("상태"), max_length=20, choices=State.choices, default=UNBORN)
    reason = models.CharField(_("이유"), max_length=20, choices=Reason.choices)
    text = models.TextField(_("내용"), blank=True)
    product_text = models.CharField(_("상품"), max_length=100, blank=True)
    payment_date = models.DateField(_("결제일"), null=True, blank=True)

    phone_sealed = models.TextField(blank=True)
    phone_bidx = models.CharField(max_length=64, blank=True, db_index=True)
    phone_last4 = models.CharField(max_length=4, blank=True)
    email_sealed = models.TextField(blank=True)
    contact = models.CharField(max_length=5, choices=Contact.choices, blank=True, default="")
    email_bidx = models.CharField(max_length=64, blank=True, default="", db_default="")
    language = models.CharField(max_length=5, default="ko")
    token = models.CharField(max_length=64, unique=True, default=new_token)

    accepted_at = models.DateTimeField(_("접수"))
    due_at = models.DateTimeField(_("답변 기한"))
    # A clock that stopped: what it had left, and since when it runs again (`support.clocks`).
    clock_left = models.DurationField(null=True, blank=True)
    clock_at = models.DateTimeField(null=True, blank=True)
    # Until when the carrier still cancels; None once the money can only go to a bank account.
    cancel_cutoff_at = models.DateTimeField(_("통신사 취소 마감"), null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=80, blank=True)
    decision_reason = models.CharField(max_length=500, blank=True)
    refund = models.OneToOneField(
        Refund, on_delete=models.PROTECT, related_name="ticket", null=True, blank=True
    )
    result_notified_at = models.DateTimeField(null=True, blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="tickets",
        null=True,
        blank=True,
        verbose_name=_("맡은 사람"),
    )
    duplicate_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="duplicates", null=True, blank=True
    )
    reopened_at = models.DateTimeField(_("다시 연 때"), null=True, blank=True)
    # The nearer of both clocks, kept by the database so that the queue can be paged by it; what is
    # urgent was due when it came.
    deadline_at = models.GeneratedField(
        expression=Case(
            When(is_priority=True, then="accepted_at"),
            default=Least("due_at", "cancel_cutoff_at"),
        ),
        output_field=models.DateTimeField(),
        db_persist=True,
    )

    SEALED = {"phone_sealed": _PLACE_PHONE, "email_sealed": _PLACE_EMAIL}

    class Meta:
        verbose_name = _("요청")
        verbose_name_plural = _("요청 목록")
        permissions = [
            ("assign_ticket", "Can hand a case to somebody else"),
            ("view_board", "Can see how the desk does"),
            ("reveal_ticket", "Can read the customer's personal data"),
        ]
        constraints = [
            models.CheckConstraint(
                name="ticket_state", condition=Q(state__in=[s.value for s in TicketState])
            ),
            models.CheckConstraint(
                name="ticket_decision_has_reason",
                condition=~Q(state__in=["APPROVED", "REJECTED", "RESOLVED", "ANSWERED"])
                | (~Q(decision_reason="") & ~Q(decided_by="") & Q(decided_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="ticket_approved_has_refund",
                condition=~Q(state__in=["APPROVED", "RESOLVED"]) | Q(refund__isnull=False),
            ),
            models.CheckConstraint(
                name="ticket_answered_is_not_about_money",
                condition=~Q(state="ANSWERED")
                | (Q(kind__in=["B", "H", "E"]) & Q(refund__isnull=True)),
            ),
            models.CheckConstraint(
                name="ticket_refund_is_about_money",
                condition=Q(refund__isnull=True) | Q(kind__in=["C", "O"]),
            ),
            models.UniqueConstraint(
                name="ticket_one_open_per_payment",
                fields=["payment"],
                condition=Q(state__in=sorted(TICKET_OPEN), kind__in=["C", "O"]),
            ),
            models.UniqueConstraint(
                name="ticket_one_open_question_per_payment",
                fields=["payment", "kind"],
                condition=Q(state__in=sorted(TICKET_OPEN), kind__in=["B", "H", "E"]),
            ),
            # Somebody who calls twice about no payment in particular is one matter.
            models.UniqueConstraint(
                name="ticket_one_open_question_per_line",
                fields=["phone_bidx", "kind"],
                condition=Q(
                    state__in=sorted(TICKET_OPEN), kind__in=["H", "E"], payment__isnull=True
                )
                & ~Q(phone_last4=""),
            ),
        ]
        indexes = [
            models.Index(
                name="ticket_queue",
                fields=["deadline_at", "id"],
                condition=Q(state__in=sorted(TICKET_OPEN)),
            ),
            models.Index(name="ticket_accepted", fields=["accepted_at"]),
            models.Index(name="ticket_decided", fields=["decided_at"]),
            models.Index(name="ticket_last4", fields=["phone_last4", "-id"]),
            models.Index(
                name="ticket_assignee_queue",
                fields=["assignee", "deadline_at", "id"],
                condition=Q(state__in=sorted(TICKET_OPEN)),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def log(self, happened: str, *, at: datetime, by: str, reason: str = "") -> None:
        """Write into the history what changed the case without moving it. Caller holds the lock."""
        TicketEvent.objects.create(
            ticket=self,
            from_state=self.state,
            to_state=self.state,
            event=happened,
            actor=by,
            reason=reason,
            occurred_at=at,
        )

    def set_contact(self, *, phone: str, email: str) -> None:
        """Remember where the answer goes, sealed; the caller saves. Either may be empty."""
        self.phone_sealed = encryption.seal(phone, place=_PLACE_PHONE)
        # Whoever gave none has nothing in common with the others who did not.
        self.phone_bidx = encryption.blind_index(phone, kind="phone") if phone else ""
        self.phone_last4 = phone[-4:]
        self.email_sealed = encryption.seal(email, place=_PLACE_EMAIL)
        self.email_bidx = email_index(email)

    @property
    def number(self) -> str:
        """What a person reads out on the telephone: `C-20417`."""
        return f"{self.kind}-{_FIRST_NUMBER + (self.pk or 0)}"

    @property
    def phone(self) -> str:
        """The canonical number the answer goes to; empty when it goes by mail only."""
        return encryption.unseal(self.phone_sealed, place=_PLACE_PHONE)

    @property
    def email(self) -> str:
        """Where the answer goes besides the phone; empty when none was given."""
        return encryption.unseal(self.email_sealed, place=_PLACE_EMAIL)

    @property
    def masked_phone(self) -> str:
        """`010-****-1234`."""
        return f"010-****-{self.phone_last4}" if self.phone_last4 else ""

    @property
    def masked_email(self) -> str:
        """`a***@example.kr`; empty when none was given."""
        return mask_email(self.email) if self.email_sealed else ""

    @property
    def is_about_money(self) -> bool:
        """Whether the good end is a refund; of the others it is an answer."""
        return self.kind in self.ABOUT_MONEY

    @property
    def about(self) -> str:
        """What it is in a few words: why the money should come back, else what is asked for."""
        return self.get_reason_display() if self.is_about_money else self.get_kind_display()

    @property
    def counted_since(self) -> datetime:
        """When the clock of this round began: on arrival, or when the case was opened again."""
        return self.reopened_at or self.accepted_at

    @property
    def is_clock_stopped(self) -> bool:
        """Whether our own time stands still because the customer owes us an answer."""
        return self.state == TicketState.WAITING_CUSTOMER and self.clock_left is not None

    def due_by(self, hours: clocks.Hours) -> datetime:
        """The deadline of a running clock under these opening hours."""
        if self.clock_left is None or self.clock_at is None:
            return clocks.first_due(self.kind, self.counted_since, hours)
        return clocks.due_after_stop(
            self.clock_left, since=self.counted_since, resumed_at=self.clock_at, hours=hours
        )

    def stop_clock(self, hours: clocks.Hours, *, at: datetime) -> None:
        """The customer owes us an answer from now on; the caller saves."""
        if not clocks.can_stop(self.kind):
            return
        self.clock_left = clocks.left_at(at, self.due_at, hours)
        self.clock_at = None
        self.due_at = clocks.due_while_stopped(self.due_at, since=self.counted_since, at=at)

    def run_clock(self, hours: clocks.Hours, *, at: datetime) -> None:
        """The answer is here: go on with what was left; the caller saves."""
        # A case that waited already before clocks could stop keeps its deadline.
        if self.clock_left is None:
            return
        self.clock_at = at
        self.due_at = self.due_by(hours)

    @property
    def nearest_deadline_at(self) -> datetime:
        """The nearer of the legal answer and the carrier's cut-off: what the queue is sorted by."""
        return min(self.due_at, self.cancel_cutoff_at or self.due_at)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in TICKET_FINAL


def email_index(address: str) -> str:
    """What a mail address is found by, however it is written; empty for none."""
    plain = address.strip().lower()
    return encryption.blind_index(plain, kind="email") if plain else ""


def pk_of_number(number: str) -> int | None:
    """The row behind `C-20417` as somebody typed it; None when it is no ticket number."""
    letter, _, digits = number.strip().upper().partition("-")
    if letter not in Ticket.Kind.values or not (digits.isascii() and digits.isdigit()):
        return None
    pk = int(digits) - _FIRST_NUMBER
    return pk if 0 < pk < 2**62 else None


class TicketEvent(models.Model):
    """One move of a ticket. Written once, never changed."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="events")
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20)
    event = models.CharField(max_length=40, blank=True)
    actor = models.CharField(max_length=80)
    reason = models.CharField(max_length=500, blank=True)
    occurred_at = models.DateTimeField()

    class Meta:
        triggers = append_only_for_three_years("reason")

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.from_state} → {self.to_state}"
