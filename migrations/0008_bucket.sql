-- compatible_from: 3
-- Which bucket is this fleet's: what its marker, the object `fleet.json`, says. Written once, by the first process that found the bucket to
-- be the fleet's.
alter table fleet add column bucket uuid;
