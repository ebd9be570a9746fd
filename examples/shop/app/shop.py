"""The shop: GET / shows the page, POST / takes an order, GET /orders tells all as JSON, GET /health asks the stores."""

import html
import json
import signal
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

import psycopg2
import redis
from store import cache, query

PAGE = """<!doctype html>
<title>Shop</title>
<h1>Shop</h1>
<form method="post">
  <input name="item" placeholder="what" required> <input name="quantity" type="number" value="1" min="1">
  <button>Order</button>
</form>
<p>{visits} visits, {items} things sold, served by {host}</p>
<ul>{orders}</ul>
"""


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        pages = {"/": self.page, "/orders": self.orders, "/health": self.health}
        self.attempt(pages.get(self.path, self.missing))

    def do_POST(self) -> None:
        self.attempt(self.order)

    def attempt(self, page: object) -> None:
        try:
            page()
        except (psycopg2.Error, redis.RedisError) as problem:
            self.answer(503, "text/plain", f"a store does not answer: {problem}\n")

    def page(self) -> None:
        visits = cache().incr("visits")
        sold = query("SELECT item, quantity FROM purchase ORDER BY id DESC LIMIT 20")
        orders = "".join(f"<li>{quantity} {html.escape(str(item))}</li>" for item, quantity in sold)
        items = cache().get("items") or 0
        self.answer(200, "text/html", PAGE.format(visits=visits, items=items, orders=orders, host=socket.gethostname()))

    def orders(self) -> None:
        sold = query("SELECT id, item, quantity FROM purchase ORDER BY id")
        rows = [{"id": number, "item": item, "quantity": quantity} for number, item, quantity in sold]
        items = int(cache().get("items") or 0)
        self.answer(200, "application/json", json.dumps({"orders": rows, "items": items, "by": socket.gethostname()}))

    def health(self) -> None:
        query("SELECT 1 FROM purchase LIMIT 1")
        cache().ping()
        self.answer(200, "text/plain", "ok\n")

    def order(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace"))
        item, quantity = form.get("item", [""])[0][:80], form.get("quantity", ["1"])[0]
        if not item or not quantity.isascii() or not quantity.isdigit() or not 0 < int(quantity) < 1000:
            return self.answer(400, "text/plain", "an order needs an item and a quantity below 1000\n")
        query("INSERT INTO purchase (item, quantity) VALUES (%s, %s)", item, int(quantity))
        cache().incrby("items", int(quantity))
        self.send_response(303)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        return self.end_headers()

    def missing(self) -> None:
        self.answer(404, "text/plain", "no such page\n")

    def answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    server = ThreadingHTTPServer(("", 8000), Shop)
    # shutdown() waits for the serving loop, which this signal handler interrupts: it needs a thread of its own.
    signal.signal(signal.SIGTERM, lambda *_: Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
