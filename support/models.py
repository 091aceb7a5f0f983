"""A request to the customer centre: its clocks, its history and what was said."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Case, Q, When
from django.db.models.functions import Least
from django.utils.translation import gettext_lazy as _

from payments import encryption
from payments.models import Payment, Refund
from payments.models.append_only import append_only
from payments.models.moving import Moving
from payments.models.payments import new_token
from payments.subscriber import mask_email
from support import clocks
from support.states import TICKET_FINAL, TICKET_MOVES, TICKET_OPEN, UNBORN, TicketState

_PLACE_PHONE = "ticket.phone"
_PLACE_EMAIL = "ticket.email"
_FIRST_NUMBER = 20_000


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
        WITHDRAWN = TicketState.WITHDRAWN.value, _("고객이 거둠")
        DUPLICATE = TicketState.DUPLICATE.value, _("같은 요청 있음")

    class Kind(models.TextChoices):
        """What is asked; each kind has its letter in the number and clock (domain F4)."""

        CANCELLATION = "C", _("취소 요청")
        OBJECTION = "O", _("이의신청")
        BUYER_INFORMATION = "B", _("구매자정보")
        PURCHASE_HISTORY = "H", _("구매내역")
        OTHER = "E", _("기타 문의")

    class Reason(models.TextChoices):
        """Why, in the payer's words; the legal basis follows from it (domain §6)."""

        CHANGE_OF_MIND = "CHANGE_OF_MIND", _("단순 변심")
        MISDESCRIBED = "MISDESCRIBED", _("상품이 설명과 달라요")
        NOT_DELIVERED = "NOT_DELIVERED", _("상품을 받지 못했어요")
        UNAUTHORIZED = "UNAUTHORIZED", _("내가 결제하지 않았어요")
        MINOR = "MINOR", _("미성년자가 결제했어요")
        DUPLICATE = "DUPLICATE", _("같은 결제가 두 번 됐어요")
        OTHER = "OTHER", _("다른 이유가 있어요")

    kind = models.CharField(_("종류"), max_length=1, choices=Kind.choices, default="C")
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
                condition=~Q(state__in=["APPROVED", "REJECTED", "RESOLVED"])
                | (~Q(decision_reason="") & ~Q(decided_by="") & Q(decided_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="ticket_approved_has_refund",
                condition=~Q(state__in=["APPROVED", "RESOLVED"]) | Q(refund__isnull=False),
            ),
            models.UniqueConstraint(
                name="ticket_one_open_per_payment",
                fields=["payment"],
                condition=Q(state__in=sorted(TICKET_OPEN)),
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
        """Remember where the answer goes, sealed; the caller saves."""
        self.phone_sealed = encryption.seal(phone, place=_PLACE_PHONE)
        self.phone_bidx = encryption.blind_index(phone, kind="phone")
        self.phone_last4 = phone[-4:]
        self.email_sealed = encryption.seal(email, place=_PLACE_EMAIL)

    @property
    def number(self) -> str:
        """What a person reads out on the telephone: `C-20417`."""
        return f"{self.kind}-{_FIRST_NUMBER + (self.pk or 0)}"

    @property
    def phone(self) -> str:
        """The canonical number the answer goes to."""
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
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.from_state} → {self.to_state}"


class TicketMessage(models.Model):
    """Something said between us and one side about a ticket; that side may read all of it."""

    class Party(models.TextChoices):
        """Who is spoken with. A merchant's words are not for the customer, nor the other way."""

        CUSTOMER = "C", _("고객")
        MERCHANT = "M", _("판매자")

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="messages")
    party = models.CharField(max_length=1, choices=Party.choices, default=Party.CUSTOMER)
    author = models.CharField(max_length=80)
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.author}"


class InternalNote(models.Model):
    """What agents tell each other. Only the desk reads this table: nothing of it ever leaves."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="notes")
    author = models.CharField(max_length=80)
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.author}"


class Reply(models.Model):
    """Words on their way to the customer: on hold, then sent or taken back (`support.replies`)."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="replies")
    text = models.TextField()
    waits = models.BooleanField(default=False)
    author = models.CharField(max_length=80)
    written_at = models.DateTimeField()
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="reply_sent_or_withdrawn",
                condition=Q(sent_at__isnull=True) | Q(withdrawn_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                name="reply_due",
                fields=["due_at"],
                condition=Q(sent_at__isnull=True, withdrawn_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.author}"


class Rating(models.Model):
    """How a customer found the way we handled a case: one row a case, told by its link."""

    class Score(models.TextChoices):
        """The three there are to tap."""

        GOOD = "GOOD", _("좋았어요")
        FAIR = "FAIR", _("보통이에요")
        POOR = "POOR", _("아쉬워요")

    ticket = models.OneToOneField(Ticket, on_delete=models.PROTECT, related_name="rating")
    score = models.CharField(max_length=4, choices=Score.choices)
    text = models.CharField(max_length=300, blank=True)
    # Who had decided the case when it was rated; another round may be another agent's.
    agent = models.CharField(max_length=80)
    given_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(name="rating_given", fields=["given_at"])]

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.score}"


