-- compatible_from: 3
-- Whether SQLite enforces foreign keys in a database. Those that exist go on as they are; new ones are created with it,
-- as programs written for libSQL expect.
alter table databases add column foreign_keys boolean not null default false;
