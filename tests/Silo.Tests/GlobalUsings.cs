global using System.Net;
global using Microsoft.Extensions.Configuration;
global using Microsoft.Extensions.DependencyInjection;
global using Presence.Channels;
global using Presence.Grains.Clustering;
global using Presence.TestKit;
global using Xunit;
