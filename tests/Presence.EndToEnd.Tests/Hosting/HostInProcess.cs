namespace Presence.EndToEnd.Tests;

/// <summary>Starts a host with invalid settings in this process.</summary>
internal static class HostInProcess
{
    public static async Task FailsAsync(string expected, IReadOnlyList<string> arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.Equal(1, await SiloProgram.RunAsync(arguments, output, error).WaitAsync(TimeSpan.FromSeconds(30)));
        Fails(expected, error.ToString());
    }

    /// <summary>Asserts that the error is one line.</summary>
    public static void Fails(string expected, string error)
    {
        Assert.StartsWith($"error: {expected}", error, StringComparison.Ordinal);
        Assert.Single(error.Trim().Split('\n'));
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }
}
