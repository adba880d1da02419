using Presence.Client;
using Presence.Harness.Networks;

namespace Presence.Samples.Tests.Programs;

/// <summary>Starts each sample as a user does, and checks what it is for.</summary>
[Trait("Category", "Cluster")]
[Collection(nameof(SampleProgramTests))]
public sealed class SampleProgramTests
{
    /// <summary>Runs apart from the other tests, whose timeouts are for a machine that starts no processes.</summary>
    [CollectionDefinition(nameof(SampleProgramTests), DisableParallelization = true)]
    public sealed class Alone;

    [Fact]
    public async Task HelloPresence_shows_who_joins_and_leaves_to_clients_and_on_the_console()
    {
        var silo = FreePorts.Find(2);
        await using var program = await SampleProcess.StartWebAsync(
            "HelloPresence", "--siloPort", $"{silo}", "--gatewayPort", $"{silo + 1}");
        await program.GetAsync("/");
        await program.GetAsync("/assets/phoenix.js");
        await using var ann = await SampleClient.JoinAsync(program, "socket", "lobby", new { name = "ann" });
        await ann.SeesAsync("Present ann");
        var bob = await SampleClient.JoinAsync(program, "socket", "lobby", new { name = "bob" });
        await ann.SeesAsync("Joined bob");
        await bob.SeesAsync("Present ann");
        await bob.DisposeAsync();
        await ann.SeesAsync("Left bob");
        await program.LineAsync("Joined: bob");
        await program.LineAsync("Left: bob");
    }

    [Fact]
    public async Task Chat_delivers_messages_and_typing_in_a_room_and_rejects_long_texts()
    {
        await using var program = await SampleProcess.StartWebAsync("Chat");
        await program.GetAsync("/");
        await program.GetAsync("/assets/chat.js");
        await using var ann = await SampleClient.JoinAsync(program, "chat", "chat:lobby", new { name = "ann" });
        await ann.SeesAsync("Present ann");
        await using var bob = await SampleClient.JoinAsync(program, "chat", "chat:lobby", new { name = "bob" });
        await ann.SeesAsync("Joined bob");
        await bob.SeesAsync("Present ann");
        await bob.Channel.PushAsync("typing", new { typing = true });
        await ann.SeesAsync("Updated bob");
        await bob.Channel.PushAsync("message", new { text = "hello" });
        await ann.SeesAsync("""{"name":"bob","text":"hello",""");

        await RejectsAsync("a message must have 1 to 500 characters", () =>
            bob.Channel.PushAsync("message", new { text = new string('x', 501) }));
        await RejectsAsync("your name must have 1 to 40 characters", () =>
            SampleClient.JoinAsync(program, "chat", "chat:lobby", new { name = " " }));

        static async Task RejectsAsync(string reason, Func<Task> call) =>
            Assert.EndsWith(reason, (await Assert.ThrowsAsync<PhoenixException>(call)).Message);
    }

    [Fact]
    public async Task Playground_shows_signed_in_users_to_each_other()
    {
        await using var program = await SampleProcess.StartWebAsync("Playground");
        await program.GetAsync("/tracked?user_id=ann");
        await program.GetAsync("/audience?user_id=ann");
        await using var ann = await SignedInAsync("ann");
        await ann.SeesAsync("Present ann");
        await using var bob = await SignedInAsync("bob");
        await ann.SeesAsync("Joined bob");
        await bob.SeesAsync("Present ann");

        async Task<SampleClient> SignedInAsync(string user) => await SampleClient.JoinAsync(
            program, "auth_socket", "tracked", token: await program.GetAsync($"/token?user_id={user}"));
    }

    [Fact]
    public async Task Shop_keeps_the_tabs_of_a_cart_in_step()
    {
        await using var program = await SampleProcess.StartWebAsync("Shop");
        await program.GetAsync("/");
        var cart = $"cart:{new string('c', 64)}";
        await using var first = await SampleClient.JoinAsync(program, "socket", cart);
        await using var second = await SampleClient.JoinAsync(program, "socket", cart);
        await second.SeesAsync("""cart {"items":[]""");
        await first.Channel.PushAsync("add_item", new { item_id = 11 });
        await second.SeesAsync("""cart {"items":[11]""");
    }

    [Fact]
    public async Task UniqueWorker_runs_once_and_continues_its_count_on_another_silo_after_a_stop()
    {
        var ports = FreePorts.Find(2);
        var (primary, port) = ($"{ports}", $"{ports + 1}");
        await using var first = SampleProcess.Start("UniqueWorker", "--primary", primary);
        await first.LineAsync($"worker-{primary} is ready");
        await using var second = SampleProcess.Start("UniqueWorker", "--primary", primary, "--port", port);
        await second.LineAsync($"worker-{port} is ready");
        await first.LineAsync("tick 2");
        Assert.DoesNotContain(second.Lines, line => line.Contains("tick", StringComparison.Ordinal));

        await first.StopAsync();
        var count = int.Parse((await first.LineAsync(@"stops the ticker at (\d+): Shutdown")).Groups[1].Value, null);
        Assert.True(count >= 2);
        await second.LineAsync($"worker-{port} runs the ticker, from {count}.");
        await second.LineAsync($"tick {count + 1}");
    }
}
