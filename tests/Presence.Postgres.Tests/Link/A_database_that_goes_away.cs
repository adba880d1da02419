using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;
using Presence.Harness.Conformance;
using Presence.Node;
using Presence.Postgres.Tests.Support;
using Presence.Tracker;

namespace Presence.Postgres.Tests.Link;

[Trait("Category", "Engine.Postgres")]
public sealed class A_database_that_goes_away
{
    /// <summary>The bound the project sets itself.</summary>
    private static readonly TimeSpan ConvergedWithin = TimeSpan.FromSeconds(10);

    [SkippableFact]
    public async Task Members_serve_and_track_meanwhile_and_agree_within_ten_seconds_of_its_return()
    {
        await using var world = await World.OpenAsync();
        var (a, b) = (await world.StartAsync("a"), await world.StartAsync("b"));
        var (tabA, tabB) = (a.Node.StartProcess(), b.Node.StartProcess());
        await a.Node.Tracker.TrackAsync(tabA, "t", "before a");
        await b.Node.Tracker.TrackAsync(tabB, "t", "before b");
        await SeesAsync(a, "before a", "before b");
        await SeesAsync(b, "before a", "before b");

        world.Wire.Cut();
        await world.UntilLostAsync();
        await a.Node.Tracker.TrackAsync(tabA, "t", "meanwhile a");
        await b.Node.Tracker.UntrackAsync(tabB, "t", "before b");
        await b.Node.Tracker.TrackAsync(tabB, "t", "meanwhile b");
        Assert.Equal(["before a", "before b", "meanwhile a"], Keys(a));
        Assert.Equal(["before a", "meanwhile b"], Keys(b));

        world.Wire.Mend();
        var back = Stopwatch.StartNew();
        await SeesAsync(a, "before a", "meanwhile a", "meanwhile b");
        await SeesAsync(b, "before a", "meanwhile a", "meanwhile b");
        Assert.InRange(back.Elapsed, TimeSpan.Zero, ConvergedWithin);
    }

    [SkippableFact]
    public async Task After_a_time_in_which_each_held_the_other_as_down_all_are_shown_again()
    {
        await using var world = await World.OpenAsync(o =>
        {
            o.Tracker.BroadcastPeriod = TimeSpan.FromMilliseconds(100);
            o.Tracker.DownPeriod = TimeSpan.FromSeconds(1);
        });
        var (a, b) = (await world.StartAsync("a"), await world.StartAsync("b"));
        await a.Node.Tracker.TrackAsync(a.Node.StartProcess(), "t", "a");
        await b.Node.Tracker.TrackAsync(b.Node.StartProcess(), "t", "b");
        await SeesAsync(a, "a", "b");
        await SeesAsync(b, "a", "b");
        world.Wire.Cut();
        await SeesAsync(a, "a");
        await SeesAsync(b, "b");
        world.Wire.Mend();
        var back = Stopwatch.StartNew();
        await SeesAsync(a, "a", "b");
        await SeesAsync(b, "a", "b");
        Assert.InRange(back.Elapsed, TimeSpan.Zero, ConvergedWithin);
    }

    [SkippableFact]
    public async Task One_member_alone_that_lost_it_catches_up()
    {
        await using var world = await World.OpenAsync();
        var (a, b) = (await world.StartAsync("a"), await world.StartAsync("b", throughWire: false));
        await a.Node.Tracker.TrackAsync(a.Node.StartProcess(), "t", "a");
        await SeesAsync(b, "a");
        world.Wire.Cut();
        await world.UntilLostAsync();
        await b.Node.Tracker.TrackAsync(b.Node.StartProcess(), "t", "b");
        await a.Node.Tracker.TrackAsync(a.Node.StartProcess(), "t", "a2");
        world.Wire.Mend();
        var back = Stopwatch.StartNew();
        await SeesAsync(a, "a", "a2", "b");
        await SeesAsync(b, "a", "a2", "b");
        Assert.InRange(back.Elapsed, TimeSpan.Zero, ConvergedWithin);
    }

