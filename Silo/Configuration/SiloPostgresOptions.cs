using Presence.Postgres;

namespace Presence.Silo;

/// <summary>The section <c>Presence:Postgres</c>: which tables, and how patiently.</summary>
internal sealed record SiloPostgresOptions
{
    private readonly List<Action<PresencePostgresOptions>> _given = [];

    /// <summary>Sets what was configured; the rest keeps the library's default, and the library checks the values.</summary>
    public void CopyTo(PresencePostgresOptions options) => _given.ForEach(set => set(options));

    public static SiloPostgresOptions Read(IConfigurationSection section)
    {
        var options = new SiloPostgresOptions();
        var given = options._given;
        var reader = new SettingsReader(section);
        if (reader.Text(nameof(PresencePostgresOptions.Schema)) is { } schema)
        {
            given.Add(o => o.Schema = schema);
        }

        if (reader.Text(nameof(PresencePostgresOptions.CreateSchema)) is { } text)
        {
            var create = bool.TryParse(text, out var value)
                ? value
                : throw reader.Bad(nameof(PresencePostgresOptions.CreateSchema), text, "must be true or false");
            given.Add(o => o.CreateSchema = create);
        }

        reader.Int(nameof(PresencePostgresOptions.OutboxFrames), value => given.Add(o => o.OutboxFrames = value));
        reader.Int(nameof(PresencePostgresOptions.OutboxBytes), value => given.Add(o => o.OutboxBytes = value));
        reader.Int(nameof(PresencePostgresOptions.InboxCapacity), value => given.Add(o => o.InboxCapacity = value));
        reader.Int(nameof(PresencePostgresOptions.MaxFrameBytes), value => given.Add(o => o.MaxFrameBytes = value));
        reader.Duration(nameof(PresencePostgresOptions.MaxFrameAge), value => given.Add(o => o.MaxFrameAge = value));
        reader.Duration(nameof(PresencePostgresOptions.StartTimeout), value => given.Add(o => o.StartTimeout = value));
        reader.Duration(nameof(PresencePostgresOptions.CommandTimeout), value => given.Add(o => o.CommandTimeout = value));
        reader.Duration(nameof(PresencePostgresOptions.KeepAlive), value => given.Add(o => o.KeepAlive = value));
        reader.Duration(nameof(PresencePostgresOptions.MaxReconnectDelay), value => given.Add(o => o.MaxReconnectDelay = value));
        reader.Duration(nameof(PresencePostgresOptions.UpkeepPeriod), value => given.Add(o => o.UpkeepPeriod = value));
        reader.RefuseOthers();
        return options;
    }
}
