global using Presence.Channels;
global using Presence.Tracker;
global using Xunit;
