-- How often a device has begun the download of an action from its start.
ALTER TABLE actions ADD COLUMN starts BIGINT NOT NULL DEFAULT 0;
