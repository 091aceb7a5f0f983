"""Mails to the customer centre, written by hand down to the byte."""

SENDER = "minji@mail.test"
DESK = "help@phonebill.test"


def mail(
    text: str | bytes = "환불은 언제 되나요?",
    *,
    charset: str = "utf-8",
    subject: str | bytes = "문의",
    sender: str | bytes | None = f"김민지 <{SENDER}>",
    message_id: str = "<1@mail.test>",
    kind: str = "text/plain",
    extra: str | bytes = "",
) -> bytes:
    """One mail; `extra` are further header lines as they are."""
    body = text if isinstance(text, bytes) else text.encode(charset)
    lines = [_line("From", sender)] if sender is not None else []
    lines += [_line("To", DESK), _line("Subject", subject)]
    lines += [_line("Message-ID", message_id)] if message_id else []
    lines += [b"MIME-Version: 1.0", f'Content-Type: {kind}; charset="{charset}"'.encode()]
    lines += [b"Content-Transfer-Encoding: 8bit"]
    more = _bytes(extra)
    return b"\r\n".join([*lines, *([more] if more else []), b"", body])


def parts(*inner: bytes, kind: str = "multipart/mixed", extra: str = "", **changes: str) -> bytes:
    """A mail of several parts, each with its own headers."""
    boxed = b"".join(b"--seam\r\n" + part + b"\r\n" for part in inner) + b"--seam--\r\n"
    whole = mail(boxed, kind=f'{kind}; boundary="seam"', extra=extra, **changes)
    return whole.replace(b'; charset="utf-8"', b"", 1)


def part(content: bytes | str, kind: str = "text/plain; charset=utf-8", name: str = "") -> bytes:
    """One part; with a name it is an attachment."""
    headers = f"Content-Type: {kind}\r\n"
    if name:
        headers += f'Content-Disposition: attachment; filename="{name}"\r\n'
    return headers.encode() + b"\r\n" + _bytes(content)


def bounce(
    original: str, *, action: str = "failed", sender: str = "MAILER-DAEMON@mx.test"
) -> bytes:
    """A delivery report (RFC 3464) on a mail with these headers."""
    return parts(
        part("Your message could not be delivered."),
        part(
            f"Reporting-MTA: dns; mx.test\r\n\r\nFinal-Recipient: rfc822; a@b.test\r\n"
            f"Action: {action}\r\nStatus: 5.1.1\r\n",
            "message/delivery-status",
        ),
        part(original, "text/rfc822-headers"),
        kind="multipart/report; report-type=delivery-status",
        sender=sender,
        extra="Auto-Submitted: auto-replied",
        message_id=f"<bounce-{len(original)}-{action}@mx.test>",
    )


def _line(name: str, value: str | bytes) -> bytes:
    return name.encode() + b": " + _bytes(value)


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
