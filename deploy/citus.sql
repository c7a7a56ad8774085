-- Spreads the tables over a Citus cluster, by clinic. Run once, by the owner of the database, on the
-- coordinator, behind 'holdfast migrate up' and before the first clinic is made:
--
--   psql -X -v ON_ERROR_STOP=1 -f deploy/citus.sql "$DATABASE_URL"
--
-- Again behind every later 'holdfast migrate up' that makes a table: what is done already is left alone.
--
-- Written for Citus 12 and 13, out of their documentation and sources, and NOT run on Citus: only its
-- order, its guards and its repetition were tried, on functions of those names that do nothing.
-- docs/scaling.md says what Citus asks of the service's statements, and how the tests run on it.
--
-- What has to be there:
--   - Citus in shared_preload_libraries on all nodes, the same database on each, and the workers made known
--     by citus_add_node() (superusers only). Without workers the coordinator has all shards itself, and they
--     can be moved later.
--   - Clocks that agree. What expires is written, and compared by what changes a row, with the coordinator's
--     clock; compared by what only reads, with the clock of the worker that has the clinic.
--   - Clients on ONE coordinator: DATABASE_URL names it and its standbys and no worker, although every node
--     could take queries. Advisory locks (keys, the waitlist, holds, the targets of offline locks, a run of
--     migrations) belong to the node on which they are taken: two coordinators would not see each other's.
--     The fencing numbers come out of one sequence there, and the list of migrations is there.

\set ON_ERROR_STOP on

-- For superusers, unless it is there. The workers need it as well; citus_add_node() sees to that.
CREATE EXTENSION IF NOT EXISTS citus;

-- Equality on uuid inside the exclusion constraints. Citus does not know of it if it was made before Citus
-- came; saying it again is to give it to the workers.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Rows that are there already would be copied, and stay behind in the coordinator's own tables.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'public.clinics'::regclass)
        AND EXISTS (SELECT FROM public.clinics)
    THEN
        RAISE EXCEPTION 'There are clinics already: this is for an empty database.';
    END IF;
END
$$;

-- Citus connects to the workers as the role that the session has by then: holdfast_service, because 'serve'
-- does SET ROLE. So that role must be able to log in there. How it shows who it is, pg_hba.conf says, or
-- pg_dist_authinfo: it gets no password here, so a node that wants one lets nobody in.
SELECT 'ALTER ROLE holdfast_service LOGIN'
FROM pg_roles
WHERE rolname = 'holdfast_service' AND NOT rolcanlogin
\gexec

-- Row-level security on records does not work here, for two reasons. A worker evaluates a policy on a shard
-- in the middle of a distributed query, record_is_locked() reads two distributed tables, and Citus refuses
-- "a distributed query from a query on a shard". And the function goes by holdfast.lock_token and
-- holdfast.lock_holder, which set_config() sets on the coordinator only. create_distributed_function() does
-- not help: it sends a whole call to a worker, not one inside a policy. With
-- citus.allow_nested_distributed_execution Citus would let it happen, and vouch for nothing.
--
-- What remains is the first defence, the guard in each statement that writes to a record (docs/locking.md);
-- a statement that forgets it is no longer refused (docs/adr/0006). The function stays, and nobody calls it.
SELECT format('DROP POLICY %I ON %I.%I', policyname, schemaname, tablename)
FROM pg_policies
WHERE schemaname = 'public' AND tablename IN ('patients', 'prescriptions', 'insurances')
\gexec
SELECT format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', oid::regclass)
FROM pg_class
WHERE relrowsecurity
    AND relnamespace = 'public'::regnamespace
    AND relname IN ('patients', 'prescriptions', 'insurances')
\gexec

-- As many shards as there may ever be workers: 20,000 clinics are 156 to a shard. The other tables get the
-- same number, being colocated. Another number: psql -v shards=32.
\if :{?shards}
\else
\set shards 128
\endif
SET citus.shard_count = :shards;

-- With two copies of a shard there would be no SELECT ... FOR UPDATE. A node's copy is its standby.
SET citus.shard_replication_factor = 1;

