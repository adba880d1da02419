using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Presence.Grains.Tests.Unique;

/// <summary>Leases that are acquired through a grain, with a grain that the test answers for.</summary>
public sealed class GrainLeaseStoreTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Lease_that_the_grain_acquires_after_its_request_was_cancelled_is_released()
    {
        var time = new TestTime();
        var store = new MemoryLeaseStore(time);
        var answer = new TaskCompletionSource<LeaseResult>();
        var election = Answers.Create<IUniqueElectionGrain>(
            method => method == nameof(IUniqueElectionGrain.Acquire) ? answer.Task : Task.CompletedTask);
        using var instruments = new UniqueElectionInstruments();
        await using var seat = new Seat("job", Report, election, Lease, time, instruments, NullLogger.Instance);
        var leases = new GrainLeaseStore(
            seat, store, Answers.Create<IGrainFactory>(_ => election), time, NullLogger<GrainLeaseStore>.Instance);
        var released = new TaskCompletionSource();
        using var watch = store.OnReleased("job", released.SetResult);
        using var cancellation = new CancellationTokenSource();
        var request = leases.AcquireAsync("job", "n0/1", Lease, cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);

        answer.SetResult(await store.AcquireAsync("job", "n0/1", Lease, default));
        await released.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(TimeSpan.Zero, store.Remaining);
    }

    private static UniqueSeat Report => new(
        "seat",
        0,
        "n0",
        "s0",
        UniqueProcessMode.Consistent,
        UniqueSeatState.Standby,
        IsAble: true,
        Term: 0,
        Since: null,
        Epoch: null,
        SettleTime: TimeSpan.Zero,
        TakeoverDelay: TimeSpan.Zero,
        AgreementTimeout: TimeSpan.Zero);
}

/// <summary>
/// Implements an interface by one function of the method's name. A class that implemented a grain interface would
/// become a grain of every silo of these tests.
/// </summary>
public class Answers : DispatchProxy
{
    private Func<string, object?> _answer = _ => null;

    public static T Create<T>(Func<string, object?> answer)
        where T : class
    {
        var proxy = Create<T, Answers>();
        ((Answers)(object)proxy)._answer = answer;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _answer(targetMethod!.Name);
}
