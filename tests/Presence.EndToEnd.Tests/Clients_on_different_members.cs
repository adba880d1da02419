namespace Presence.EndToEnd.Tests;

/// <summary>The stock phoenix client under Node.js, through members one and three.</summary>
[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class Clients_on_different_members(ThreeSilos members, ITestOutputHelper output)
{
    [SkippableFact]
    public Task See_each_other_join_change_and_leave_within_250_ms() => HoldsAsync("join-update-leave.mjs");

    [SkippableFact]
    public Task Get_their_state_back_after_a_broken_connection() => HoldsAsync("rejoin.mjs");

    [SkippableFact]
    public Task Find_the_sample_channels_as_promised() => HoldsAsync("channels.mjs");

    [SkippableFact]
    public Task May_have_any_key() => HoldsAsync("odd-keys.mjs");

    [SkippableFact]
    public async Task End_with_the_same_thousand_keys_after_a_thousand_joins() =>
        output.WriteLine(await NodeScripts.RunAsync("thousand.mjs", members.Members, seconds: 180));

    [SkippableFact]
    public Task Do_not_notice_what_a_hostile_client_sends() => HoldsAsync("bad-frames.mjs");

    [SkippableFact]
    public Task Do_not_wait_for_a_client_that_never_reads() => HoldsAsync("deaf.mjs", seconds: 120);

    private async Task HoldsAsync(string script, int seconds = 60) =>
        output.WriteLine(await NodeScripts.RunAsync(script, [members.First, members.Third], seconds));
}
