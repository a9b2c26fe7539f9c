-- compatible_from: 3
-- A database that ended the processes which run its engine again and again is not opened for some time: whoever leads it next goes on with that,
-- and operators see it.
alter table openings add column quarantined_until timestamptz;
alter table openings add column quarantine_reason text;
alter table openings add column quarantine_refusals integer not null default 0;
create index openings_quarantined on openings (database) where quarantined_until is not null;
