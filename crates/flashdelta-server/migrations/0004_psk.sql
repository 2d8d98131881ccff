-- Pre-shared keys of DTLS, by which devices are known. A handshake names the identity alone, so that
-- it is of one tenant; `key` is hexadecimal, and as it is: the server needs it.
CREATE TABLE psk (
    identity TEXT PRIMARY KEY,
    tenant BIGINT NOT NULL,
    device TEXT NOT NULL,
    key TEXT NOT NULL,
    created BIGINT NOT NULL,
    UNIQUE (tenant, device),
    FOREIGN KEY (tenant, device) REFERENCES devices (tenant, id)
);
