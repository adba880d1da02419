namespace Presence.AspNetCore.Tests;

/// <summary>The commands of the guide, which are run as they stand there.</summary>
public sealed class GuideTests : IAsyncLifetime
{
    private const string Guide = "docs/guides/http.md";

    private WebHost _host = null!;

    public async Task InitializeAsync() => _host = await WebHost.StartNodeAsync();

    public Task DisposeAsync() => _host.DisposeAsync().AsTask();

    [SkippableFact]
    public async Task Reads_of_the_guide_return_what_it_says()
    {
        using var phone = _host.Node.OpenSession();
        using var laptop = _host.Node.OpenSession();
        await _host.Node.Tracker.TrackAsync(phone, "room:1", "ann");
        await _host.Node.Tracker.TrackAsync(laptop, "room:1", "ann");
        await _host.Node.Tracker.TrackAsync(laptop, "room:1", "bob");
        var read = await RunAsync("presence/keys/ann");
        Assert.StartsWith("""{"topic":"room:1","presences":[{""", read, StringComparison.Ordinal);
        Assert.Contains("""{"topic":"room:1","count":3,"keys":2}""", read, StringComparison.Ordinal);
        Assert.Contains("""{"key":"ann","online":true,"topics":["room:1"]}""", read, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Worker_of_the_guide_is_present_until_it_says_that_it_ends()
    {
        var changes = new Awaited<PresenceChange>();
        using var subscription = _host.Node.Tracker.Subscribe(
            "jobs", diff => diff.Changes.ToList().ForEach(changes.Add));
        await RunAsync("curl -X PUT");
        await changes.CountAsync(2);
        Assert.Equal([PresenceChangeKind.Joined, PresenceChangeKind.Left], changes.All.Select(change => change.Kind));
        Assert.All(changes.All, change => Assert.Equal(
            ("worker-7", """{"job":42}"""), (change.Entry.Key, change.Entry.Meta.ToString())));
    }

    private Task<string> RunAsync(string containing) => ShellExample.RunAsync(
        Guide,
        containing,
        replaced: ("http://127.0.0.1:5000", _host.Http.BaseAddress!.GetLeftPart(UriPartial.Authority)));
}
