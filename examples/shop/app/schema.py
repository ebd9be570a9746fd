"""Makes the table, once; `app` waits until this has ended well."""

from store import query

query(
    "CREATE TABLE IF NOT EXISTS purchase ("
    "id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), item text NOT NULL, quantity int NOT NULL)"
)
print(f"the shop has {query('SELECT count(*) FROM purchase')[0][0]} orders")
