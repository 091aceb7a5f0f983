"""Mails to the customer centre: each read once, and made a case, a turn of a talk, or nothing.

Who wrote a mail cannot be proved, so a mail only ever adds words. It joins a case when it names one
and comes from the address that stands on it; it never withdraws, decides or shows anything. What
machines write is noted and not answered, or two of them would answer each other for ever. Its files
go through the door of the uploads (`support.enclosures`).

A row is written in one transaction with everything that follows from it, before the inbox hears
that the mail is done: a crash in between brings the same mail again, and its row says so.
"""

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from payments import encryption, states
from payments.retention import Rule, years_ago
from support import attachments, begun_mails, enclosures, inbox, threads, tickets
from support.enclosures import Enclosed
from support.inbox.base import Inbox, Unreachable
from support.letters import Letter
from support.letters import read as read_letter
from support.models import InboundMail, Ticket, TicketMessage, email_index, pk_of_number
from support.states import TicketState

BATCH = 50
# From one sender in an hour: more is a program, or somebody who should telephone.
LIMIT = 10
WINDOW = timedelta(hours=1)
_HANGUL = re.compile("[가-힣]")
_LETTER = re.compile("[A-Za-z]")
_Verdict = InboundMail.Verdict
_Party = TicketMessage.Party
_log = logging.getLogger(__name__)


def read(*, now: datetime) -> int:
    """Take up to BATCH mails that wait; returns how many. An inbox out of reach waits as well.

    While somebody else reads nothing happens: two would look into the same files.
    """
    try:
        with _alone() as is_alone, inbox.opened() as found:
            return _read(found, now=now) if is_alone and found is not None else 0
    except Unreachable as error:
        _log.warning("the inbox cannot be read: %s", error)
        return 0


@contextmanager
def _alone() -> Iterator[bool]:
    # Of the connection, not of a transaction: each mail has one of its own. It ends with us.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended('inbox', 0))")
        is_alone = cursor.fetchone() == (True,)
        try:
            yield is_alone
        finally:
            if is_alone:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended('inbox', 0))")


def _known_senders() -> QuerySet[InboundMail]:
    nothing = Q(sender_sealed="", sender_bidx="", subject_sealed="")
    return InboundMail.objects.exclude(nothing).annotate(since=F("received_at"))


def _forget_senders(keys: list[int]) -> None:
    InboundMail.objects.filter(pk__in=keys).update(
        sender_sealed="", sender_bidx="", subject_sealed=""
    )


# Our own: as long as we know of mails we sent that belong to no payment.
RETENTION = Rule(
    "INBOUND_MAIL", lambda now: years_ago(now, 1), _known_senders, _forget_senders, None
)


def _read(found: Inbox, *, now: datetime) -> int:
    count = 0
    for arrived in found.waiting():
        begun = begun_mails.begin(arrived, now=now)
        if begun is None:
            continue
        if begun.tries > begun_mails.TRIES:
            begun_mails.set_aside(begun, now=now)
            found.done(arrived)
            begun_mails.forget(begun)
            continue
        try:
            take(arrived.raw, now=now)
        except Exception as error:
            # It stays where it is, and must not keep the others waiting. Never the words of the
            # error: they may be the mail's.
            _log.error("a mail could not be taken: %s", type(error).__name__)
            continue
        begun_mails.finish(begun, now=now)
        found.done(arrived)
        count += 1
        if count >= BATCH:
            break
    return count


def take(raw: bytes, *, now: datetime) -> InboundMail | None:
    """Write one mail down and do what follows from it; None when it was written down before."""
    letter = read_letter(raw)
    mail = InboundMail(
        digest=_digest(letter, raw), received_at=now, attachments=len(letter.attachments)
    )
    mail.set_letter(sender=letter.sender, subject=letter.subject)
    mail.sender_bidx = email_index(letter.sender)
    if _is_known(mail):
        return None
    # Before anything is locked: it may take a while.
    enclosed = _look_into_files(mail, letter, now=now)
    with transaction.atomic():
        _one_at_a_time(mail.sender_bidx or mail.digest)
        if _is_known(mail):
            return None
        _decide(mail, letter, enclosed, now=now)
        mail.save()
    return mail


