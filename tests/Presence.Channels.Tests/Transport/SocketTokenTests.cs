using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection;

namespace Presence.Channels.Tests.Transport;

public sealed class SocketTokenTests : IDisposable
{
    private readonly CountingTime _time = new();
    private readonly Harness _counts = new();
    private readonly CountingProtection _protection = new();
    private readonly SocketTokens _tokens;

    public SocketTokenTests() => _tokens = new SocketTokens(_protection, _time, _counts.Server.Instruments);

    public void Dispose() => _counts.Dispose();

    [Theory]
    [InlineData("ann")]
    [InlineData("a:b:c")]
    [InlineData("😀")]
    public void A_token_names_its_user(string user)
    {
        Assert.Equal(user, _tokens.TryRead("door", _tokens.Create("door", user, TimeSpan.FromMinutes(1))));
        Assert.Equal(user, _tokens.TryRead("a:b", _tokens.Create("a:b", user, TimeSpan.FromMinutes(1))));
    }

    [Fact]
    public void A_token_expires()
    {
        var token = _tokens.Create("door", "ann", TimeSpan.FromMinutes(1));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal("ann", _tokens.TryRead("door", token));
        _time.Advance(TimeSpan.FromSeconds(1));
        ExpectRefused("expired", "door", token);
    }

    [Theory]
    [InlineData("door", "cellar")]
    [InlineData("door", "doo")]
    [InlineData("door", "doora")]
    [InlineData("longpoll:One", "longpoll:Two")]
    public void A_token_is_good_for_its_purpose_only(string purpose, string other) =>
        ExpectRefused("purpose", other, _tokens.Create(purpose, "ann", TimeSpan.FromMinutes(1)));

    [Fact]
    public void A_token_of_other_keys_is_forged()
    {
        var others = new SocketTokens(new EphemeralDataProtectionProvider(), _time, _counts.Server.Instruments);
        ExpectRefused("forged", "door", others.Create("door", "ann", TimeSpan.FromMinutes(1)));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("CfDJ8AAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("not base64 !")]
    public void What_is_no_token_is_forged(string token) => ExpectRefused("forged", "door", token);

    [Fact]
    public void What_is_too_long_for_a_token_is_not_opened()
    {
        ExpectRefused("too_long", "door", new string('A', 4097));
        Assert.Equal(0, _protection.Opened);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void No_token_at_all_is_refused_and_not_counted(string? token)
    {
        Assert.Null(_tokens.TryRead("door", token));
        Assert.DoesNotContain(
            new[] { "forged", "too_long", "purpose", "expired" }, reason => _counts.Counted("presence.tokens.refused:" + reason) > 0);
    }

    [Fact]
    public void A_token_with_a_changed_letter_is_forged_wherever_the_letter_is()
    {
        var token = _tokens.Create("door", "ann", TimeSpan.FromMinutes(1));
        for (var i = 0; i < token.Length - 2; i++)
        {
            var changed = token.ToCharArray();
            changed[i] = changed[i] == 'A' ? 'B' : 'A';
            Assert.Null(_tokens.TryRead("door", new string(changed)));
        }

        Assert.Equal(token.Length - 2, _counts.Counted("presence.tokens.refused:forged"));
    }

    [Theory]
    [InlineData("other text")]
    [InlineData("1:2")]
    [InlineData("x:4:doorann")]
    [InlineData("9223372036854775807:99:doorann")]
    [InlineData("9223372036854775807:-1:doorann")]
    public void What_was_sealed_with_the_right_keys_and_is_no_token_is_forged(string text) =>
        ExpectRefused("forged", "door", _protection.CreateProtector("Presence.Channels.SocketToken.v2").Protect(text));

    [Fact]
    public void Whatever_is_wrong_with_a_token_it_is_opened_once_and_judged_by_time_and_purpose()
    {
        var good = _tokens.Create("door", "ann", TimeSpan.FromMinutes(2));
        var elsewhere = _tokens.Create("cellar", "ann", TimeSpan.FromMinutes(2));
        var old = _tokens.Create("door", "ann", TimeSpan.FromMinutes(1));
        var oldElsewhere = _tokens.Create("cellar", "ann", TimeSpan.FromMinutes(1));
        _time.Advance(TimeSpan.FromMinutes(1));
        var works = new[] { good, elsewhere, old, oldElsewhere }.Select(WorkOf).Distinct().ToList();
        Assert.Equal((Opened: 1, Clock: 1), Assert.Single(works));

        var forged = WorkOf(new SocketTokens(new EphemeralDataProtectionProvider(), _time, _counts.Server.Instruments)
            .Create("door", "ann", TimeSpan.FromMinutes(2)));
        Assert.Equal(1, forged.Opened);
    }

    [Fact]
    public void A_token_without_purpose_user_or_lifetime_is_not_made()
    {
        Assert.Throws<ArgumentException>(() => _tokens.Create("", "ann", TimeSpan.FromMinutes(1)));
        Assert.Throws<ArgumentException>(() => _tokens.Create("door", "", TimeSpan.FromMinutes(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tokens.Create("door", "ann", TimeSpan.Zero));
    }

    [Theory]
    [InlineData("forged", "forged")]
    [InlineData("other purpose", "purpose")]
    [InlineData("expired", "expired")]
    public async Task A_refused_token_at_the_door_is_counted_with_its_reason(string which, string reason)
    {
        var time = new CountingTime();
        await using var host = await WebHost.StartAsync(
            "n1", null, builder => builder.Services.AddSingleton<TimeProvider>(time));
        using var counted = new CountedReasons(host.Services, "presence.tokens.refused");
        var token = host.Services.GetRequiredService<SocketTokens>()
            .Create(which == "other purpose" ? "cellar" : "door", "ann", TimeSpan.FromMinutes(1));
        if (which == "expired")
        {
            time.Advance(TimeSpan.FromMinutes(1));
        }

        var sent = Uri.EscapeDataString(which == "forged" ? token[..^4] + "AAAA" : token);
        using var socket = await host.ConnectAsync("/socket/websocket?vsn=2.0.0&token=" + sent);
        Assert.Equal(System.Net.HttpStatusCode.Forbidden, socket.HttpStatusCode);
        Assert.Equal([reason], counted.Reasons);
    }

    private void ExpectRefused(string reason, string purpose, string token)
    {
        Assert.Null(_tokens.TryRead(purpose, token));
        Assert.Equal(1, _counts.Counted("presence.tokens.refused:" + reason));
    }

    private (int Opened, int Clock) WorkOf(string token)
    {
        var (opened, asked) = (_protection.Opened, _time.Asked);
        _ = _tokens.TryRead("door", token);
        return (_protection.Opened - opened, _time.Asked - asked);
    }

    /// <summary>Real keys, and how often they were used to open something.</summary>
    private sealed class CountingProtection : IDataProtectionProvider
    {
        private readonly EphemeralDataProtectionProvider _inner = new();

        public int Opened { get; private set; }

        public IDataProtector CreateProtector(string purpose) => new Protector(this, _inner.CreateProtector(purpose));

        private sealed class Protector(CountingProtection counting, IDataProtector inner) : IDataProtector
        {
            public IDataProtector CreateProtector(string purpose) => new Protector(counting, inner.CreateProtector(purpose));

            public byte[] Protect(byte[] plaintext) => inner.Protect(plaintext);

            public byte[] Unprotect(byte[] protectedData)
            {
                counting.Opened++;
                return inner.Unprotect(protectedData);
            }
        }
    }
}
