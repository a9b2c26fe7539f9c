-- Rule 12 for every statement, not only for renewals: until the next renewal is refused, a session must not change a
-- store that is another one, or one that forgot.
create function berth_is_current(session uuid) returns boolean
language sql volatile as $$
    select exists (
        select 1 from sessions s, berth_store_generation() g
        where s.id = $1 and s.system_identifier = g.system_identifier and s.timeline = g.timeline)
$$;

-- Said by the node named in `leader` when it gave the lease up because it cannot serve the database: another one should
-- try. Without it the same node would acquire it again, for ever.
alter table placements add column declined boolean not null default false;
