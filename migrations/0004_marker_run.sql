-- migrate:up

-- A change whose COMMIT went unanswered is run again under the same marker; the row says which of
-- its runs was the one that committed.
ALTER TABLE markers ADD COLUMN run bigint NOT NULL DEFAULT 1;

-- migrate:down

-- squawk-ignore ban-drop-column
ALTER TABLE markers DROP COLUMN run;
