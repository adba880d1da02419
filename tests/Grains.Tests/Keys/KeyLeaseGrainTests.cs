using Presence.Grains.Keys;

namespace Presence.Grains.Tests.Keys;

public sealed class KeyLeaseGrainTests
{
    /// <summary>No other timer has it.</summary>
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(421);

    [Fact]
    public async Task Lease_that_is_renewed_while_a_tick_of_its_timer_waits_stays_until_its_new_end()
    {
        var (time, gate) = (new LeaseTime(), new PutGate());
        await using var cluster = await GrainCluster.StartAsync(1, configureSilo: silo =>
        {
            silo.Services.AddSingleton<TimeProvider>(time);
            silo.Services.AddSingleton<IIncomingGrainCallFilter>(gate);
        });
        var lease = cluster.Client.KeyPresence("jobs", "worker");
        Assert.True((await lease.Put(PresenceMeta.Empty, Duration)).IsNew);

        gate.Close();
        var renewal = lease.Put(PresenceMeta.Empty, Duration);
        await gate.Entered.WaitAsync(TimeSpan.FromSeconds(30));
        time.Tick();
        gate.Open();
        Assert.False((await renewal).IsNew);
        Assert.False((await lease.Put(PresenceMeta.Empty, Duration)).IsNew);
        Assert.Single(cluster.World.List("jobs"));

        time.Tick();
        await TestTimeouts.UntilAsync(
            "the timer is armed for the rest", TimeSpan.FromSeconds(30), () => time.Due > TimeSpan.Zero);
        time.Advance(Duration);
        time.Tick();
        await TestTimeouts.UntilAsync(
            "the lease has expired", TimeSpan.FromSeconds(30), () => cluster.World.List("jobs").Count == 0);
    }

    /// <summary>Lets calls of a lease grain wait inside of their turn.</summary>
    private sealed class PutGate : IIncomingGrainCallFilter
    {
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool _isClosed;

        public Task Entered => _entered.Task;

        public void Close() => _isClosed = true;

        public void Open()
        {
            _isClosed = false;
            _opened.TrySetResult();
        }

        public async Task Invoke(IIncomingGrainCallContext context)
        {
            if (_isClosed && context.Grain is KeyLeaseGrain && context.MethodName == "Put")
            {
                _entered.TrySetResult();
                await _opened.Task;
            }

            await context.Invoke();
        }
    }

    /// <summary>The time of the system; the test advances it, and makes the timer of the lease tick.</summary>
    private sealed class LeaseTime : TimeProvider
    {
        private volatile Timer? _lease;
        private long _ahead;

        /// <summary>Gets when the timer of the lease ticks; negative if it does not.</summary>
        public TimeSpan Due => _lease!.Due;

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ahead, (long)(by.TotalSeconds * TimestampFrequency));

        public void Tick() => _lease!.Tick();

        public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _ahead);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan due, TimeSpan period) =>
            new Timer(this, callback, state, base.CreateTimer(callback, state, due, period));

        private sealed class Timer(LeaseTime time, TimerCallback callback, object? state, ITimer inner) : ITimer
        {
            private long _due = Timeout.InfiniteTimeSpan.Ticks;

            public TimeSpan Due => new(Interlocked.Read(ref _due));

            public void Tick()
            {
                Interlocked.Exchange(ref _due, Timeout.InfiniteTimeSpan.Ticks);
                callback(state);
            }

            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                Interlocked.Exchange(ref _due, dueTime.Ticks);
                if (dueTime == Duration)
                {
                    time._lease = this;
                }

                return inner.Change(dueTime, period);
            }

            public void Dispose() => inner.Dispose();

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }
    }
}