class Presence(models.Model):
    """Somebody of ours has a case open; true until its lease runs out (`support.presence`)."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="presences")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_until = models.DateTimeField()
    writing_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="presence_once", fields=["ticket", "user"]),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.user_id}"


class BulkRun(models.Model):
    """One step that somebody takes on several cases (`support.bulk`); its items are the jobs."""

    class Action(models.TextChoices):
        """What may be done to many at once. Money is decided case by case."""

        ASSIGN = "ASSIGN", _("맡기기")
        ASK = "ASK", _("고객에게 묻기")
        DUPLICATE = "DUPLICATE", _("같은 요청으로 닫기")
        REJECT = "REJECT", _("거절")

    # Of the page it was confirmed on: pressed twice it is still one run.
    key = models.CharField(max_length=64, unique=True, default=new_token)
    action = models.CharField(max_length=10, choices=Action.choices)
    reason = models.CharField(max_length=500, blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True
    )
    first = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="+", null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(name="bulk_run_newest", fields=["by", "-id"])]

    def __str__(self) -> str:
        return f"{self.pk}: {self.action}"


class BulkItem(models.Model):
    """The step on one case: a job with a due time, then what became of it."""

    run = models.ForeignKey(BulkRun, on_delete=models.PROTECT, related_name="items")
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="+")
    # The last change of the case that was known when the run was confirmed.
    seen = models.BigIntegerField()
    result = models.CharField(max_length=12, blank=True)
    due_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="bulk_item_once", fields=["run", "ticket"]),
            models.CheckConstraint(
                name="bulk_item_done_has_result",
                condition=Q(done_at__isnull=True) | ~Q(result=""),
            ),
        ]
        indexes = [
            models.Index(
                name="bulk_item_due",
                fields=["due_at", "id"],
                condition=Q(done_at__isnull=True, dead_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.ticket_id}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be tried."""
        return self.done_at is not None or self.dead_at is not None


class Duty(models.Model):
    """Whether somebody takes cases now, and how many open ones at most (`support.sharing`)."""

    USUAL = 10
    MOST = 99

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="duty"
    )
    is_on_duty = models.BooleanField(default=False)
    capacity = models.PositiveSmallIntegerField(default=USUAL)

    class Meta:
        constraints = [
            models.CheckConstraint(name="duty_capacity", condition=Q(capacity__lte=99)),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.capacity}"


class Macro(models.Model):
    """A ready-made reply with gaps (`support.macros`), for one kind of request or for all."""

    name = models.CharField(_("이름"), max_length=40, unique=True)
    text = models.TextField(_("글"), max_length=300)
    kind = models.CharField(
        _("요청 종류"), max_length=1, choices=Ticket.Kind.choices, blank=True, default=""
    )
    waits = models.BooleanField(_("보낸 뒤 고객의 답을 기다림"), default=False)
    is_active = models.BooleanField(_("씀"), default=True)

    class Meta:
        verbose_name = verbose_name_plural = _("답장 틀")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DayException(models.Model):
    """A day on which the desk's calendar is not the usual one (임시공휴일, a Saturday we work)."""

    day = models.DateField(_("날짜"), unique=True)
    is_open = models.BooleanField(_("일하는 날"), default=False)
    name = models.CharField(_("이름"), max_length=60)

    class Meta:
        verbose_name = verbose_name_plural = _("쉬는 날 예외")
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"


class AuditEntry(models.Model):
    """One link of the trail (`support.audit`). Written once, never changed."""

    class Action(models.TextChoices):
        """What was done, or tried."""

        REVEALED = "REVEALED", _("개인정보 봄")
        EXPORTED = "EXPORTED", _("파일로 받음")
        DENIED = "DENIED", _("권한이 없어 막힘")
        DELETED = "DELETED", _("지움")
        DECIDED = "DECIDED", _("돈에 대해 결정함")
        FACTOR_ON = "FACTOR_ON", _("2단계 인증 켬")
        FACTOR_OFF = "FACTOR_OFF", _("2단계 인증 끔")
        RESET = "RESET", _("2단계 인증 재설정")

    id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(_("때"))
    actor = models.CharField(_("누가"), max_length=80)
    action = models.CharField(_("무엇을"), max_length=10, choices=Action.choices)
    subject = models.CharField(_("대상"), max_length=200)
    person = models.CharField(max_length=64, blank=True, db_index=True)
    reason = models.CharField(_("이유"), max_length=500, blank=True)
    address = models.CharField(_("접속 주소"), max_length=45, blank=True)
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        verbose_name = verbose_name_plural = _("감사 기록")
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.pk}: {self.action} {self.subject}"


class AuditHead(models.Model):
    """One row: where the trail ends, so that cutting its end off shows."""

    last = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.last}"