def _one_at_a_time(sender: str) -> None:
    # So that a mail two workers read is one, and the limit of a sender holds.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [sender])


def _digest(letter: Letter, raw: bytes) -> str:
    # The same Message-ID from somebody else is another mail: nobody can take another's place.
    if letter.message_id:
        return encryption.blind_index(f"{letter.message_id}\0{letter.sender}", kind="mail")
    return hashlib.sha256(raw).hexdigest()


def _is_known(mail: InboundMail) -> bool:
    return InboundMail.objects.filter(digest=mail.digest).exists()


def _look_into_files(mail: InboundMail, letter: Letter, *, now: datetime) -> Enclosed:
    """Of a mail that will be followed, by the looks of it now; of another nobody opens them."""
    is_from_person = letter.sender and not letter.machine and not letter.is_bounce
    if not is_from_person or threads.is_ours(letter.sender):
        return Enclosed()
    if _written_lately(mail, now=now) >= LIMIT:
        return Enclosed()
    with translation.override(_reader_language(letter, _meant(letter))):
        return enclosures.look_into(letter)


def _decide(mail: InboundMail, letter: Letter, enclosed: Enclosed, *, now: datetime) -> None:
    if letter == Letter():
        mail.verdict = _Verdict.UNREADABLE
    elif letter.is_bounce:
        mail.verdict, mail.mark = _Verdict.BOUNCED, letter.machine
        mail.ticket = _note_bounce(letter, now=now)
    elif letter.machine:
        mail.verdict, mail.mark = _Verdict.MACHINE, letter.machine
        mail.ticket = _meant(letter)
    elif not letter.sender:
        mail.verdict = _Verdict.NO_SENDER
    elif threads.is_ours(letter.sender):
        mail.verdict = _Verdict.OWN
    elif _written_lately(mail, now=now) >= LIMIT:
        mail.verdict = _Verdict.TOO_MANY
    else:
        try:
            _follow(mail, letter, enclosed, now=now)
        except attachments.TooMany:
            with translation.override(_reader_language(letter, _meant(letter))):
                enclosed = enclosures.without_room(enclosed)
            _follow(mail, letter, enclosed, now=now)


@transaction.atomic
def _follow(mail: InboundMail, letter: Letter, enclosed: Enclosed, *, now: datetime) -> None:
    """Into the conversation of the case it is about, or a case of its own.

    Raises attachments.TooMany, and nothing is written then.
    """
    case = _meant(letter)
    said = _words(_reader_language(letter, case), letter, enclosed)
    files = enclosed.accepted
    try:
        if case is not None and _is_from_merchant(case, letter):
            mail.ticket = tickets.merchant_answered(
                ticket_id=case.pk, text=said, files=files, by=tickets.MERCHANT, now=now
            )
        elif case is not None and not case.is_final:
            mail.ticket = tickets.customer_wrote(ticket_id=case.pk, text=said, files=files, now=now)
    except tickets.TooMany:
        mail.verdict, mail.ticket = _Verdict.TOO_MANY, case
        return
    except states.IllegalMove:
        # Closed in this moment: as if it had been closed before.
        mail.ticket = None
    if mail.ticket is not None:
        mail.verdict = _Verdict.ADDED
    else:
        mail.verdict, mail.ticket = _Verdict.OPENED, _open(letter, enclosed, after=case, now=now)
    mail.message = TicketMessage.objects.filter(ticket=mail.ticket).order_by("-pk").first()


