"""Providers on loopback that do as they are told: an HTTP one and a mail server."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Answer:
    """What to say: after `wait` seconds, `text` in place of JSON, nothing at all for status 0."""

    status: int = 200
    body: object = None
    text: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0
    drip: float = 0


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


class HttpProvider:
    """Answers by `answer(asked)`; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = lambda _: Answer(500)
        self.url = ""


@contextmanager
def http_provider() -> Iterator[HttpProvider]:
    """A server on a free port."""
    provider = HttpProvider()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            url = urlsplit(self.path)
            asked = Asked(
                self.command,
                url.path,
                parse_qs(url.query),
                dict(self.headers),
                json.loads(raw) if raw else None,
            )
            provider.asked.append(asked)
            answer = provider.answer(asked)
            time.sleep(answer.wait)
            if not answer.status:
                self.close_connection = True
                return
            text = answer.text if answer.text is not None else json.dumps(answer.body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            try:
                for byte in text.encode() if answer.drip else ():
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(answer.drip)
                if not answer.drip:
                    self.wfile.write(text.encode())
            except OSError:
                self.close_connection = True

        do_GET = do_POST = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_port}"
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


class MailServer:
    """Takes mails unless `says` has another answer for a step; None there hangs up.

    Steps: `hello` (the greeting), EHLO, MAIL, RCPT, DATA, `end` (after the mail).
    """

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.says: dict[str, str | None] = {}
        self.waits: dict[str, float] = {}
        self.port = 0

    def serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:
            if not self._say(stream, "hello", "220 ready"):
                return
            while line := stream.readline():
                verb = line.split()[0].decode().upper()
                if verb == "DATA":
                    if not self._say(stream, "DATA", "354 go on"):
                        return
                    if not self.says.get("DATA", "354").startswith("354"):  # type: ignore[union-attr]
                        continue
                    mail = b""
                    while (part := stream.readline()) != b".\r\n":
                        mail += part
                    if self.says.get("end", "250") in {"250", None}:
                        self.taken.append(mail.decode())
                    if not self._say(stream, "end", "250 taken"):
                        return
                elif not self._say(stream, verb, "221 bye" if verb == "QUIT" else "250 ok"):
                    return

    def _say(self, stream: Any, step: str, usual: str) -> bool:
        time.sleep(self.waits.get(step, 0))
        words = self.says.get(step, usual)
        if words is None:
            return False
        try:
            stream.write(words.encode() + b"\r\n")
            stream.flush()
        except OSError:
            return False
        return True


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server on a free port, without TLS and accounts."""
    server = MailServer()
    listener = socket.create_server(("127.0.0.1", 0))
    server.port = listener.getsockname()[1]

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    yield server
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
