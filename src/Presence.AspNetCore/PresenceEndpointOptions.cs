namespace Presence.AspNetCore;

/// <summary>Options of <c>MapPresence</c>.</summary>
public sealed class PresenceEndpointOptions
{
    /// <summary>
    /// Gets or sets the authorization policy of the routes that read, and of the events. Default null: that of the
    /// group.
    /// </summary>
    public string? ReadPolicy { get; set; }

    /// <summary>
    /// Gets or sets the authorization policy of <c>PUT</c> and <c>DELETE</c>. Default null: that of the group.
    /// </summary>
    public string? WritePolicy { get; set; }

    /// <summary>Gets or sets whether <c>PUT</c> and <c>DELETE</c> are mapped. Default true.</summary>
    public bool AllowWrites { get; set; } = true;

    /// <summary>
    /// Gets or sets for how long a <c>PUT</c> lasts that states no duration. Default 30 s; 1 s to
    /// <see cref="MaxLeaseDuration"/>.
    /// </summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets or sets the maximum duration that a <c>PUT</c> may state. Default and maximum 10 min.</summary>
    public TimeSpan MaxLeaseDuration { get; set; } = TimeSpan.FromMinutes(10);

    /// <exception cref="ArgumentException">A value is out of range; the message names it.</exception>
    internal void Validate()
    {
        if (MaxLeaseDuration < TimeSpan.FromSeconds(1) || MaxLeaseDuration > TimeSpan.FromMinutes(10))
        {
            throw new ArgumentException($"MaxLeaseDuration is {MaxLeaseDuration}: it must be 1 s to 10 min.");
        }

        if (LeaseDuration < TimeSpan.FromSeconds(1) || LeaseDuration > MaxLeaseDuration)
        {
            throw new ArgumentException(
                $"LeaseDuration is {LeaseDuration}: it must be 1 s to MaxLeaseDuration, {MaxLeaseDuration}.");
        }
    }
}
