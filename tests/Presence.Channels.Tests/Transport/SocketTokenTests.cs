using Microsoft.AspNetCore.DataProtection;

namespace Presence.Channels.Tests.Transport;

public sealed class SocketTokenTests
{
    private readonly ManualTime _time = new();
    private readonly SocketTokens _tokens;

    public SocketTokenTests() => _tokens = new SocketTokens(new EphemeralDataProtectionProvider(), _time);

    [Theory]
    [InlineData("ann")]
    [InlineData("a:b:c")]
    [InlineData("😀")]
    public void A_token_names_its_user(string user) =>
        Assert.Equal(user, _tokens.TryRead("door", _tokens.Create("door", user, TimeSpan.FromMinutes(1))));

    [Fact]
    public void A_token_expires()
    {
        var token = _tokens.Create("door", "ann", TimeSpan.FromMinutes(1));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal("ann", _tokens.TryRead("door", token));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(_tokens.TryRead("door", token));
    }

    [Fact]
    public void A_token_is_good_for_its_purpose_only() =>
        Assert.Null(_tokens.TryRead("cellar", _tokens.Create("door", "ann", TimeSpan.FromMinutes(1))));

    [Fact]
    public void A_token_of_other_keys_is_forged()
    {
        var others = new SocketTokens(new EphemeralDataProtectionProvider(), _time);
        Assert.Null(_tokens.TryRead("door", others.Create("door", "ann", TimeSpan.FromMinutes(1))));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("CfDJ8AAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("not base64 !")]
    public void What_is_no_token_is_refused(string? token) => Assert.Null(_tokens.TryRead("door", token));

    [Fact]
    public void A_token_with_a_changed_letter_is_refused()
    {
        var token = _tokens.Create("door", "ann", TimeSpan.FromMinutes(1)).ToCharArray();
        token[^10] = token[^10] == 'A' ? 'B' : 'A';
        Assert.Null(_tokens.TryRead("door", new string(token)));
    }

    [Fact]
    public void A_token_without_user_or_lifetime_is_not_made()
    {
        Assert.Throws<ArgumentException>(() => _tokens.Create("door", "", TimeSpan.FromMinutes(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tokens.Create("door", "ann", TimeSpan.Zero));
    }
}
