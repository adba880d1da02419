global using System.Net;
global using System.Net.Sockets;
global using Microsoft.Extensions.Configuration;
global using Microsoft.Extensions.DependencyInjection;
global using Presence.Channels;
global using Presence.TestKit;
global using Xunit;
