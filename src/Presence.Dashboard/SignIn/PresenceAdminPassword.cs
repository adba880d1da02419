namespace Presence.Dashboard;

/// <summary>Makes up admin passwords, for hosts that show one to the person who started them.</summary>
public static class PresenceAdminPassword
{
    /// <summary>Twenty URL-safe characters from the system's random source.</summary>
    public static string Generate() => AdminCredentials.NewPassword();
}
