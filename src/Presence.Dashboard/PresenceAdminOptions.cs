using Presence.Tracker;

namespace Presence.Dashboard;

/// <summary>Who may use the admin endpoints, and how hard one may try (<c>Presence:Admin</c>).</summary>
public sealed class PresenceAdminOptions
{
    /// <summary>Name to sign in with. Default <c>admin</c>. Not empty and without a colon, which Basic cannot carry.</summary>
    public string User { get; set; } = "admin";

    /// <summary>
    /// Password to sign in with; the same on all members. Default none: then the environment Development makes one up for
    /// this process and logs it, and any other answers every admin request with 503.
    /// </summary>
    public string? Password { get; set; }

    /// <summary>How long a token of <c>POST /admin/token</c> is good. Default 8 hours; between 1 minute and 7 days.</summary>
    public TimeSpan TokenLifetime { get; set; } = TimeSpan.FromHours(8);

    /// <summary>
    /// Failed attempts of one address (of one /64 network for IPv6) within <see cref="FailureWindow"/>, after which it is
    /// answered 429 until the window ends, whatever it presents. Default 20, at least 1.
    /// </summary>
    public int MaxFailures { get; set; } = 20;

    /// <summary>Length of the window in which failures are counted. Default 1 minute; between 1 second and 1 day.</summary>
    public TimeSpan FailureWindow { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Largest body of a request, in bytes. Default 256 KiB; between 1 KiB and 16 MiB.</summary>
    public int MaxBodyBytes { get; set; } = 256 * 1024;

    /// <summary>Checks the rules above.</summary>
    /// <exception cref="PresenceOptionsException">A value breaks a rule; the message says which.</exception>
    public void Validate()
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