    [SkippableFact]
    public async Task Its_absence_is_told_by_the_status_and_once_in_the_log()
    {
        await using var world = await World.OpenAsync();
        await world.StartAsync("a");
        var link = world.Links[0];
        Assert.True(link.Status.IsConnected);
        Assert.Null(link.Status.Problem);
        world.Wire.Cut();
        await world.UntilLostAsync();
        Assert.NotNull(link.Status.Since);
        Assert.NotNull(link.Status.Problem);
        Assert.DoesNotContain("secret", link.Status.Problem, StringComparison.OrdinalIgnoreCase);
        world.Wire.Mend();
        await world.UntilConnectedAsync();
        Assert.Single(world.Logs[0].Lines, l => l.Level == LogLevel.Warning && l.Text.Contains("lost PostgreSQL", StringComparison.Ordinal));
        Assert.Single(world.Logs[0].Lines, l => l.Text.Contains("reaches PostgreSQL again after", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task A_session_that_is_ended_by_an_operator_is_opened_anew()
    {
        await using var world = await World.OpenAsync();
        // Sessions are found by the names of members, which other tests use at the same time.
        var names = new[] { $"a {world.Database.Schema}", $"b {world.Database.Schema}" };
        var (a, b) = (await world.StartAsync(names[0]), await world.StartAsync(names[1]));
        for (var round = 0; round < 3; round++)
        {
            await world.Database.RunAsync(
                $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'presence _ {world.Database.Schema}'");
            await a.Node.Tracker.TrackAsync(a.Node.StartProcess(), "t", $"{round}");
            await OnDiff.UntilAsync(b.Node.Tracker, () => b.Node.Tracker.Count("t") == round + 1, "b sees what a tracked in the gap");
        }
    }

    [SkippableFact]
    public async Task A_member_whose_name_was_taken_meanwhile_ends_with_an_error_when_it_is_back()
    {
        await using var world = await World.OpenAsync();
        var old = await world.StartAsync("a");
        var witness = await world.StartAsync("b", throughWire: false);
        await old.Node.Tracker.TrackAsync(old.Node.StartProcess(), "t", "old");
        await SeesAsync(witness, "old");
        world.Wire.Cut();
        await world.UntilLostAsync();
        var young = await world.StartAsync("a", throughWire: false);
        await young.Node.Tracker.TrackAsync(young.Node.StartProcess(), "t", "young");
        await SeesAsync(witness, "young");
        var seen = new ConcurrentQueue<PresenceChange>();
        await using var watching = await witness.Node.Tracker.AddHandlerAsync(
            new OnDiff(diff => diff.Topics.SelectMany(topic => topic.Changes).ToList().ForEach(seen.Enqueue)));
        world.Wire.Mend();
        await Harness.Patience.UntilAsync("the older has ended", TimeSpan.FromSeconds(30), () => old.Node.State == NodeState.Failed);
        Assert.Equal(NodeState.Ready, young.Node.State);

        await young.Node.Tracker.TrackAsync(young.Node.StartProcess(), "t", "young too");
        await SeesAsync(witness, "young", "young too");
        Assert.DoesNotContain(seen, change => change.Entry.Key == "young" && change.Kind == PresenceChangeKind.Left);
    }

    [SkippableFact]
    public async Task A_member_stops_quickly_without_it()
    {
        await using var world = await World.OpenAsync();
        var (a, b) = (await world.StartAsync("a"), await world.StartAsync("b"));
        await b.Node.Tracker.TrackAsync(b.Node.StartProcess(), "t", "b");
        await SeesAsync(a, "b");
        world.Wire.Cut();
        await world.UntilLostAsync();
        // The farewell has nobody to go to; the patience is for a busy machine.
        await a.StopAsync().WaitAsync(TimeSpan.FromSeconds(5));
    }

    [SkippableFact]
    public async Task The_tables_are_made_anew_where_they_are_lost_with_the_database()
    {
        await using var world = await World.OpenAsync();
        var (a, b) = (await world.StartAsync("a"), await world.StartAsync("b"));
        world.Wire.Cut();
        await world.UntilLostAsync();
        await world.Database.RunAsync($"DROP SCHEMA {world.Database.Schema} CASCADE");
        world.Wire.Mend();
        await a.Node.Tracker.TrackAsync(a.Node.StartProcess(), "t", "k");
        await SeesAsync(b, "k");
    }

    private static string[] Keys(IEngineNode at) => [.. at.Node.Tracker.List("t").Select(e => e.Key)];

    private static Task SeesAsync(IEngineNode at, params string[] keys) =>
        OnDiff.UntilAsync(at.Node.Tracker, () => Keys(at).SequenceEqual(keys), $"{at.Node.Name} sees {string.Join(", ", keys)}");

    /// <summary>Members whose way to the database can be cut.</summary>
    private sealed class World : LinkEngine
    {
        private readonly Action<PresenceOptions> _configure;
        private readonly List<PostgresSource> _sources = [];
        private bool _throughWire;

        private World(Database database, Action<PresenceOptions> configure)
        {
            Database = database;
            _configure = configure;
            var text = new NpgsqlConnectionStringBuilder(database.ConnectionString);
            Wire = new Wire(text.Host!, text.Port);
        }

        public Database Database { get; }

        public Wire Wire { get; }

        public List<PostgresLink> Links { get; } = [];

        public List<RecordedLog<PostgresLink>> Logs { get; } = [];

        public override int MostFrameBytes => throw new NotSupportedException();

        public static async Task<World> OpenAsync(Action<PresenceOptions>? configure = null) =>
            new(await Database.OpenAsync(), configure ?? (_ => { }));

        public Task<IEngineNode> StartAsync(string name, bool throughWire = true)
        {
            _throughWire = throughWire;
            return StartNodeAsync(name, _configure);
        }

        /// <summary>Waits until those behind the wire have noticed.</summary>
        public Task UntilLostAsync() => UntilAsync("lost PostgreSQL");

        public Task UntilConnectedAsync() => UntilAsync("reaches PostgreSQL again");

        public override async ValueTask DisposeAsync()
        {
            Wire.Mend();
            await base.DisposeAsync();
            foreach (var source in _sources)
            {
                await source.DisposeAsync();
            }

            Wire.Dispose();
            await Database.DisposeAsync();
        }

        protected override IClusterLink CreateLink(string name)
        {
            var text = new NpgsqlConnectionStringBuilder(Database.ConnectionString);
            text.Port = _throughWire ? Wire.Port : text.Port;
            var source = new PostgresSource(Database.Options(o => o.ConnectionString = text.ConnectionString), name);
            _sources.Add(source);
            var log = new RecordedLog<PostgresLink>();
            var link = new PostgresLink(name, source, log);
            if (_throughWire)
            {
                Links.Add(link);
                Logs.Add(log);
            }

            return link;
        }

        protected override Task KillAsync(IClusterLink link) => ((PostgresLink)link).AbortAsync();

        private async Task UntilAsync(string text)
        {
            foreach (var log in Logs)
            {
                await log.UntilAsync(text);
            }
        }
    }
}
