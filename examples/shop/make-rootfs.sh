#!/bin/bash
# Makes the shop's root file system: one Debian with nginx, PostgreSQL, Redis and Python, as a tar in the folder given.
# Needs mmdebstrap and the machine's own Debian sources; a tar that is there already is kept. Prints the tar's path.
set -euo pipefail

folder=${1:?usage: make-rootfs.sh FOLDER}
suite=bookworm
packages=nginx-light,postgresql,redis-server,python3-psycopg2,python3-redis
tar=$folder/shop-base.tar

if [ -s "$tar" ]; then
    echo "$tar"
    exit 0
fi

sources=/etc/apt/sources.list.d/debian.sources
[ -s "$sources" ] || sources=/etc/apt/sources.list
[ -s "$sources" ] || { echo "error: no Debian sources in /etc/apt" >&2; exit 1; }

mkdir -p "$folder"
part=$folder/part.$$.tar
trap 'rm -f "$part"' EXIT

# Postgres' package makes a cluster of its own and ssl-cert a key: neither belongs into an image. The data folder belongs
# to postgres, so that a volume that is filled from it does, too.
mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook='rm -rf "$1"/var/lib/postgresql/15 "$1"/etc/postgresql/15 "$1"/etc/ssl/private/ssl-cert-snakeoil.key' \
    --customize-hook='chroot "$1" install -d -o postgres -g postgres -m 700 /srv/postgres' \
    "$suite" "$part" "$sources" >&2
mv "$part" "$tar"
echo "$tar"
