"""What names a folder of a git repository: `https://host/team/app.git#branch:folder`, `git@host:team/app.git`.

A leaf, and hot: every path of a stack file is held against it. A web address is a repository only when it ends in
`.git`; anything else behind `https://` may be an archive. Source: BuildKit's git contexts, git-clone(1).
"""

from __future__ import annotations

_HOST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_[]:@")
_WEB = ("http", "https")
_OWN = ("git", "ssh")


class GitReference:
    """`url` is what `git fetch` takes; `ref` a branch, tag or commit, empty for the default; `folder` is relative."""

    __slots__ = ("folder", "ref", "url")

    def __init__(self, url: str, ref: str = "", folder: str = "") -> None:
        self.url = url
        self.ref = ref
        self.folder = folder


def parse(text: str) -> GitReference | None:
    """None for what is no repository. A name that git could take for an option is none either (CVE-2017-1000117)."""
    address, _, fragment = text.partition("#")
    ref, _, folder = fragment.partition(":")
    url = _url(address)
    if not url or ref.startswith("-") or not text.isprintable():
        return None
    return GitReference(url, ref, folder.strip("/"))


def _url(address: str) -> str:
    if address.startswith("github.com/"):
        return f"https://{address}"
    scheme, separator, rest = address.partition("://")
    if separator:
        host, _, path = rest.partition("/")
        known = scheme in _OWN or (scheme in _WEB and path.rstrip("/").endswith(".git"))
        return address if known and path and _is_host(host) else ""
    host, colon, path = address.partition(":")
    return address if colon and path and "@" in host and _is_host(host) else ""


def _is_host(text: str) -> bool:
    return bool(text) and _HOST.issuperset(text) and not text.rpartition("@")[2].startswith("-") and text[0] != "-"
