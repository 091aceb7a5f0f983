"""Where mails wait: a folder, and an IMAP server that really listens, on loopback."""

import datetime
import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

from support import inbox
from support.inbox import imap
from support.inbox.base import Arrived, Unreachable
from support.inbox.folder import Folder
from tests.support.mails import mail


def test_a_folder_hands_out_what_is_new_until_it_is_done(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "inbox")
    assert list(folder.waiting()) == []
    (tmp_path / "inbox/new/2.host").write_bytes(b"second")
    (tmp_path / "inbox/new/1.host").write_bytes(b"first")
    (tmp_path / "inbox/new/.3").write_bytes(b"not a mail")

    found = list(folder.waiting())
    assert found == [Arrived("1.host", b"first"), Arrived("2.host", b"second")]
    assert list(folder.waiting()) == found

    folder.done(found[0])
    folder.done(found[0])

    assert list(folder.waiting()) == found[1:]
    assert (tmp_path / "inbox/cur/1.host:2,S").read_bytes() == b"first"


def test_a_folder_that_cannot_be_made_is_out_of_reach(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Unreachable):
        list(Folder(tmp_path / "file" / "inbox").waiting())


def test_mails_are_read_nowhere_unless_it_is_said_where(settings: Any) -> None:
    settings.MAIL_INBOX = "none"

    with inbox.opened() as found:
        assert found is None


class ImapServer:
    """The few commands of RFC 3501 there are need of; `mails` by UID, `seen` those marked."""

    def __init__(self) -> None:
        self.mails: dict[int, bytes] = {}
        self.seen: set[int] = set()
        self.said: list[str] = []
        self.refuses = ""
        self.port = 0

    def answer(self, line: str) -> Iterator[bytes]:
        tag, _, rest = line.partition(" ")
        self.said.append(rest)
        words = rest.upper()
        if self.refuses and words.startswith(self.refuses):
            yield f"{tag} NO no\r\n".encode()
            return
        if words.startswith("CAPABILITY"):
            yield b"* CAPABILITY IMAP4rev1\r\n"
        elif words.startswith("LOGOUT"):
            yield b"* BYE\r\n"
        elif words.startswith("SELECT"):
            yield f"* {len(self.mails)} EXISTS\r\n".encode()
        elif words.startswith("UID SEARCH UNSEEN"):
            found = " ".join(str(uid) for uid in self.mails if uid not in self.seen)
            yield f"* SEARCH {found}\r\n".encode()
        elif fetch := re.match(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", words):
            uid, most = int(fetch[1]), int(fetch[2])
            if uid in self.mails:
                raw = self.mails[uid][:most]
                head = f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(raw)}}}\r\n".encode()
                yield head + raw + b")\r\n"
        elif store := re.match(r"UID STORE (\d+) \+FLAGS\.SILENT \(\\SEEN\)", words):
            self.seen.add(int(store[1]))
        yield f"{tag} OK done\r\n".encode()


def certificate(directory: Path) -> ssl.SSLContext:
    """A certificate for localhost, written down as the one to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = timezone.now()
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (directory / "key.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return context


@pytest.fixture
def server(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImapServer]:
    found = ImapServer()
    context = certificate(tmp_path)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK ready\r\n")
            for line in self.rfile:
                for part in found.answer(line.decode().strip()):
                    self.wfile.write(part)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def get_request(self) -> Any:
            plain, address = self.socket.accept()
            return context.wrap_socket(plain, server_side=True), address

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hangs up is none."""

    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    settings.MAIL_INBOX = "imap"
    settings.IMAP_HOST, settings.IMAP_USER, settings.IMAP_PASSWORD = "localhost", "desk", "secret"
    with Server(("127.0.0.1", 0), Handler) as listening:
        settings.IMAP_PORT = found.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield found
        listening.shutdown()
        thread.join()


def waiting() -> list[Arrived]:
    with inbox.opened() as box:
        assert box is not None
        return list(box.waiting())


def test_an_imap_mailbox_hands_out_what_is_unseen_until_it_is_done(server: ImapServer) -> None:
    server.mails = {7: mail("하나"), 9: mail("둘")}
    server.seen = {7}

    assert waiting() == [Arrived("9", mail("둘"))]
    assert waiting() == [Arrived("9", mail("둘"))]

    with inbox.opened() as box:
        assert box is not None
        box.done(Arrived("9", b""))
    assert server.seen == {7, 9}
    assert waiting() == []
    assert not any("DELETE" in said.upper() for said in server.said)


def test_of_a_huge_mail_only_the_beginning_is_fetched(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "READ_AT_MOST", 10)
    server.mails = {1: b"0123456789abc"}

    assert waiting() == [Arrived("1", b"0123456789")]


@pytest.mark.parametrize("step", ["LOGIN", "SELECT", "UID SEARCH", "UID FETCH"])
def test_a_server_that_refuses_is_out_of_reach(server: ImapServer, step: str) -> None:
    server.mails, server.refuses = {1: mail()}, step

    with pytest.raises(Unreachable) as problem:
        waiting()
    assert "secret" not in str(problem.value)


def test_a_server_under_a_certificate_nobody_vouches_for_is_out_of_reach(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    with pytest.raises(Unreachable):
        waiting()
    assert server.said == []


def test_a_server_that_says_nothing_is_given_up(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "SECONDS", 0.2)
    hung = threading.Event()
    monkeypatch.setattr(server, "answer", lambda _: iter([bytes(hung.wait(1))]))

    with pytest.raises(Unreachable):
        waiting()
    hung.set()


def test_a_server_that_is_not_there_is_out_of_reach(settings: Any) -> None:
    settings.MAIL_INBOX, settings.IMAP_HOST, settings.IMAP_PORT = "imap", "127.0.0.1", 1

    with pytest.raises(Unreachable):
        waiting()
