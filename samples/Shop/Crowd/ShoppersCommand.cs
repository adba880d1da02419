using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Presence.CommandLine.Connections;

namespace Presence.CommandLine;

/// <summary><c>shoppers</c>: runs a crowd in the sample shop and checks that the server shows it correctly.</summary>
internal static class ShoppersCommand
{
    public static Command Create(NodeOptions node, ClientConsole console)
    {
        var count = ClientOptions.Create(
            "--count", "N", "Number of shoppers", text => ClientOptions.ToInt32(text, 1, 1_000_000));
        count.Required = true;
        var ramp = ClientOptions.Create(
            "--ramp", "R", "Shoppers that arrive per second, such as 200/s or 200", ClientOptions.ToRate, () => 100);
        var seconds = ClientOptions.Create(
            "--seconds", "S", "Time for which they shop after the last has arrived", ClientOptions.ToSeconds, () => 30);
        var seed = ClientOptions.Create(
            "--seed",
            "N",
            "Repeats the decisions of a run",
            text => ClientOptions.ToInt32(text, 0, int.MaxValue),
            () => 1);
        var command = new Command("shoppers", "Simulate customers of the sample shop; --url may name several nodes")
        {
            count,
            ramp,
            seconds,
            seed,
        };
        node.AddTo(command);
        command.SetAction((parsed, stop) =>
        {
            var access = node.Access(parsed);
            var options = new ShopperOptions(
                access.Nodes,
                parsed.GetValue(count),
                parsed.GetValue(ramp),
                TimeSpan.FromSeconds(parsed.GetValue(seconds)),
                parsed.GetValue(seed));
            return RunAsync(options, access, node.IsJson(parsed), console, stop);
        });
        return command;
    }

    public static async Task<int> RunAsync(
        ShopperOptions options, NodeAccess access, bool json, ClientConsole console, CancellationToken stop)
    {
        var range = await FetchRangeAsync(options.Nodes[0], stop);
        var observers = new List<ShopObserver>();
        try
        {
            if (string.IsNullOrEmpty(access.Password))
            {
                console.Error.WriteLine("No password is given: the statistics of the nodes are not compared.");
            }
            else
            {
                foreach (var node in options.Nodes)
                {
                    observers.Add(await ShopObserver.OpenAsync(node, access, stop));
                }
            }

            return await RunAsync(new Crowd(options, range, observers), options, observers, json, console, stop);
        }
        finally
        {
            foreach (var observer in observers)
            {
                await observer.DisposeAsync();
            }
        }
    }

    private static async Task<int> RunAsync(
        Crowd crowd,
        ShopperOptions options,
        List<ShopObserver> observers,
        bool json,
        ClientConsole console,
        CancellationToken stop)
    {
        var begun = Stopwatch.GetTimestamp();
        await using (new Timer(_ => Progress(crowd, options, begun, console), null, 1000, 1000))
        {
            await crowd.ShopAsync(stop);
        }

        var traffic = observers.Select(observer => observer.BytesPerSecond).DefaultIfEmpty(0).Max();
        var present = crowd.Expected();
        console.Error.WriteLine("Shopping has ended; comparing with the server ...");
        await crowd.CompareAsync();
        console.Error.WriteLine("The shoppers leave; comparing again ...");
        await crowd.LeaveAsync();
        await crowd.CompareAsync();
        var report = ShoppersReport.Of(crowd, present, traffic);
        if (json)
        {
            console.Json(report);
        }
        else
        {
            report.Show(console);
        }

        return report.Agreed ? ClientProgram.Done : ClientProgram.Failed;
    }

    private static void Progress(Crowd crowd, ShopperOptions options, long begun, ClientConsole console)
    {
        var counts = crowd.Counts;
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{seconds,5:0} s  {crowd.Present,7:N0} of {options.Count:N0} present, {counts.Joined:N0} joins, "
            + $"{counts.Failed} failed{(counts.RoundTrips.Quantile(0.95) is { } p95 ? $", p95 {p95:0.0} ms" : "")}"));
    }

    /// <summary>Reads the range of the shop from its catalogue.</summary>
    private static async Task<ShopRange> FetchRangeAsync(Uri node, CancellationToken stop)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        try
        {
            var products = await http.GetFromJsonAsync<JsonElement>(new Uri(node, "catalogue"), stop);
            int[] items =
            [
                .. products.EnumerateArray()
                    .SelectMany(product => product.GetProperty("items").EnumerateArray())
                    .Select(item => item.GetProperty("id").GetInt32()),
            ];
            return new ShopRange(
                ["/", "/checkout", .. products.EnumerateArray().Select(p => "/products/" + p.GetProperty("id"))],
                items[..^1],
                items[^1]);
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or KeyNotFoundException
            || (e is TaskCanceledException && !stop.IsCancellationRequested))
        {
            throw new PhoenixException($"there is no shop at {node}: {e.GetBaseException().Message}", e);
        }
    }
}
