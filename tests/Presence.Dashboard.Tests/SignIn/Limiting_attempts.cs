namespace Presence.Dashboard.Tests.SignIn;

public sealed class Limiting_attempts
{
    private static readonly IPAddress Ann = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress Bob = IPAddress.Parse("192.0.2.2");

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void An_address_waits_after_its_last_allowed_failure_until_the_window_ends()
    {
        var limiter = Limiter(failures: 3);
        Fail(limiter, Ann, 2);
        Assert.Null(limiter.MustWait(Ann));
        limiter.Failed(Ann);
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(TimeSpan.FromSeconds(40), limiter.MustWait(Ann));
        _time.Advance(TimeSpan.FromSeconds(40));
        Assert.Null(limiter.MustWait(Ann));
    }

    [Fact]
    public void Addresses_do_not_wait_for_each_other()
    {
        var limiter = Limiter(failures: 1);
        limiter.Failed(Ann);
        Assert.NotNull(limiter.MustWait(Ann));
        Assert.Null(limiter.MustWait(Bob));
    }

    [Fact]
    public void An_IPv6_network_counts_as_one_address_and_a_mapped_IPv4_address_as_itself()
    {
        var limiter = Limiter(failures: 1);
        limiter.Failed(IPAddress.Parse("2001:db8::1"));
        Assert.NotNull(limiter.MustWait(IPAddress.Parse("2001:db8::ffff:2")));
        Assert.Null(limiter.MustWait(IPAddress.Parse("2001:db8:0:1::1")));
        limiter.Failed(Ann.MapToIPv6());
        Assert.NotNull(limiter.MustWait(Ann));
        Assert.Null(limiter.MustWait(Bob.MapToIPv6()));
    }

    [Fact]
    public void A_success_forgets_the_failures()
    {
        var limiter = Limiter(failures: 2);
        limiter.Failed(Ann);
        limiter.Succeeded(Ann);
        limiter.Failed(Ann);
        Assert.Null(limiter.MustWait(Ann));
    }

    [Fact]
    public void A_full_memory_makes_newcomers_share_one_count_and_forgets_what_has_expired()
    {
        var limiter = Limiter(failures: 2, capacity: 2);
        Fail(limiter, Ann, 2);
        Fail(limiter, Bob, 2);
        limiter.Failed(IPAddress.Parse("192.0.2.3"));
        limiter.Failed(IPAddress.Parse("192.0.2.4"));
        Assert.NotNull(limiter.MustWait(IPAddress.Parse("192.0.2.5")));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(limiter.MustWait(IPAddress.Parse("192.0.2.5")));
        limiter.Failed(IPAddress.Parse("192.0.2.5"));
        limiter.Failed(IPAddress.Parse("192.0.2.6"));
        Assert.Null(limiter.MustWait(IPAddress.Parse("192.0.2.5")));
    }

    [Fact]
    public void A_connection_without_an_address_is_counted_too()
    {
        var limiter = Limiter(failures: 1);
        limiter.Failed(null);
        Assert.NotNull(limiter.MustWait(null));
    }

    private AttemptLimiter Limiter(int failures, int capacity = 100) =>
        new(_time, failures, TimeSpan.FromMinutes(1), capacity);

    private static void Fail(AttemptLimiter limiter, IPAddress address, int times)
    {
        for (var i = 0; i < times; i++)
        {
            limiter.Failed(address);
        }
    }
}
