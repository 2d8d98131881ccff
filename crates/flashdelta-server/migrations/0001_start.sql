CREATE TABLE tenants (
    id {number},
    name TEXT NOT NULL UNIQUE,
    created BIGINT NOT NULL
);

-- Secrets are not kept: `hash` is SHA-256.
CREATE TABLE tokens (
    hash TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    -- operator, gateway, device
    kind TEXT NOT NULL,
    role TEXT NOT NULL,
    -- The device; of others empty.
    device TEXT NOT NULL,
    name TEXT NOT NULL,
    created BIGINT NOT NULL,
    UNIQUE (tenant, id)
);
CREATE INDEX tokens_of_device ON tokens (tenant, device);

CREATE TABLE audit (
    number {number},
    tenant BIGINT NOT NULL REFERENCES tenants (id),
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_of_tenant ON audit (tenant, number);

CREATE TABLE products (
    tenant BIGINT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    rules TEXT NOT NULL,
    limits TEXT NOT NULL,
    -- Counts changes of the product, its releases and rules.
    revision BIGINT NOT NULL,
    -- Counts patches that were made.
    made BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE images (
    tenant BIGINT NOT NULL REFERENCES tenants (id),
    sha256 TEXT NOT NULL,
    file_name TEXT NOT NULL,
    body TEXT NOT NULL,
    hashes TEXT NOT NULL,
    PRIMARY KEY (tenant, sha256)
);

CREATE TABLE releases (
    tenant BIGINT NOT NULL,
    product TEXT NOT NULL,
    version TEXT NOT NULL,
    body TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, product, version),
    FOREIGN KEY (tenant, product) REFERENCES products (tenant, name)
);

CREATE TABLE devices (
    tenant BIGINT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    product TEXT NOT NULL,
    body TEXT NOT NULL,
    seen BIGINT NOT NULL,
    -- Failures one after the other, of which release, and when it is offered again.
    failures BIGINT NOT NULL,
    failing TEXT NOT NULL,
    retry_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX devices_of_product ON devices (tenant, product);

-- Patches that are to be made, are being made, and were made.
CREATE TABLE jobs (
    tenant BIGINT NOT NULL REFERENCES tenants (id),
    key TEXT NOT NULL,
    product TEXT NOT NULL,
    task TEXT NOT NULL,
    -- SHA-256 of the memories, as the planner knows them; `old` of a patch from nothing is empty.
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    applier TEXT NOT NULL,
    -- queued, running, done, impossible, failed
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    worker TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    created BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    hashes TEXT NOT NULL,
    signature TEXT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX jobs_in_order ON jobs (state, created);
CREATE INDEX jobs_of_product ON jobs (tenant, product, state);

-- What a device is to do, and has done.
CREATE TABLE actions (
    id {number},
    tenant BIGINT NOT NULL,
    device TEXT NOT NULL,
    product TEXT NOT NULL,
    rule TEXT NOT NULL,
    release TEXT NOT NULL,
    body TEXT NOT NULL,
    -- offered, running, cancelling; succeeded, failed, cancelled
    state TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    whole_bytes BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    FOREIGN KEY (tenant, device) REFERENCES devices (tenant, id)
);
CREATE UNIQUE INDEX actions_open ON actions (tenant, device)
    WHERE state IN ('offered', 'running', 'cancelling');
CREATE INDEX actions_of_device ON actions (tenant, device, id);

CREATE TABLE reports (
    number {number},
    tenant BIGINT NOT NULL REFERENCES tenants (id),
    action BIGINT NOT NULL REFERENCES actions (id),
    at BIGINT NOT NULL,
    execution TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX reports_of_action ON reports (tenant, action, number);

-- How far a release has come by a rule.
CREATE TABLE rollouts (
    tenant BIGINT NOT NULL REFERENCES tenants (id),
    product TEXT NOT NULL,
    rule TEXT NOT NULL,
    release TEXT NOT NULL,
    offered BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    stopped_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, product, rule, release)
);
