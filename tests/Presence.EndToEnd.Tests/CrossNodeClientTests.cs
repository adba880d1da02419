namespace Presence.EndToEnd.Tests;

/// <summary>The stock phoenix client under Node.js, through nodes one and three.</summary>
[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class CrossNodeClientTests(ThreeSilos nodes, ITestOutputHelper output)
{
    [SkippableFact]
    public Task Joins_updates_and_leaves_arrive_within_250_ms() => HoldsAsync("join-update-leave.mjs");

    [SkippableFact]
    public Task State_is_restored_after_a_broken_connection() => HoldsAsync("rejoin.mjs");

    [SkippableFact]
    public Task Sample_channels_work_as_documented() => HoldsAsync("channels.mjs");

    [SkippableFact]
    public Task Keys_may_be_any_text() => HoldsAsync("odd-keys.mjs");

    [SkippableFact]
    public Task Client_sees_the_part_of_the_presences_that_it_asks_for() => HoldsAsync("views.mjs");

    [SkippableFact]
    public async Task Thousand_joins_end_with_the_same_keys_everywhere() =>
        output.WriteLine(await NodeScripts.RunAsync("thousand.mjs", nodes.Nodes, seconds: 180));

    [SkippableFact]
    public Task Hostile_client_does_not_affect_others() => HoldsAsync("bad-frames.mjs");

    [SkippableFact]
    public Task Client_that_never_reads_does_not_delay_others() => HoldsAsync("deaf.mjs", seconds: 120);

    private async Task HoldsAsync(string script, int seconds = 60) =>
        output.WriteLine(await NodeScripts.RunAsync(script, [nodes.First, nodes.Third], seconds));
}
