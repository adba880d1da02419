global using Presence.Crdt;
global using Presence.Harness;
global using Presence.TestKit;
global using Presence.Tracker.Tests.Support;
global using Xunit;
global using Xunit.Abstractions;
