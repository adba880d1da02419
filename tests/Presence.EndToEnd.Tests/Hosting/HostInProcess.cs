namespace Presence.EndToEnd.Tests;

/// <summary>A host that is expected to refuse its settings, in this process: nothing of it starts.</summary>
internal static class HostInProcess
{
    public static async Task FailsAsync(string says, IReadOnlyList<string> arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.Equal(1, await SiloProgram.RunAsync(arguments, output, error).WaitAsync(TimeSpan.FromSeconds(30)));
        Fails(says, error.ToString());
    }

    /// <summary>That it was one line, and no page of a log.</summary>
    public static void Fails(string says, string error)
    {
        Assert.StartsWith($"error: {says}", error, StringComparison.Ordinal);
        Assert.Single(error.Trim().Split('\n'));
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }
}
