using Presence.Postgres;

namespace Presence.Silo;

/// <summary>The section <c>Presence:Postgres</c>: where the leases of unique processes are kept, and how long a statement may take.</summary>
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

        reader.Duration(nameof(PresencePostgresOptions.CommandTimeout), value => given.Add(o => o.CommandTimeout = value));
        reader.RefuseOthers();
        return options;
    }
}
