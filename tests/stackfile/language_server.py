"""A client of yaml-language-server, as an editor is one: opens a text, hears what is wrong, asks what may come."""

from __future__ import annotations

import json
import subprocess
from typing import Any

TAGS = [f"!{tag} {kind}" for tag in ("reset", "override") for kind in ("scalar", "sequence", "mapping")]
SETTINGS = {"validate": True, "hover": True, "completion": True, "customTags": TAGS}


class LanguageServer:
    def __init__(self, program: str, schema: str) -> None:
        self._process = subprocess.Popen([program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin
        assert self._process.stdout
        self._out, self._in = self._process.stdin, self._process.stdout
        self._head = f"# yaml-language-server: $schema=file://{schema}\n"
        self._count = 0
        self._problems: dict[str, list[str]] = {}
        self.ask(
            "initialize", {"processId": None, "rootUri": None, "capabilities": {"workspace": {"configuration": True}}}
        )
        self._tell("initialized", {})

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._out.close()
        self._in.close()

    def open(self, text: str) -> str:
        """The document's address, after its problems have come."""
        self._count += 1
        uri = f"file:///open/{self._count}.yaml"
        about = {"uri": uri, "languageId": "yaml", "version": 1, "text": self._head + text}
        self._tell("textDocument/didOpen", {"textDocument": about})
        while uri not in self._problems:
            self._hear()
        return uri

    def problems(self, text: str) -> list[str]:
        return self._problems[self.open(text)]

    def offered(self, text: str) -> list[str]:
        """Completions where the text has a `|`."""
        found = self._at("completion", text)
        return [item["label"] for item in (found["items"] if isinstance(found, dict) else found)]

    def hover(self, text: str) -> str:
        return str(self._at("hover", text)["contents"])

    def _at(self, method: str, text: str) -> Any:
        before = text[: text.index("|")]
        uri = self.open(text.replace("|", "", 1))
        place = {"line": before.count("\n") + 1, "character": len(before.rpartition("\n")[2])}
        return self.ask(f"textDocument/{method}", {"textDocument": {"uri": uri}, "position": place})

    def ask(self, method: str, params: Any) -> Any:
        self._count += 1
        number = self._count
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._hear()
            if message.get("id") == number and "method" not in message:
                return message["result"]

    def _tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._out.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._out.flush()

    def _hear(self) -> dict[str, Any]:
        """One message; questions of the server are answered, problems kept."""
        length = 0
        while (line := self._in.readline()) != b"\r\n":
            assert line, "the language server ended"
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message: dict[str, Any] = json.loads(self._in.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self._problems[message["params"]["uri"]] = [item["message"] for item in message["params"]["diagnostics"]]
        elif "method" in message and "id" in message:
            self._send({"id": message["id"], "result": self._answer(message)})
        return message

    def _answer(self, message: dict[str, Any]) -> Any:
        if message["method"] != "workspace/configuration":
            return None
        return [SETTINGS if item.get("section") == "yaml" else None for item in message["params"]["items"]]
