global using Microsoft.Extensions.Logging.Testing;
global using Npgsql;
global using Presence.Harness.Databases;
global using Presence.Harness.Fakes;
global using Presence.Postgres.Tests.Support;
global using Xunit;
