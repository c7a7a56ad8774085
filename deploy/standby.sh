#!/usr/bin/env bash
# Copies the primary once, and follows it as 'standby' from then on.
set -euo pipefail

if ((EUID == 0)); then
    mkdir -p "$PGDATA"
    chown postgres: "$PGDATA" "$(dirname "$PGDATA")"
    exec gosu postgres "$0"
fi
if [[ ! -s $PGDATA/PG_VERSION ]]; then
    # Half a copy is none.
    copy=$PGDATA.new
    rm -rf "$copy"
    until pg_basebackup --pgdata="$copy" --write-recovery-conf --wal-method=stream --checkpoint=fast \
        --dbname="host=postgres user=$POSTGRES_USER password=$POSTGRES_PASSWORD application_name=standby"; do
        rm -rf "$copy"
        sleep 2
    done
    chmod 700 "$copy"
    rm -rf "$PGDATA"
    mv "$copy" "$PGDATA"
fi
exec postgres
