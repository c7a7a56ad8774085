#!/usr/bin/env bash
# Lets a standby in, for which every commit waits. Runs once, when the primary's cluster is made.
set -euo pipefail

[[ -n ${SYNCHRONOUS_STANDBY:-} ]] || exit 0
# The image's own rules have no line for replication over the network.
echo "host replication $POSTGRES_USER samenet scram-sha-256" >>"$PGDATA/pg_hba.conf"
# A standby that was away for a while finds what it has missed.
psql --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
    --command="ALTER SYSTEM SET wal_keep_size = '1GB'"
# In force when the server starts for good: the one that runs now would wait for ever.
psql --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
    --command="ALTER SYSTEM SET synchronous_standby_names = '$SYNCHRONOUS_STANDBY'"
