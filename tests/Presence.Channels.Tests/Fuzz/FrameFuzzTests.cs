namespace Presence.Channels.Tests.Fuzz;

/// <summary>
/// Random and mutated frames in every version. <c>PRESENCE_SEED</c> runs one seed again; a failure names the seed, the
/// frame's number and its bytes.
/// </summary>
[Collection(nameof(FrameFuzzTests))]
public sealed class FrameFuzzTests(ITestOutputHelper output)
{
    private static readonly int Seed =
        int.TryParse(Environment.GetEnvironmentVariable("PRESENCE_SEED"), out var seed) ? seed : 20261121;

    [Fact]
    public Task Hundred_thousand_hostile_frames_do_not_affect_other_clients() => RunAsync(Seed, 100_000);

    [Fact]
    [Trait("Category", "Soak")]
    public async Task Millions_of_hostile_frames_do_not_affect_other_clients()
    {
        for (var seed = 1; seed <= 4; seed++)
        {
            await RunAsync(seed, 1_000_000);
        }
    }

    private async Task RunAsync(int seed, int frames)
    {
        using var run = new FuzzRun(seed);
        await run.RunAsync(frames);
        output.WriteLine($"seed {seed}: {frames} frames, {run.Closed} sockets closed for theirs");
    }
}

/// <summary>Alone in the process: what is measured is the memory of all of it.</summary>
[CollectionDefinition(nameof(FrameFuzzTests), DisableParallelization = true)]
public sealed class FrameFuzzCollection;
