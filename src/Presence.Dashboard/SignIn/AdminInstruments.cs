using System.Diagnostics.Metrics;

namespace Presence.Dashboard;

/// <summary>Meter <c>Presence.Dashboard</c>. No name and no address is ever a tag.</summary>
internal sealed class AdminInstruments(IMeterFactory meters)
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Presence.Dashboard";

    private readonly Counter<long> _attempts = meters.Create(MeterName).CreateCounter<long>(
        "presence.admin.attempts",
        "{attempt}",
        "Requests with a name and password or a token, by outcome: accepted, refused (wrong), limited (made to wait), closed (no password is configured).");

    public void Count(string outcome) => _attempts.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
}
