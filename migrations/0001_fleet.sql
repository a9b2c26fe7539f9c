-- The fleet's memory: what should be (databases, placements, operations), what is (sessions, leases),
-- and where the bytes are (bundles, segments).

-- Which Postgres this is. A restored backup or a promoted standby answers differently, and then no session
-- recorded under the old answer may go on (a lost acknowledgement of the old store could hide here).
create function berth_store_generation(out system_identifier text, out timeline bigint)
language sql volatile as $$
    select c.system_identifier::text,
           ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint
    from pg_control_system() c
$$;

create table fleet (
    singleton         boolean primary key default true check (singleton),
    system_identifier text not null,
    timeline          bigint not null,
    created_at        timestamptz not null default now()
);
insert into fleet (system_identifier, timeline) select * from berth_store_generation();

create table nodes (
    name          text primary key,
    address       text not null,                  -- where its data protocols answer: http://host:port
    state         text not null default 'active' check (state in ('active', 'cordoned')),
    registered_at timestamptz not null default now()
);

-- One row per life of a process. Renewed by one statement however many databases the process leads.
create table sessions (
    id                uuid primary key,
    node              text not null,
    role              text not null check (role in ('node', 'manager')),
    address           text not null,
    renewals          bigint not null default 0,
    system_identifier text not null,
    timeline          bigint not null,
    started_at        timestamptz not null default now(),
    ended_at          timestamptz,                -- final
    end_reason        text,
    revoked_at        timestamptz,
    swept_at          timestamptz                 -- its unpublished objects are gone from the bucket
) with (fillfactor = 50);
create index sessions_live on sessions (node) where ended_at is null;
create index sessions_unswept on sessions (ended_at) where swept_at is null and role = 'node';

create table databases (
    id         uuid primary key,
    name       text not null unique,
    engine     text not null,
    durability text not null,
    created_at timestamptz not null default now()
);

-- Who writes. One row per database for ever; no index on what a publish changes, so publishes stay HOT.
create table leases (
    database       uuid primary key,
    session        uuid references sessions (id),
    epoch          bigint not null default 0,
    head_seq       bigint not null default 0,
    head_checksum  bigint not null default 0,     -- the 64 bits of an unsigned number
    in_sync        uuid[] not null default '{}',
    config_version bigint not null default 0
) with (fillfactor = 50);
create index leases_session on leases (session);
insert into leases (database) values ('00000000-0000-0000-0000-000000000001');  -- the managers' own

-- Where each database should be led. Written by managers under their term, compared with leases by nodes.
create table placements (
    database         uuid primary key references databases (id) on delete cascade,
    leader           text not null references nodes (name),
    term             bigint not null,
    placed_at        timestamptz not null default now(),
    -- Said by the node named above while another still leads: "I hold a copy, hand over to this session."
    prepared_session uuid,
    prepared_copy    uuid
) with (fillfactor = 80);
create index placements_leader on placements (leader);

-- One row per object in the bucket. A tombstone takes the name of an object that must never be published.
create table bundles (
    id           bigint generated always as identity primary key,
    name         text not null unique,
    session      uuid,
    bytes        bigint not null,
    entries      integer not null,
    tombstone    boolean not null default false,
    published_at timestamptz not null default now()
);

-- Where each changeset lies. kind 0: first_seq…last_seq follow on the chain; kind 1: a snapshot of 1…last_seq.
create table segments (
    database          uuid not null,
    last_seq          bigint not null,
    kind              smallint not null,
    first_seq         bigint not null,
    epoch             bigint not null,
    previous_checksum bigint not null,
    checksum          bigint not null,
    page_size         integer not null,
    bundle            bigint not null references bundles (id),
    byte_offset       bigint not null,
    stored_length     bigint not null,
    raw_length        bigint not null,
    compression       smallint not null,
    stored_checksum   bigint not null,
    created_ms        bigint not null,
    primary key (database, kind, last_seq)
);
create index segments_bundle on segments (bundle);

-- Long actions: resumable by the next manager, cancellable, with progress.
create table operations (
    id            uuid primary key,
    kind          text not null check (kind in ('move', 'failover', 'drain')),
    database      uuid references databases (id) on delete cascade,
    node          text,                           -- the node drained, or moved to
    state         text not null default 'pending' check (state in ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    done          bigint not null default 0,
    total         bigint not null default 0,
    cancel        boolean not null default false,
    error_code    text,
    error_message text,
    detail        jsonb not null default '{}',
    term          bigint not null default 0,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    finished_at   timestamptz
);
-- One open operation per database, one per node.
create unique index operations_open_database on operations (database)
    where state in ('pending', 'running') and database is not null;
create unique index operations_open_node on operations (node)
    where state in ('pending', 'running') and database is null;

create table tokens (
    id         uuid primary key,
    name       text not null,
    hash       bytea not null unique,             -- SHA-256 of the secret; the secret is stored nowhere
    scope      text not null check (scope in ('read', 'operate', 'admin')),
    database   uuid references databases (id) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

create table idempotency_keys (
    key         text not null,
    token       uuid not null,
    fingerprint bytea not null,                   -- SHA-256 of method, path and body
    status      integer,
    body        bytea,
    created_at  timestamptz not null default now(),
    primary key (token, key)
);

-- Hints wake whoever may care; a lost one costs a slow poll, never correctness. One channel, "<what> <which…>".
create function berth_hint(what text, which text[]) returns void
language sql volatile as $$
    select pg_notify('berth', what || ' ' ||
        case when cardinality(which) <= 100 then array_to_string(which, ' ') else '*' end)
    where cardinality(which) > 0
$$;
