using Presence.Dashboard.SignIn;

namespace Presence.Dashboard.Tests.SignIn;

public sealed class LoginRateLimiterTests
{
    private static readonly IPAddress Ann = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress Bob = IPAddress.Parse("192.0.2.2");

    private readonly TestTime _time = new();

    [Fact]
    public void Address_has_one_turn_a_second_after_its_last_allowed_failure_until_the_window_ends()
    {
        var limiter = Limiter(failures: 3);
        Fail(limiter, Ann, 3);
        Assert.Equal([0, 1, 2], Enumerable.Range(0, 3).Select(_ => limiter.Take(Ann).TotalSeconds));
        _time.Advance(TimeSpan.FromSeconds(2.5));
        Assert.Equal(TimeSpan.FromSeconds(0.5), limiter.Take(Ann));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal([0, 0], Enumerable.Range(0, 2).Select(_ => limiter.Take(Ann).TotalSeconds));
    }

    [Fact]
    public void Rejected_attempt_takes_no_turn()
    {
        var limiter = Limiter(failures: 1);
        limiter.Failed(Ann);
        for (var i = 0; i < 100; i++)
        {
            limiter.Take(Ann);
        }

        Assert.Equal(TimeSpan.FromSeconds(11), limiter.Take(Ann));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromSeconds(10), limiter.Take(Ann));
    }

    [Fact]
    public void Addresses_do_not_wait_for_each_other()
    {
        var limiter = Limiter(failures: 1);
        limiter.Failed(Ann);
        Assert.True(IsSlow(limiter, Ann));
        Assert.False(IsSlow(limiter, Bob));
    }

    [Fact]
    public void Many_failures_of_the_account_slow_every_address_and_reject_none()
    {
        var limiter = Limiter(failures: 2);
        for (var i = 0; i < 20; i++)
        {
            limiter.Failed(new IPAddress([198, 51, 100, (byte)i]));
        }

        Assert.Equal([0, 1], Enumerable.Range(0, 2).Select(_ => limiter.Take(Ann).TotalSeconds));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.False(IsSlow(limiter, Ann));
    }

    [Fact]
    public void Maximum_of_failures_can_be_the_largest_number()
    {
        var limiter = Limiter(failures: int.MaxValue);
        limiter.Failed(Ann);
        Assert.False(IsSlow(limiter, Ann));
    }

    [Fact]
    public void An_IPv6_network_counts_as_one_address_and_a_mapped_IPv4_address_as_itself()
    {
        var limiter = Limiter(failures: 1);
        limiter.Failed(IPAddress.Parse("2001:db8::1"));
        Assert.True(IsSlow(limiter, IPAddress.Parse("2001:db8::ffff:2")));
        Assert.False(IsSlow(limiter, IPAddress.Parse("2001:db8:0:1::1")));
        limiter.Failed(Ann.MapToIPv6());
        Assert.True(IsSlow(limiter, Ann));
        Assert.False(IsSlow(limiter, Bob.MapToIPv6()));
    }

    [Fact]
    public void Success_resets_the_failures_of_an_address_that_is_not_slow()
    {
        var limiter = Limiter(failures: 2);
        limiter.Failed(Ann);
        limiter.Succeeded(Ann);
        limiter.Failed(Ann);
        Assert.False(IsSlow(limiter, Ann));
        limiter.Failed(Ann);
        limiter.Succeeded(Ann);
        Assert.True(IsSlow(limiter, Ann));
    }

    [Fact]
    public void New_addresses_share_one_count_at_full_capacity_and_expired_ones_are_removed()
    {
        var limiter = Limiter(failures: 2, capacity: 2);
        Fail(limiter, Ann, 2);
        Fail(limiter, Bob, 2);
        limiter.Failed(IPAddress.Parse("192.0.2.3"));
        limiter.Failed(IPAddress.Parse("192.0.2.4"));
        Assert.True(IsSlow(limiter, IPAddress.Parse("192.0.2.5")));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.False(IsSlow(limiter, IPAddress.Parse("192.0.2.5")));
        limiter.Failed(IPAddress.Parse("192.0.2.5"));
        limiter.Failed(IPAddress.Parse("192.0.2.6"));
        Assert.False(IsSlow(limiter, IPAddress.Parse("192.0.2.5")));
    }

    [Fact]
    public void Connection_without_an_address_is_counted()
    {
        var limiter = Limiter(failures: 1);
        limiter.Failed(null);
        Assert.True(IsSlow(limiter, null));
    }

    private LoginRateLimiter Limiter(int failures, int capacity = 100) =>
        new(_time, failures, TimeSpan.FromMinutes(1), capacity);

    private static bool IsSlow(LoginRateLimiter limiter, IPAddress? address)
    {
        limiter.Take(address);
        return limiter.Take(address) > TimeSpan.Zero;
    }

    private static void Fail(LoginRateLimiter limiter, IPAddress address, int times)
    {
        for (var i = 0; i < times; i++)
        {
            limiter.Failed(address);
        }
    }
}
