-- People. `password` is Argon2id, in the text form that says its own parameters.
CREATE TABLE operators (
    tenant BIGINT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- Browsers that are signed in. Secrets are not kept: `hash` is SHA-256.
CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL,
    operator TEXT NOT NULL,
    ends BIGINT NOT NULL,
    FOREIGN KEY (tenant, operator) REFERENCES operators (tenant, name)
);
CREATE INDEX sessions_of_operator ON sessions (tenant, operator);
