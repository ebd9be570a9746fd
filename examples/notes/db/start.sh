#!/bin/sh
# Makes the cluster when its volume is empty, then becomes the server.
set -eu
data=/srv/postgres/main

if [ ! -s "$data/PG_VERSION" ]; then
    initdb --pgdata "$data" --username postgres --pwfile /run/secrets/password --auth scram-sha-256 --no-sync
    echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
fi

exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
