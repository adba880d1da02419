global using System.Diagnostics;
global using System.Globalization;
global using System.Net;
global using Microsoft.Extensions.DependencyInjection;
global using Microsoft.Extensions.Hosting;
global using Presence.Node;
