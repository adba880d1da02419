using System.Diagnostics.Metrics;

namespace Presence.Dashboard.SignIn;

/// <summary>Meter <c>Presence.Dashboard</c>. No name or address is a tag.</summary>
internal sealed class AdminInstruments(IMeterFactory meters)
{
    public const string MeterName = "Presence.Dashboard";

    private readonly Counter<long> _attempts = meters.Create(MeterName).CreateCounter<long>(
        "presence.admin.attempts",
        "{attempt}",
        "Requests with credentials, by outcome: accepted, rejected, slowed, limited, closed (no password).");

    public void Count(string outcome) => _attempts.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
}
