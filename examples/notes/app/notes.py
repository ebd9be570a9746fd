"""Notes in PostgreSQL behind a page: POST a text to keep it, GET to read all."""

from __future__ import annotations

import json
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pg8000.native

PORT = 8000


def database() -> pg8000.native.Connection:
    with open("/run/secrets/password") as file:
        return pg8000.native.Connection("postgres", host="db", password=file.read().strip(), timeout=5)


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        connection = database()
        try:
            rows = connection.run("SELECT text FROM note ORDER BY id")
        finally:
            connection.close()
        self.answer([text for (text,) in rows])

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        connection = database()
        try:
            connection.run("INSERT INTO note (text) VALUES (:text)", text=text)
        finally:
            connection.close()
        self.answer({"kept": text})

    def answer(self, value: object) -> None:
        body = json.dumps(value).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, template: str, *values: object) -> None:  # type: ignore[override]  # its own name is a builtin's
        print(template % values)


def main() -> None:
    if "--probe" in sys.argv:
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=2)
        return
    connection = database()
    connection.run("CREATE TABLE IF NOT EXISTS note (id serial PRIMARY KEY, text text NOT NULL)")
    connection.close()
    ThreadingHTTPServer(("", PORT), Page).serve_forever()


if __name__ == "__main__":
    main()
