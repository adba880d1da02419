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
        Assert.Equal(user, _tokens.TryRead("socket", _tokens.Create("socket", user, TimeSpan.FromMinutes(1))));
        Assert.Equal(user, _tokens.TryRead("a:b", _tokens.Create("a:b", user, TimeSpan.FromMinutes(1))));
    }

    [Fact]
    public void A_token_expires()
    {
        var token = _tokens.Create("socket", "ann", TimeSpan.FromMinutes(1));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal("ann", _tokens.TryRead("socket", token));
        _time.Advance(TimeSpan.FromSeconds(1));
        ExpectRejected("expired", "socket", token);
    }

    [Theory]
    [InlineData("socket", "other")]
    [InlineData("socket", "socke")]
    [InlineData("socket", "socketa")]
    [InlineData("longpoll:One", "longpoll:Two")]
    public void Token_is_valid_only_for_its_purpose(string purpose, string other) =>
        ExpectRejected("purpose", other, _tokens.Create(purpose, "ann", TimeSpan.FromMinutes(1)));

    [Fact]
    public void A_token_of_other_keys_is_forged()
    {
        var others = new SocketTokens(new EphemeralDataProtectionProvider(), _time, _counts.Server.Instruments);
        ExpectRejected("forged", "socket", others.Create("socket", "ann", TimeSpan.FromMinutes(1)));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("CfDJ8AAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("not base64 !")]
    public void Malformed_token_is_forged(string token) => ExpectRejected("forged", "socket", token);

    [Fact]
    public void Token_that_is_too_long_is_not_decrypted()
    {
        ExpectRejected("too_long", "socket", new string('A', 4097));
        Assert.Equal(0, _protection.Opened);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void Missing_token_is_rejected_and_not_counted(string? token)
    {
        Assert.Null(_tokens.TryRead("socket", token));
        Assert.DoesNotContain(
            new[] { "forged", "too_long", "purpose", "expired" }, reason =>
                _counts.Counted("presence.tokens.rejected:" + reason) > 0);
    }

    [Fact]
    public void A_token_with_a_changed_letter_is_forged_wherever_the_letter_is()
    {
        var token = _tokens.Create("socket", "ann", TimeSpan.FromMinutes(1));
        for (var i = 0; i < token.Length - 2; i++)
        {
            var changed = token.ToCharArray();
            changed[i] = changed[i] == 'A' ? 'B' : 'A';
            Assert.Null(_tokens.TryRead("socket", new string(changed)));
        }

        Assert.Equal(token.Length - 2, _counts.Counted("presence.tokens.rejected:forged"));
    }

    [Theory]
    [InlineData("other text")]
    [InlineData("1:2")]
    [InlineData("x:4:doorann")]
    [InlineData("9223372036854775807:99:doorann")]
    [InlineData("9223372036854775807:-1:doorann")]
    public void Encrypted_text_of_another_form_is_forged(string text) =>
        ExpectRejected(
            "forged", "socket", _protection.CreateProtector("Presence.Channels.SocketToken.v2").Protect(text));

    [Fact]
    public void Invalid_tokens_are_decrypted_once_and_checked_for_time_and_purpose()
    {
        var good = _tokens.Create("socket", "ann", TimeSpan.FromMinutes(2));
        var elsewhere = _tokens.Create("other", "ann", TimeSpan.FromMinutes(2));
        var old = _tokens.Create("socket", "ann", TimeSpan.FromMinutes(1));
        var oldElsewhere = _tokens.Create("other", "ann", TimeSpan.FromMinutes(1));
        _time.Advance(TimeSpan.FromMinutes(1));
        var works = new[] { good, elsewhere, old, oldElsewhere }.Select(WorkOf).Distinct().ToList();
        Assert.Equal((Opened: 1, Clock: 1), Assert.Single(works));

        var forged = WorkOf(new SocketTokens(new EphemeralDataProtectionProvider(), _time, _counts.Server.Instruments)
            .Create("socket", "ann", TimeSpan.FromMinutes(2)));
        Assert.Equal(1, forged.Opened);
    }

    [Fact]
    public void Token_without_purpose_user_or_lifetime_is_not_created()
    {
        Assert.Throws<ArgumentException>(() => _tokens.Create("", "ann", TimeSpan.FromMinutes(1)));
        Assert.Throws<ArgumentException>(() => _tokens.Create("socket", "", TimeSpan.FromMinutes(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tokens.Create("socket", "ann", TimeSpan.Zero));
    }

    [Theory]
    [InlineData("forged", "forged")]
    [InlineData("other purpose", "purpose")]
    [InlineData("expired", "expired")]
    public async Task Token_rejected_in_the_handshake_is_counted_with_its_reason(string which, string reason)
    {
        var time = new CountingTime();
        await using var host = await WebHost.StartAsync(
            "n1", null, builder => builder.Services.AddSingleton<TimeProvider>(time));
        using var counted = new CountedReasons(host.Services, "presence.tokens.rejected");
        var token = host.Services.GetRequiredService<SocketTokens>()
            .Create(which == "other purpose" ? "other" : "socket", "ann", TimeSpan.FromMinutes(1));
        if (which == "expired")
        {
            time.Advance(TimeSpan.FromMinutes(1));
        }

        var sent = Uri.EscapeDataString(which == "forged" ? token[..^4] + "AAAA" : token);
        using var socket = await host.ConnectAsync("/socket/websocket?vsn=2.0.0&token=" + sent);
        Assert.Equal(System.Net.HttpStatusCode.Forbidden, socket.HttpStatusCode);
        Assert.Equal([reason], counted.Reasons);
    }

    private void ExpectRejected(string reason, string purpose, string token)
    {
        Assert.Null(_tokens.TryRead(purpose, token));
        Assert.Equal(1, _counts.Counted("presence.tokens.rejected:" + reason));
    }

    private (int Opened, int Clock) WorkOf(string token)
    {
        var (opened, asked) = (_protection.Opened, _time.Asked);
        _ = _tokens.TryRead("socket", token);
        return (_protection.Opened - opened, _time.Asked - asked);
    }

    /// <summary>Real keys that count decryptions.</summary>
    private sealed class CountingProtection : IDataProtectionProvider
    {
        private readonly EphemeralDataProtectionProvider _inner = new();

        public int Opened { get; private set; }

        public IDataProtector CreateProtector(string purpose) => new Protector(this, _inner.CreateProtector(purpose));

        private sealed class Protector(CountingProtection counting, IDataProtector inner) : IDataProtector
        {
            public IDataProtector CreateProtector(string purpose) =>
                new Protector(counting, inner.CreateProtector(purpose));

            public byte[] Protect(byte[] plaintext) => inner.Protect(plaintext);

            public byte[] Unprotect(byte[] protectedData)
            {
                counting.Opened++;
                return inner.Unprotect(protectedData);
            }
        }
    }
}
