using Presence.Node;
using Presence.Tracker.Options;

namespace Presence.Channels;

/// <summary>Options of the sessions of channels (<c>Presence:Sessions</c>).</summary>
public sealed class ChannelSessionOptions
{
    internal const string Section = "Presence:Sessions";

    /// <summary>
    /// Gets or sets how long presences of a channel stay after its connection was lost, so that the client can resume
    /// them. Default 0: they end at once. At most 24 h. A route may have its own
    /// (<see cref="ChannelRouteOptions.Grace"/>).
    /// </summary>
    public TimeSpan Grace { get; set; }

    /// <exception cref="ArgumentException">A value breaks a rule; the message says which.</exception>
    internal void Validate() => new OptionRules(Section + ":").Require(
        Grace >= TimeSpan.Zero && Grace <= PresenceSessionOptions.MaxGrace, Grace, "must be between 0 and 24 h");
}

/// <summary>Options of one route of <see cref="SocketRoutes.Channel{TChannel}"/>.</summary>
public sealed class ChannelRouteOptions
{
    /// <summary>
    /// Gets or sets the grace of the route's channels, from 0 to 24 h. Default null: that of
    /// <see cref="ChannelSessionOptions"/>.
    /// </summary>
    public TimeSpan? Grace { get; set; }

    /// <exception cref="ArgumentOutOfRangeException">The grace is out of range.</exception>
    internal void Validate()
    {
        if (Grace is { } grace)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(grace, TimeSpan.Zero, nameof(Grace));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(grace, PresenceSessionOptions.MaxGrace, nameof(Grace));
        }
    }
}
