#!/bin/sh
# Three roles: the superuser is used by nobody, the owner creates the tables, the silos read and write them.
set -e
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres \
  -v owner_password="$OWNER_PASSWORD" -v node_password="$NODE_PASSWORD" <<'SQL'
CREATE ROLE presence_owner LOGIN PASSWORD :'owner_password' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
CREATE ROLE presence LOGIN PASSWORD :'node_password' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
CREATE DATABASE presence OWNER presence_owner;
REVOKE ALL ON DATABASE presence FROM PUBLIC;
GRANT CONNECT ON DATABASE presence TO presence;
\connect presence
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SET ROLE presence_owner;
CREATE SCHEMA presence;
CREATE SCHEMA presence_orleans;
CREATE SCHEMA presence_keys;
GRANT USAGE ON SCHEMA presence, presence_orleans, presence_keys TO presence;
ALTER DEFAULT PRIVILEGES IN SCHEMA presence, presence_orleans, presence_keys
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO presence;
ALTER DEFAULT PRIVILEGES IN SCHEMA presence, presence_orleans, presence_keys GRANT USAGE ON SEQUENCES TO presence;
SQL
