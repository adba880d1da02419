global using Microsoft.Extensions.DependencyInjection;
global using Microsoft.Extensions.Logging;
global using Microsoft.Extensions.Logging.Testing;
global using Microsoft.Extensions.Time.Testing;
global using Presence.Harness.Fakes;
global using Presence.Node.Tests.Support;
global using Presence.Tracker;
global using Xunit;
