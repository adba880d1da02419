using Npgsql;
using Presence.Harness;
using Presence.Harness.Conformance;
using Presence.Node;
using Presence.Postgres.Tests.Support;

namespace Presence.Postgres.Tests.Link;

/// <summary>Notifications that are refused, swallowed or made up, and rows that others have deleted.</summary>
[Trait("Category", "Engine.Postgres")]
public sealed class A_server_that_misbehaves
{
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(30);

    [SkippableTheory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("no base64!")]
    [InlineData("AQE=")]
    public async Task A_notification_that_means_nothing_is_counted_and_what_follows_is_heard(string payload)
    {
        await using var world = await World.OpenAsync();
        using var drops = new Drops(world.B.Instruments);
        await world.Database.RunAsync($"SELECT pg_notify('{world.Database.Schema}', '{payload}')");
        world.A.Broadcast(Frame(7));
        await world.HeardByB.UntilAsync("frame", "a");
        Assert.Equal(1, drops.Of("undecodable"));
    }

    [SkippableFact]
    public async Task A_pointer_to_a_row_that_is_gone_is_counted_and_what_follows_is_heard()
    {
        await using var world = await World.OpenAsync();
        using var drops = new Drops(world.B.Instruments);
        var pointer = Convert.ToBase64String(world.A.Writer.Stored(Guid.NewGuid()));
        await world.Database.RunAsync($"SELECT pg_notify('{world.Database.Schema}', '{pointer}')");
        world.A.Broadcast(Frame(7));
        await world.HeardByB.UntilAsync("frame", "a");
        Assert.Equal(1, drops.Of("not_fetched"));
    }

    [SkippableFact]
    public async Task A_full_queue_of_notifications_costs_frames_and_not_the_connection()
    {
        await using var world = await World.OpenAsync();
        using var drops = new Drops(world.A.Instruments);
        await world.SetAsync("refuses");
        world.A.Broadcast(Frame(7));
        await Patience.UntilAsync("the frame is refused", Patient, () => drops.Of("refused") == 1);
        Assert.True(world.A.Status.IsConnected);
        await world.SetAsync("carries");
        world.A.Broadcast(Frame(8));
        await world.HeardByB.UntilAsync("frame", "a");
        Assert.Equal(8, Assert.Single(world.HeardByB.Frames).Frame.Body.Length);
        Assert.True(world.A.Status.IsConnected);
    }

    [SkippableFact]
    public async Task A_queue_of_notifications_that_fills_is_told_before_it_is_full()
    {
        await using var world = await World.OpenAsync(o => o.UpkeepPeriod = TimeSpan.FromSeconds(1));
        Assert.Equal(0, Drops.Gauge(world.A.Instruments, "presence.postgres.queue"), 2);
        await world.Database.RunAsync($"UPDATE {world.Evil}.mood SET usage = 0.75");
        await world.LogOfA.UntilAsync("queue of notifications is 75 % full");
        Assert.Equal(0.75, Drops.Gauge(world.A.Instruments, "presence.postgres.queue"), 2);
    }

    [SkippableFact]
    public async Task Where_notifications_do_not_come_back_the_start_says_what_is_in_the_way()
    {
        await using var world = await World.OpenAsync();
        await world.SetAsync("swallows");
        var thrown = await Assert.ThrowsAsync<PresencePostgresException>(() => world.StartAsync("c", new HeardFrames()));
        Assert.Contains("pooler in transaction mode", thrown.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_member_whose_row_was_deleted_writes_it_again_and_is_found()
    {
        await using var world = await World.OpenAsync(o => o.UpkeepPeriod = TimeSpan.FromSeconds(1));
        await world.Database.RunAsync($"DELETE FROM {world.Database.Schema}.members");
        var heard = new HeardFrames();
        await world.StartAsync("c", heard);
        await heard.UntilAsync("joined", "a");
        await heard.UntilAsync("joined", "b");
    }

    [SkippableFact]
    public async Task The_metrics_tell_whether_the_database_is_reached()
    {
        await using var world = await World.OpenAsync();
        Assert.Equal(1, Drops.Gauge(world.A.Instruments, "presence.postgres.connected"));
        await world.A.StopAsync(CancellationToken.None);
        Assert.Equal(0, Drops.Gauge(world.A.Instruments, "presence.postgres.connected"));
    }

    private static LinkFrame Frame(int bytes) => new("presence", 0, new byte[bytes]);

    /// <summary>Two links on a server whose <c>pg_notify</c> does what the test says: ours is found before the server's own.</summary>
    private sealed class World(Database database) : IAsyncDisposable
    {
        private readonly List<PostgresSource> _sources = [];
        private readonly List<PostgresLink> _links = [];
        private Action<PresencePostgresOptions> _configure = _ => { };

        public Database Database => database;

        public string Evil => database.Schema + "_evil";

        public PostgresLink A => _links[0];

        public PostgresLink B => _links[1];

        public HeardFrames HeardByB { get; } = new();

        public RecordedLog<PostgresLink> LogOfA { get; } = new();

        public static async Task<World> OpenAsync(Action<PresencePostgresOptions>? configure = null)
        {
            var world = new World(await Database.OpenAsync());
            world._configure = configure ?? world._configure;
            await world.Database.RunAsync($"""
                CREATE SCHEMA {world.Evil};
                CREATE TABLE {world.Evil}.mood (mood text, usage double precision);
                INSERT INTO {world.Evil}.mood VALUES ('carries', 0);
                CREATE FUNCTION {world.Evil}.pg_notify(channel text, packet text) RETURNS void LANGUAGE plpgsql AS $$
                    BEGIN
                        IF (SELECT mood FROM {world.Evil}.mood) = 'refuses' THEN
                            RAISE EXCEPTION 'too many notifications in the NOTIFY queue' USING ERRCODE = '54000';
                        ELSIF (SELECT mood FROM {world.Evil}.mood) = 'carries' THEN
                            PERFORM pg_catalog.pg_notify(channel, packet);
                        END IF;
                    END $$;
                CREATE FUNCTION {world.Evil}.pg_notification_queue_usage() RETURNS double precision LANGUAGE sql AS
                    'SELECT usage FROM {world.Evil}.mood';
                """);
            await world.StartAsync("a", new HeardFrames(), world.LogOfA);
            await world.StartAsync("b", world.HeardByB);
            return world;
        }

        public Task SetAsync(string mood) => database.RunAsync($"UPDATE {Evil}.mood SET mood = '{mood}'");

        public async Task StartAsync(string name, HeardFrames heard, RecordedLog<PostgresLink>? log = null)
        {
            var source = new PostgresSource(
                database.Options(options =>
                {
                    options.ConnectionString = new NpgsqlConnectionStringBuilder(database.ConnectionString)
                    {
                        SearchPath = $"{Evil}, pg_catalog",
                    }.ConnectionString;
                    options.CommandTimeout = TimeSpan.FromSeconds(2);
                    options.StartTimeout = TimeSpan.FromSeconds(1);
                    _configure(options);
                }),
                name);
            _sources.Add(source);
            var link = new PostgresLink(name, source, log ?? new RecordedLog<PostgresLink>());
            _links.Add(link);
            await link.StartAsync(heard, CancellationToken.None);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var link in _links)
            {
                await link.StopAsync(CancellationToken.None);
                link.Dispose();
            }

            foreach (var source in _sources)
            {
                await source.DisposeAsync();
            }

            await database.RunAsync($"DROP SCHEMA {Evil} CASCADE");
            await database.DisposeAsync();
        }
    }
}
