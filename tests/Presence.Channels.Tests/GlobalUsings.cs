global using System.Net;
global using System.Text.Json;
global using System.Text;
global using Microsoft.Extensions.DependencyInjection;
global using Presence.Node;
global using Presence.Tracker;
global using Xunit;