def _meant(letter: Letter) -> Ticket | None:
    """The case a mail is about: it names one, and its sender is who stands on that."""
    asked = threads.opened(letter.threads, _Party.MERCHANT)
    if asked is not None and _is_from_merchant(asked, letter):
        return asked
    sealed = threads.opened(letter.threads)
    pk = pk_of_number(letter.number) if letter.number else None
    numbered = Ticket.objects.filter(pk=pk).first() if pk else None
    for case in (sealed, numbered):
        if case is not None and letter.sender and case.email_bidx == email_index(letter.sender):
            return _first_of(case)
    return None


def _first_of(case: Ticket) -> Ticket:
    """Where a merged case goes on."""
    first = case.duplicate_of
    is_merged = case.state == TicketState.DUPLICATE and first is not None and not first.is_final
    return first if is_merged and first is not None else case


def _is_from_merchant(case: Ticket, letter: Letter) -> bool:
    # Only under the seal made for it: a seller's address is on its page for all to see.
    payment = case.payment
    return (
        payment is not None
        and case.state == TicketState.WAITING_MERCHANT
        and bool(letter.sender)
        and payment.merchant.email.strip().lower() == letter.sender
        and threads.opened(letter.threads, _Party.MERCHANT) == case
    )


def _open(letter: Letter, enclosed: Enclosed, *, after: Ticket | None, now: datetime) -> Ticket:
    language = _language(letter)
    ticket = Ticket(
        kind=Ticket.Kind.OTHER,
        source=Ticket.Source.MAIL,
        contact=Ticket.Contact.EMAIL,
        reason=Ticket.Reason.OTHER,
        text=_words(language, letter, enclosed),
        product_text=letter.subject,
        language=language,
        accepted_at=now,
        due_at=tickets.answer_due(Ticket.Kind.OTHER, now),
    )
    ticket.set_contact(phone="", email=letter.sender)
    tickets.file(ticket, files=enclosed.accepted, now=now)
    if after is not None:
        # Same sender, and a case that is closed.
        tickets.note(ticket, author=tickets.SYSTEM, text=f"AFTER {after.number}", at=now)
    return ticket


def _words(language: str, letter: Letter, enclosed: Enclosed) -> str:
    """What is written down of it, with what was left out said in the reader's language."""
    with translation.override(language):
        said = [letter.text or letter.subject or _("(글이 없는 메일이에요.)")]
        if letter.is_cut:
            said.append(_("(메일이 길어 여기까지만 담았어요.)"))
        if enclosed.refused:
            said.append("\n".join([_("(받지 못한 파일이 있어요.)"), *enclosed.refused]))
    return "\n\n".join(said)


def _reader_language(letter: Letter, case: Ticket | None) -> str:
    is_followed = case is not None and not case.is_final
    return case.language if case is not None and is_followed else _language(letter)


def _language(letter: Letter) -> str:
    said = f"{letter.subject} {letter.text}"
    return "en" if _LETTER.search(said) and not _HANGUL.search(said) else "ko"


def _note_bounce(letter: Letter, *, now: datetime) -> Ticket | None:
    """The case of the mail that did not arrive, with a note of it for the desk, if it is known."""
    to_merchant = threads.opened(letter.threads, _Party.MERCHANT)
    case = to_merchant or threads.opened(letter.threads)
    if case is None:
        return None
    # Once an hour is enough to be known.
    lately = InboundMail.objects.filter(
        ticket=case, verdict=_Verdict.BOUNCED, received_at__gt=now - WINDOW
    )
    if not lately.exists():
        text = "MERCHANT_MAIL_BOUNCED" if to_merchant else "MAIL_BOUNCED"
        tickets.add_note(ticket_id=case.pk, text=text, by=tickets.SYSTEM, now=now)
    return case


def _written_lately(mail: InboundMail, *, now: datetime) -> int:
    return InboundMail.objects.filter(
        sender_bidx=mail.sender_bidx,
        received_at__gt=now - WINDOW,
        verdict__in=[_Verdict.OPENED, _Verdict.ADDED],
    ).count()
