-- compatible_from: 3
-- What leaders say of opening their databases. Nothing that decides who may write looks at it.
create table openings (
    database      uuid primary key references databases (id) on delete cascade,
    served_epoch  bigint,                         -- its leader of this epoch opened it and served it
    -- The published state that its engine refuses, and why; null while none is known.
    failed_seq    bigint,
    failed_code   text,
    failed_reason text,
    failed_at     timestamptz,
    opens_seq     bigint,                         -- the newest state before failed_seq that opens, once it is found
    accepted_seq  bigint,                         -- an operator lets the chain go on from opens_seq
    -- Restored from the bucket, opened and checked: the last published state for which that went well.
    verified_seq  bigint,
    verified_at   timestamptz
) with (fillfactor = 80);
create index openings_failed on openings (database) where failed_seq is not null;

-- An operation waits until the leader has served it. Without that a leader opens a database at its first request.
alter table placements add column awaited boolean not null default false;
create index placements_awaited on placements (database) where awaited;

-- Said by the node named in `leader` while another still leads: what is published does not open there, so it will not take over.
alter table placements add column refused_code text;
alter table placements add column refused_reason text;
