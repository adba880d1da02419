global using System.Diagnostics;
global using System.Globalization;
global using Presence.Benchmarks.Measuring;
global using Presence.Benchmarks.Subjects;
global using Presence.Grains;
global using Presence.Node;
global using Presence.Tracker;
