using Microsoft.Extensions.Logging.Testing;
using Presence.Node.Hosting;

namespace Presence.Channels.Tests.Sessions;

/// <summary>Clients can neither flood the log nor forge its lines.</summary>
public sealed class LogTests : IDisposable
{
    private readonly Harness _harness = new();

    public void Dispose() => _harness.Dispose();

    [Fact]
    public async Task Joins_that_crash_are_logged_ten_times_a_minute_and_counted()
    {
        var client = _harness.Connect();
        for (var i = 0; i < 1000; i++)
        {
            await client.SendAsync($$"""["{{i}}","{{i}}","picky:{{i}}","phx_join",{}]""");
        }

        Assert.Equal(10, Lines.Length);
        Assert.All(Lines, line => Assert.Contains("(1 occurrences", line.Message, StringComparison.Ordinal));
        Assert.Equal(1000, _harness.Counted("presence.channel.failures:join"));

        _harness.Time.Advance(TimeSpan.FromMinutes(1));
        await client.SendAsync("""["a","a","picky:a","phx_join",{}]""");
        Assert.Contains("(991 occurrences since last log)", Lines[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Flood_of_one_channel_does_not_hide_another()
    {
        var client = _harness.Connect();
        for (var i = 0; i < 20; i++)
        {
            await client.SendAsync($$"""["{{i}}","{{i}}","picky:{{i}}","phx_join",{}]""");
        }

        await client.SendAsync("""["x","x","room:x","phx_join",{}]""");
        Assert.StartsWith("Join of room:x threw", Lines[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Control_characters_of_topics_and_exceptions_are_escaped()
    {
        var client = _harness.Connect();
        await client.SendAsync("""["1","1","picky:\u001b[2J\n\u202eforged","phx_join",{}]""");
        Assert.StartsWith(
            @"Join of picky:\u001B[2J\u000A\u202Eforged threw", Lines[0].Message, StringComparison.Ordinal);
        await client.SendAsync("""["1","1","room:a","phx_join",{"key":"a","meta":5}]""");
        Assert.DoesNotContain('\u001b', Lines[1].Exception!.ToString());
    }

    [Theory]
    [InlineData("plain é 😀", "plain é 😀")]
    [InlineData("a\r\nb\u0085\u2028", @"a\u000D\u000Ab\u0085\u2028")]
    [InlineData("\u009b1m\u007f", @"\u009B1m\u007F")]
    public void Unsafe_characters_are_escaped(string text, string expected) =>
        Assert.Equal(expected, LogText.Escape(text));

    [Fact]
    public void Half_surrogates_are_escaped() =>
        Assert.Equal(@"\uD83Da\uDE00", LogText.Escape("\ud83da\ude00"));

    [Fact]
    public void Message_of_an_exception_is_escaped_and_its_type_and_place_stay()
    {
        var plain = new FormatException("as asked");
        Assert.Same(plain, LogText.Escape(plain));
        var thrown = Record.Exception((Action)(
            () => throw new InvalidOperationException("outer", new FormatException("'\n\u001bforged'"))));
        var text = LogText.Escape(thrown).ToString();
        Assert.Contains(@"System.FormatException: '\u000A\u001Bforged'", text, StringComparison.Ordinal);
        Assert.Contains("System.InvalidOperationException: outer", text, StringComparison.Ordinal);
        Assert.Contains(nameof(Message_of_an_exception_is_escaped_and_its_type_and_place_stay), text,
            StringComparison.Ordinal);
    }

    private FakeLogRecord[] Lines => [.. _harness.Lines.Collector.GetSnapshot()];
}
