using Presence.Tracker.Options;

namespace Presence.Dashboard;

/// <summary>Options of the admin endpoints (<c>Presence:Admin</c>).</summary>
public sealed class PresenceDashboardOptions
{
    /// <summary>User name. Default <c>admin</c>. Not empty and without a colon.</summary>
    public string User { get; set; } = "admin";

    /// <summary>
    /// Password; the same on all nodes. Default none: then Development generates one for this process and logs it, and
    /// any other environment answers every admin request with 503. Except in Development it must have at least 12
    /// characters, 5 of them different, and not be the user name.
    /// </summary>
    public string? Password { get; set; }

    /// <summary>Validity of an admin token. Default 8 hours; between 1 minute and 7 days.</summary>
    public TimeSpan TokenLifetime { get; set; } = TimeSpan.FromHours(8);

    /// <summary>
    /// Failed sign-ins per address (IPv6: per /64 network) within <see cref="FailureWindow"/>, after which the address
    /// may try one password a second until the window ends; attempts that would wait longer than 10 s are answered 429.
    /// Ten times as many failures from all addresses slow every address. Default 20, at least 1.
    /// </summary>
    public int MaxFailures { get; set; } = 20;

    /// <summary>Window for counting failures. Default 1 minute; between 1 second and 1 day.</summary>
    public TimeSpan FailureWindow { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Largest request body in bytes. Default 256 KiB; between 1 KiB and 16 MiB.</summary>
    public int MaxBodyBytes { get; set; } = 256 * 1024;

    /// <summary>
    /// Name of the host's authorization policy that evicting, disconnecting, broadcasting and handing over need besides
    /// the sign-in; others get 403. Default none. It judges the user whom the host has authenticated.
    /// </summary>
    public string? ActionsPolicy { get; set; }

    /// <exception cref="ArgumentException">A value breaks a rule; the message says which.</exception>
    internal void Validate()
    {
        var rules = new OptionRules("Presence:Admin:");
        rules.Require(
            !string.IsNullOrWhiteSpace(User) && !User.Contains(':', StringComparison.Ordinal),
            $"'{User}'",
            "must not be empty or contain a colon",
            nameof(User));
        rules.Require(
            TokenLifetime >= TimeSpan.FromMinutes(1) && TokenLifetime <= TimeSpan.FromDays(7),
            TokenLifetime,
            "must be between 1 minute and 7 days");
        rules.Require(MaxFailures >= 1, MaxFailures, "must be at least 1");
        rules.Require(
            FailureWindow >= TimeSpan.FromSeconds(1) && FailureWindow <= TimeSpan.FromDays(1),
            FailureWindow,
            "must be between 1 second and 1 day");
        rules.Require(
            MaxBodyBytes is >= 1024 and <= 16 * 1024 * 1024, MaxBodyBytes, "must be between 1024 and 16777216");
    }
}