SELECT create_distributed_table('public.clinics', 'id', colocate_with => 'none')
WHERE NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'public.clinics'::regclass);

-- The others by their clinic, each shard beside that of its clinics; one table a transaction, behind those
-- that its foreign keys name. Foreign keys, unique and exclusion constraints all contain the clinic, so those
-- of a shard are as good as those of the whole table. Grants come along: in a shard, too, nobody but the
-- owner may UPDATE or DELETE the journal.
--
-- Nothing is a reference table: there is nothing that clinics share. schema_migrations and schema_checksums
-- stay the coordinator's own, and are used in statements of their own. So does offline_lock_fencing: the
-- coordinator draws the number of an INSERT itself. Distributed, each node would draw from a range of its
-- own, and a later lock could have the lower number.
SELECT format(
    'SELECT create_distributed_table(%L, %L, colocate_with => %L)', name, 'clinic_id', 'public.clinics')
FROM unnest(ARRAY[
    'public.practitioners',
    'public.patients',
    'public.slots',
    'public.appointments',
    'public.registrations',
    'public.prescriptions',
    'public.insurances',
    'public.offline_locks',
    'public.offline_lock_targets',
    'public.waitlist',
    'public.time_off',
    'public.journal',
    'public.outbox',
    'public.markers',
    'public.idempotency_keys'
]) WITH ORDINALITY AS tables (name, place)
WHERE NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = name::regclass)
ORDER BY place
\gexec

-- What 'serve' sets for its sessions, for those on the workers, which do not hear of it. Behind the
-- distribution, by which Citus knows the role. On the coordinator it does nothing, because nobody logs in
-- there under that name. A session on a worker may idle while the client thinks (3 s) and another statement
-- runs (5 s); it is to end by itself only if the coordinator is gone.
ALTER ROLE holdfast_service IN DATABASE :"DBNAME" SET lock_timeout = '2s';
ALTER ROLE holdfast_service IN DATABASE :"DBNAME" SET statement_timeout = '5s';
ALTER ROLE holdfast_service IN DATABASE :"DBNAME" SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE holdfast_service IN DATABASE :"DBNAME" SET TimeZone = 'UTC';
ALTER ROLE holdfast_service IN DATABASE :"DBNAME" SET jit = 'off';

-- Nothing was forgotten: a later migration's table that is not in the list would stay on the coordinator,
-- and could not be used together with those on the workers.
DO $$
DECLARE
    forgotten text;
BEGIN
    SELECT string_agg(pg_class.oid::regclass::text, ', ' ORDER BY pg_class.relname) INTO forgotten
    FROM pg_class
    WHERE pg_class.relnamespace = 'public'::regnamespace
        AND pg_class.relkind IN ('r', 'p')
        AND pg_class.relname NOT IN ('schema_migrations', 'schema_checksums')
        -- An extension's own.
        AND NOT EXISTS (
            SELECT FROM pg_depend WHERE pg_depend.objid = pg_class.oid AND pg_depend.deptype = 'e'
        )
        AND NOT EXISTS (
            SELECT
            FROM pg_dist_partition AS own
            JOIN pg_dist_partition AS clinics USING (colocationid)
            WHERE own.logicalrelid = pg_class.oid
                AND clinics.logicalrelid = 'public.clinics'::regclass
        );
    IF forgotten IS NOT NULL THEN
        RAISE EXCEPTION 'Not distributed beside the clinics: %.', forgotten
            USING HINT = 'Add it to the list in deploy/citus.sql.';
    END IF;
END
$$;

-- As the service will: this asks every shard, so it fails, and says where, if a node does not let the role
-- in.
SET ROLE holdfast_service;
SELECT count(*) AS clinics FROM public.clinics;
RESET ROLE;

-- To look at: each worker has the five settings.
SELECT nodename, nodeport, result
FROM run_command_on_workers($$
    SELECT coalesce(string_agg(setting, ', ' ORDER BY setting), 'nothing')
    FROM pg_db_role_setting, unnest(setconfig) AS setting
    WHERE setrole = 'holdfast_service'::regrole
        AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
$$);
