#!/usr/bin/env bash
# Copies the primary once, and follows it as 'standby' from then on.
set -euo pipefail

if ((EUID == 0)); then
    mkdir -p "$PGDATA"
    chown postgres: "$PGDATA"
    exec gosu postgres "$0"
fi
if [[ ! -s $PGDATA/PG_VERSION ]]; then
    until pg_basebackup --pgdata="$PGDATA" --write-recovery-conf --wal-method=stream --checkpoint=fast \
        --dbname="host=postgres user=$POSTGRES_USER password=$POSTGRES_PASSWORD application_name=standby"; do
        rm -rf "${PGDATA:?}"/*
        sleep 2
    done
    chmod 700 "$PGDATA"
fi
exec postgres
