"""Makes the table, once; `web` waits until this has ended well."""

import os
import sqlite3

with sqlite3.connect(os.environ["DATABASE"]) as database:
    database.execute("CREATE TABLE IF NOT EXISTS entry (at TEXT DEFAULT CURRENT_TIMESTAMP, name TEXT NOT NULL)")
    count = database.execute("SELECT count(*) FROM entry").fetchone()[0]
print(f"the guest book has {count} entries")
