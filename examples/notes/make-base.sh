#!/bin/bash
# Makes the base of all images: a small Debian, as a tar in the folder given. Needs mmdebstrap and the machine's own
# Debian sources; a tar that is there already is kept. Prints the tar's path.
set -euo pipefail

folder=${1:?usage: make-base.sh FOLDER}
tar=$folder/debian-base.tar

if [ -s "$tar" ]; then
    echo "$tar"
    exit 0
fi

sources=/etc/apt/sources.list.d/debian.sources
[ -s "$sources" ] || sources=/etc/apt/sources.list
[ -s "$sources" ] || { echo "error: no Debian sources in /etc/apt" >&2; exit 1; }

mkdir -p "$folder"
part=$folder/base.$$.tar
trap 'rm -f "$part"' EXIT

mmdebstrap --quiet --mode=root --variant=minbase --include=ca-certificates \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    bookworm "$part" "$sources" >&2
mv "$part" "$tar"
echo "$tar"
