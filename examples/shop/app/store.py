"""Where the shop keeps things: orders in PostgreSQL, counts in Redis. A connection a request, so that a restarted
server is simply used again.
"""

import os
from contextlib import closing
from pathlib import Path

import psycopg2
import redis

PASSWORD = Path("/run/secrets/database_password").read_text().strip()


def query(statement: str, *values: object) -> list[tuple[object, ...]]:
    connection = closing(psycopg2.connect(os.environ["DATABASE"], password=PASSWORD))
    with connection as database, database, database.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def cache() -> redis.Redis:
    return redis.Redis(host=os.environ["CACHE"], socket_timeout=3, socket_connect_timeout=3, decode_responses=True)
