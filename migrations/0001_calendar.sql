-- migrate:up

-- The service connects as whoever DATABASE_URL names and then does SET ROLE holdfast_service, which
-- may do what the service does and nothing else. A role belongs to the whole server, so it may be
-- there already.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'holdfast_service') THEN
        CREATE ROLE holdfast_service NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'holdfast_service', 'MEMBER') THEN
        EXECUTE format('GRANT holdfast_service TO %I', current_user);
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- another database of this server is being migrated at the same moment
END
$$;

GRANT SELECT ON schema_migrations TO holdfast_service;

-- Equality on uuid inside the exclusion constraints.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE clinics (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    time_zone text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX clinics_by_age ON clinics (created_at, id);

CREATE TABLE practitioners (
    clinic_id uuid NOT NULL REFERENCES clinics,
    id uuid NOT NULL,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    specialty text NOT NULL CHECK (char_length(specialty) BETWEEN 1 AND 100),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, id)
);

CREATE INDEX practitioners_by_age ON practitioners (clinic_id, created_at, id);

-- A booking updates its slot, and an update that is not HOT writes into every index, the GiST of
-- slot_no_overlap included. So no index names a column that a booking changes, and pages keep room.
CREATE TABLE slots (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    practitioner_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    capacity integer NOT NULL DEFAULT 1 CHECK (capacity BETWEEN 1 AND 1000),
    booked integer NOT NULL DEFAULT 0,
    blocked boolean NOT NULL DEFAULT false,
    held_by uuid,
    held_since timestamptz,
    held_until timestamptz,
    -- A hold counts until held_until; whoever reads 'busy-tentative' looks at the clock too.
    status text NOT NULL GENERATED ALWAYS AS (
        CASE
            WHEN blocked THEN 'busy-unavailable'
            WHEN booked >= capacity THEN 'busy'
            WHEN held_by IS NOT NULL THEN 'busy-tentative'
            ELSE 'free'
        END
    ) STORED,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id),
    CONSTRAINT slot_ends_after_start CHECK (starts_at < ends_at),
    CONSTRAINT slot_booked_within_capacity CHECK (booked BETWEEN 0 AND capacity),
    CONSTRAINT slot_hold_whole CHECK (
        num_nulls(held_by, held_since, held_until) IN (0, 3)
    ),
    CONSTRAINT slot_no_overlap EXCLUDE USING gist (
        clinic_id WITH =,
        practitioner_id WITH =,
        tstzrange(starts_at, ends_at) WITH &&
    )
) WITH (fillfactor = 70);

CREATE INDEX slots_search ON slots (clinic_id, practitioner_id, starts_at, id);

GRANT SELECT, INSERT, UPDATE ON clinics, practitioners TO holdfast_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON slots TO holdfast_service;

-- migrate:down

DROP TABLE slots;
DROP TABLE practitioners;
DROP TABLE clinics;
DROP EXTENSION btree_gist;
REVOKE SELECT ON schema_migrations FROM holdfast_service;
-- The role stays: other databases of this server may grant to it.
