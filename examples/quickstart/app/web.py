"""The guest book: GET / shows it, POST / with the token and a name signs it, GET /health answers when it can."""

import hmac
import html
import os
import signal
import sqlite3
import string
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

TOKEN = Path("/run/secrets/token").read_text().strip()
PAGE = string.Template(Path("/etc/guestbook/page.html").read_text())
SHOWN = 20


def query(statement: str, *values: str) -> list[tuple[str, ...]]:
    database = sqlite3.connect(os.environ["DATABASE"], timeout=5)
    try:
        with database:
            return database.execute(statement, values).fetchall()
    finally:
        database.close()


class GuestBook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/health":
            query("SELECT 1 FROM entry LIMIT 1")
            return self.answer(200, "ok\n")
        rows = query("SELECT at, name FROM entry ORDER BY rowid DESC LIMIT ?", str(SHOWN))
        entries = "".join(f"<li>{at} {html.escape(name)}</li>" for at, name in rows)
        return self.answer(200, PAGE.substitute(greeting=html.escape(os.environ["GREETING"]), entries=entries))

    def do_POST(self) -> None:
        name = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")[:80]
        if not hmac.compare_digest(self.headers.get("Authorization", ""), f"Bearer {TOKEN}"):
            return self.answer(403, "wrong token\n")
        query("INSERT INTO entry (name) VALUES (?)", name)
        return self.answer(201, "thank you\n")

    def answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    server = ThreadingHTTPServer(("", 8000), GuestBook)
    # shutdown() waits for the serving loop, which this signal handler interrupts: it needs a thread of its own.
    signal.signal(signal.SIGTERM, lambda *_: Thread(target=server.shutdown).start())
    print("the guest book is open", flush=True)
    server.serve_forever(poll_interval=0.1)
    print("the guest book is closed", flush=True)


if __name__ == "__main__":
    main()
