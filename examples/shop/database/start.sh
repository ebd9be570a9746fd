#!/bin/sh
# Makes the cluster on the first start, aside and then renamed, so that a start that was killed half way is repeated.
set -eu
bin=/usr/lib/postgresql/15/bin
home=/srv/postgres

if [ ! -d "$home/cluster" ]; then
    rm -rf "$home/new"
    "$bin/initdb" --pgdata "$home/new" --username postgres --encoding UTF8 --locale C.UTF-8 \
        --auth-local peer --auth-host scram-sha-256 --pwfile /run/secrets/database_password
    echo 'host all all samenet scram-sha-256' >> "$home/new/pg_hba.conf"
    mv "$home/new" "$home/cluster"
fi

# A lock file of a server that was killed names a pid that may be somebody else in this pid namespace.
rm -f "$home/cluster/postmaster.pid"
exec "$bin/postgres" -D "$home/cluster" -c listen_addresses='*' -c unix_socket_directories=/tmp
