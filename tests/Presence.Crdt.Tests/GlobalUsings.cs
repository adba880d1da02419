global using FsCheck;
global using FsCheck.Fluent;
global using Presence.Crdt.Tests.Support;
global using Presence.Harness;
global using Xunit;
