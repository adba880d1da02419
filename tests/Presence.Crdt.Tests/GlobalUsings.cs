global using FsCheck.Fluent;
global using FsCheck;
global using Presence.Crdt.Tests.Support;
global using Xunit;
