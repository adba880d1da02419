namespace Presence.EndToEnd.Tests;

/// <summary>Where things lie in the repository and on this machine.</summary>
internal static class Places
{
    public static string Scripts { get; } = Path.Combine(HostFiles.Root, "tests", "Presence.EndToEnd.Tests", "js");

    /// <summary>Folder of screenshots and logs of failures.</summary>
    public static string Results { get; } = HostFiles.ResultsOf("end-to-end");

    /// <summary>Returns the path of the browser; skips the test if there is none.</summary>
    public static string Chromium()
    {
        var named = Environment.GetEnvironmentVariable("PRESENCE_CHROMIUM");
        var chromium = string.IsNullOrEmpty(named)
            ? Executable.Find("chromium", "chromium-browser", "google-chrome")
            : named;
        var lack = File.Exists(chromium) ? null : "Chromium is not here; install it or name it in PRESENCE_CHROMIUM.";
        Requirement.Demand("browser", lack);
        return chromium!;
    }
}
