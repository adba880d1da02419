-- What the silos of a cluster know about each other, for Microsoft.Orleans.Clustering.AdoNet: that provider reads the statements it
-- runs from orleansquery, by key, and names their parameters and columns. Every change of a silo's row raises the version of its
-- cluster by one and happens only at the version it was decided on, in one statement.

CREATE TABLE IF NOT EXISTS cluster_version (
    cluster text PRIMARY KEY,
    version integer NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS silo (
    cluster text NOT NULL REFERENCES cluster_version,
    address text NOT NULL,
    port integer NOT NULL,
    generation integer NOT NULL,
    name text NOT NULL,
    host text NOT NULL,
    status integer NOT NULL,
    gateway integer NOT NULL,
    suspected text,
    started timestamptz NOT NULL,
    alive timestamptz NOT NULL,
    PRIMARY KEY (cluster, address, port, generation)
);

CREATE TABLE IF NOT EXISTS orleansquery (
    querykey text PRIMARY KEY,
    querytext text NOT NULL
);

INSERT INTO orleansquery VALUES
('InsertMembershipVersionKey', '
WITH added AS (
    INSERT INTO cluster_version (cluster) VALUES (@DeploymentId::text) ON CONFLICT DO NOTHING RETURNING 1)
SELECT count(*)::integer FROM added'),

('InsertMembershipKey', '
WITH next AS (
    UPDATE cluster_version SET version = version + 1
    WHERE cluster = @DeploymentId::text AND version = @Version::integer
    RETURNING cluster),
added AS (
    INSERT INTO silo (cluster, address, port, generation, name, host, status, gateway, started, alive)
    SELECT cluster, @Address::text, @Port::integer, @Generation::integer, @SiloName::text, @HostName::text,
        @Status::integer, @ProxyPort::integer, @StartTime::timestamptz, @IAmAliveTime::timestamptz
    FROM next
    RETURNING 1)
SELECT count(*)::integer FROM added'),

('UpdateMembershipKey', '
WITH next AS (
    UPDATE cluster_version SET version = version + 1
    WHERE cluster = @DeploymentId::text AND version = @Version::integer AND EXISTS (
        SELECT FROM silo s
        WHERE s.cluster = @DeploymentId::text AND s.address = @Address::text AND s.port = @Port::integer
            AND s.generation = @Generation::integer)
    RETURNING cluster),
changed AS (
    UPDATE silo s SET status = @Status::integer, suspected = @SuspectTimes::text, alive = @IAmAliveTime::timestamptz
    FROM next
    WHERE s.cluster = next.cluster AND s.address = @Address::text AND s.port = @Port::integer
        AND s.generation = @Generation::integer
    RETURNING 1)
SELECT count(*)::integer FROM changed'),

('UpdateIAmAlivetimeKey', '
UPDATE silo SET alive = @IAmAliveTime::timestamptz
WHERE cluster = @DeploymentId::text AND address = @Address::text AND port = @Port::integer
    AND generation = @Generation::integer'),

('MembershipReadAllKey', '
SELECT v.cluster AS DeploymentId, s.address AS Address, s.port AS Port, s.generation AS Generation, s.name AS SiloName,
    s.host AS HostName, s.status AS Status, s.gateway AS ProxyPort, s.suspected AS SuspectTimes, s.started AS StartTime,
    s.alive AS IAmAliveTime, v.version AS Version
FROM cluster_version v LEFT JOIN silo s USING (cluster)
WHERE v.cluster = @DeploymentId::text'),

('MembershipReadRowKey', '
SELECT v.cluster AS DeploymentId, s.address AS Address, s.port AS Port, s.generation AS Generation, s.name AS SiloName,
    s.host AS HostName, s.status AS Status, s.gateway AS ProxyPort, s.suspected AS SuspectTimes, s.started AS StartTime,
    s.alive AS IAmAliveTime, v.version AS Version
FROM cluster_version v LEFT JOIN silo s
    ON s.cluster = v.cluster AND s.address = @Address::text AND s.port = @Port::integer AND s.generation = @Generation::integer
WHERE v.cluster = @DeploymentId::text'),

('GatewaysQueryKey', '
SELECT address AS Address, gateway AS ProxyPort, generation AS Generation FROM silo
WHERE cluster = @DeploymentId::text AND status = @Status::integer AND gateway > 0'),

('DeleteMembershipTableEntriesKey', '
WITH silos AS (DELETE FROM silo WHERE cluster = @DeploymentId::text)
DELETE FROM cluster_version WHERE cluster = @DeploymentId::text'),

('CleanupDefunctSiloEntriesKey', '
DELETE FROM silo WHERE cluster = @DeploymentId::text AND alive < @IAmAliveTime::timestamptz AND status <> 3')
ON CONFLICT (querykey) DO UPDATE SET querytext = EXCLUDED.querytext;
