"""The health check: the page's own /health must answer."""

import urllib.request

with urllib.request.urlopen("http://127.0.0.1:8000/health", timeout=2) as answer:
    print(answer.read().decode().strip())
