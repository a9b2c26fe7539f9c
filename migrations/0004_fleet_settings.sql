-- compatible_from: 3
-- What every process of a fleet must agree on; changed by `berth fleet set`, read when a process starts.
alter table fleet
    add column lease_ttl_ms bigint  not null default 5000 check (lease_ttl_ms between 500 and 600000),
    -- The newest format of bundles and changesets that may be written: one that every node can read.
    add column write_format integer not null default 1 check (write_format >= 1);

-- How long a session lives without a renewal is its owner's promise, so it is its owner who writes it down, once. A program that
-- does not tell may have had any: nobody may think it silent before the longest of all has passed.
alter table sessions
    add column ttl_ms           bigint  not null default 600000 check (ttl_ms > 0),
    add column program_version  text    not null default '',
    -- What it says to other nodes, and the newest format it can read and write.
    add column protocol_version integer not null default 0,
    add column format_version   integer not null default 1;
