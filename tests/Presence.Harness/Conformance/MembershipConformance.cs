namespace Presence.Harness.Conformance;

/// <summary>What <see cref="IClusterLink"/> promises about questions and about who is there, held against an engine.</summary>
public abstract class MembershipConformance
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>A cluster without members. Skips where the engine cannot be had.</summary>
    protected abstract Task<IEngine> StartEngineAsync();

    /// <summary>The incarnation that is named when a member with this one is gone: the last it may have had in its life.</summary>
    protected virtual ulong LastOf(ulong incarnation) => incarnation;

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_question_brings_the_answer_of_the_other(bool answer)
    {
        await using var cluster = await Trio.StartAsync(await StartEngineAsync());
        var answering = new TaskCompletionSource<bool>();
        cluster.AtB.OnAsked = _ => answering.Task;
        var ask = AskAsync(cluster.A, "b", "are you there?");
        await cluster.AtB.UntilAsync("ask", "a");
        Assert.False(ask.IsCompleted);
        answering.SetResult(answer);
        Assert.Equal(answer, await ask);
        var asked = Assert.Single(cluster.AtB.All, h => h.Kind == "ask");
        Assert.Equal(("a", "are you there?"), (asked.From, asked.Text));
    }

    [SkippableFact]
    public async Task Questions_at_the_same_time_bring_each_its_own_answer()
    {
        await using var cluster = await Trio.StartAsync(await StartEngineAsync());
        cluster.AtB.OnAsked = asked => Task.FromResult(int.Parse(asked.Text[1..]) % 2 == 0);
        cluster.AtA.OnAsked = asked => Task.FromResult(int.Parse(asked.Text[1..]) % 3 == 0);
        var fromA = Enumerable.Range(0, 200).Select(i => AskAsync(cluster.A, "b", $"q{i}")).ToArray();
        var fromB = Enumerable.Range(0, 200).Select(i => AskAsync(cluster.B, "a", $"q{i}")).ToArray();
        Assert.Equal(Enumerable.Range(0, 200).Select(i => i % 2 == 0), await Task.WhenAll(fromA));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => i % 3 == 0), await Task.WhenAll(fromB));
    }

    [SkippableFact]
    public async Task A_large_question_is_answered()
    {
        await using var cluster = await Trio.StartAsync(await StartEngineAsync());
        Assert.True(await AskAsync(cluster.A, "c", new string('?', 20_000)));
        Assert.Contains(cluster.AtC.All, h => h.Kind == "ask" && h.Frame.Body.Length == 20_000);
    }

    [SkippableFact]
    public async Task A_question_that_waits_too_long_for_its_answer_brings_no()
    {
        await using var cluster = await Trio.StartAsync(await StartEngineAsync());
        var never = new TaskCompletionSource<bool>();
        cluster.AtB.OnAsked = _ => never.Task;
        using var timeout = new CancellationTokenSource();
        var answer = cluster.A.Link.AskAsync("b", Frames.Of("well?"), timeout.Token).AsTask();
        await cluster.AtB.UntilAsync("ask", "a");
        Assert.False(answer.IsCompleted);
        await timeout.CancelAsync();
        Assert.False(await answer.WaitAsync(Patience));
        never.SetResult(true);
        // A late answer answers nothing else.
        cluster.AtB.OnAsked = _ => Task.FromResult(false);
        Assert.False(await AskAsync(cluster.A, "b", "and now?"));
    }

    [SkippableFact]
    public async Task A_question_at_which_the_other_throws_brings_no()
    {
        await using var cluster = await Trio.StartAsync(await StartEngineAsync());
        cluster.AtB.OnAsked = _ => throw new InvalidTimeZoneException();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        Assert.False(await cluster.A.Link.AskAsync("b", Frames.Of("well?"), timeout.Token));
        cluster.AtB.OnAsked = _ => Task.FromResult(true);
        Assert.True(await AskAsync(cluster.A, "b", "still there?"));
    }

    [SkippableFact]
    public async Task A_question_to_nobody_brings_no()
    {
        await using var cluster = await Trio.StartAsync(await StartEngineAsync());
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        Assert.False(await cluster.A.Link.AskAsync("nobody", Frames.Of("hello?"), timeout.Token));
    }

    [SkippableFact]
    public async Task A_question_to_one_that_was_killed_brings_no()
    {
        await using var cluster = await Trio.StartAsync(await StartEngineAsync());
        await cluster.B.KillAsync();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        Assert.False(await cluster.A.Link.AskAsync("b", Frames.Of("hello?"), timeout.Token));
    }

    [SkippableFact]
    public async Task Those_that_are_there_are_reported_before_the_start_completes()
    {
        await using var engine = await StartEngineAsync();
        await engine.StartLinkAsync("a", new HeardFrames());
        await engine.StartLinkAsync("b", new HeardFrames());
        var heard = new HeardFrames();
        await engine.StartLinkAsync("c", heard);
        Assert.Equal(["a", "b"], heard.All.Where(h => h.Kind == "joined").Select(h => h.From).Distinct().Order());
    }

    [SkippableFact]
    public async Task A_newcomer_is_reported_to_all_that_are_there()
    {
        await using var cluster = await Trio.StartAsync(await StartEngineAsync());
        await cluster.Engine.StartLinkAsync("d", new HeardFrames());
        await cluster.AtA.UntilAsync("joined", "d");
        await cluster.AtB.UntilAsync("joined", "d");
        await cluster.AtC.UntilAsync("joined", "d");
    }

    [SkippableFact]
    public async Task One_that_stops_is_reported_gone_with_its_incarnation()
    {
        await using var cluster = await Trio.StartAsync(await StartEngineAsync());
        var incarnation = cluster.B.Link.Incarnation;
        await cluster.B.StopAsync();
        await cluster.AtA.UntilAsync("gone", "b");
        await cluster.AtC.UntilAsync("gone", "b");
        Assert.All(
            cluster.AtA.All.Concat(cluster.AtC.All).Where(h => h.Kind == "gone"),
            h => Assert.Equal(("b", LastOf(incarnation)), (h.From, h.Incarnation)));
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_that_comes_back_has_a_higher_incarnation_and_is_heard_again(bool isStoppedInOrder)
    {
        await using var cluster = await Trio.StartAsync(await StartEngineAsync());
        var first = cluster.B.Link.Incarnation;
        await (isStoppedInOrder ? cluster.B.StopAsync() : cluster.B.KillAsync());
        var back = new HeardFrames();
        var again = await cluster.Engine.StartLinkAsync("b", back);
        Assert.True(again.Link.Incarnation > first);
        await cluster.AtA.UntilAsync(
            all => all.Count(h => h is { Kind: "joined", From: "b" }) >= 2, "b is reported a second time");
        again.Link.Broadcast(Frames.Of("here again"));
        await cluster.AtA.UntilAsync("frame", "b");
        cluster.A.Link.Send("b", Frames.Of("welcome"));
        await back.UntilAsync("frame", "a");
        Assert.True(await AskAsync(cluster.A, "b", "is it you?"));
        // "Gone" is for good, so it must never have been said of the one that lives.
        Assert.All(cluster.AtA.All.Where(h => h.Kind == "gone"), h => Assert.True(h.Incarnation < again.Link.Incarnation));
    }

    [SkippableFact]
    public async Task One_that_is_killed_is_not_reported_gone_with_an_incarnation_above_its_own()
    {
        await using var cluster = await Trio.StartAsync(await StartEngineAsync());
        var incarnation = cluster.B.Link.Incarnation;
        await cluster.B.KillAsync();
        cluster.A.Link.Broadcast(Frames.Of("after"));
        await cluster.AtC.UntilAsync("frame", "a");
        Assert.All(
            cluster.AtC.All.Where(h => h.Kind == "gone"),
            h => Assert.True(h.From == "b" && h.Incarnation <= LastOf(incarnation)));
    }

    private static async Task<bool> AskAsync(IEngineMember from, string to, string question)
    {
        using var timeout = new CancellationTokenSource(Patience);
        return await from.Link.AskAsync(to, Frames.Of(question), timeout.Token);
    }
}
