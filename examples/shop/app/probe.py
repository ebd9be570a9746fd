"""The health check: the application must reach both of its stores."""

import urllib.request

with urllib.request.urlopen("http://127.0.0.1:8000/health", timeout=2) as answer:
    print(answer.read().decode().strip())
