-- What a node can serve: an engine is optional, and a database goes only where its own is.
alter table nodes add column engines text[] not null default '{sqlite}';
