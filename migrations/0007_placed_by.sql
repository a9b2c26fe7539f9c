-- compatible_from: 3
-- The operation by which a database was placed where it is: whoever carries the operation on, after the manager that began it, knows what
-- it has moved.
alter table placements add column placed_by uuid;
create index placements_placed_by on placements (placed_by) where placed_by is not null;
