using System.Globalization;
using System.Text.Json;
using Presence.Tracker.Entries;

namespace Presence.Tracker;

/// <summary>Whether a user uses a device.</summary>
public enum PresenceActivity
{
    /// <summary>The user is active, or nothing is said.</summary>
    Active = 0,

    /// <summary>The device is on, but has not been used for a while.</summary>
    Idle = 1,

    /// <summary>The user says to be away.</summary>
    Away = 2,
}

/// <summary>
/// A convention for metadata: the field <c>activity</c> is <c>active</c>, <c>idle</c> or <c>away</c>, and
/// <c>activity_since</c> the time of the last change in milliseconds since 1970.
/// </summary>
public static class PresenceActivities
{
    private static readonly string[] Names = ["active", "idle", "away"];

    /// <summary>Returns metadata with an activity; all other fields are kept.</summary>
    /// <param name="meta">The metadata.</param>
    /// <param name="activity">The activity.</param>
    /// <param name="since">When it began.</param>
    /// <exception cref="ArgumentOutOfRangeException">The activity is none of the enumeration.</exception>
    public static PresenceMeta WithActivity(this PresenceMeta meta, PresenceActivity activity, DateTimeOffset since)
    {
        if (!Enum.IsDefined(activity))
        {
            throw new ArgumentOutOfRangeException(nameof(activity), activity, "Use one of PresenceActivity.");
        }

        var at = since.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        return UnknownFields.Replace(
            meta, ("activity", $"\"{Names[(int)activity]}\""), ("activity_since", at));
    }

    /// <summary>Returns the activity of metadata; active if the field is missing or has another value.</summary>
    public static PresenceActivity GetActivity(this PresenceMeta meta)
    {
        using var json = JsonDocument.Parse(meta.Utf8);
        var name = json.RootElement.TryGetProperty("activity", out var value)
            && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return (PresenceActivity)Math.Max(0, Array.IndexOf(Names, name));
    }

    /// <summary>
    /// Returns the activity of a user with several devices: active if one is, else idle if one is, else away.
    /// </summary>
    /// <param name="devices">The presences under one key.</param>
    public static PresenceActivity GetActivity(this IEnumerable<PresenceEntry> devices) =>
        devices.Select(entry => entry.Meta.GetActivity()).DefaultIfEmpty().Min();
}
