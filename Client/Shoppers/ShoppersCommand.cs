using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace Presence.CommandLine;

/// <summary><c>shoppers</c>: a crowd for the sample shop, and whether the server showed it as it was.</summary>
internal static class ShoppersCommand
{
    public static async Task<int> RunAsync(
        CrowdOptions options, NodeAccess access, bool json, ClientConsole console, CancellationToken stop)
    {
        var wares = await WaresAsync(options.Members[0], stop);
        var observers = new List<ShopObserver>();
        try
        {
            if (access.Password is null)
            {
                console.Error.WriteLine("No password is given: what the server shows its admins is not compared.");
            }
            else
            {
                foreach (var member in options.Members)
                {
                    observers.Add(await ShopObserver.OpenAsync(member, access, stop));
                }
            }

            return await RunAsync(new Crowd(options, wares, observers), options, observers, json, console, stop);
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
        CrowdOptions options,
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
        console.Error.WriteLine("All stand still; comparing with the server ...");
        await crowd.CompareAsync();
        console.Error.WriteLine("All leave; comparing again ...");
        await crowd.LeaveAsync();
        await crowd.CompareAsync();
        var report = CrowdReport.Of(crowd, present, traffic);
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

    private static void Progress(Crowd crowd, CrowdOptions options, long begun, ClientConsole console)
    {
        var counts = crowd.Counts;
        console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Stopwatch.GetElapsedTime(begun).TotalSeconds,5:0} s  {crowd.Present,7:N0} of {options.Count:N0} here, {counts.Joined:N0} joins, {counts.Failed} failed, p95 {counts.Answers.Quantile(0.95):0.0} ms"));
    }

    /// <summary>Asks the shop what it sells, so that nothing has to be agreed beforehand.</summary>
    private static async Task<Wares> WaresAsync(Uri member, CancellationToken stop)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        try
        {
            var products = await http.GetFromJsonAsync<JsonElement>(new Uri(member, "catalogue"), stop);
            int[] items = [.. products.EnumerateArray().SelectMany(p => p.GetProperty("items").EnumerateArray()).Select(i => i.GetProperty("id").GetInt32())];
            return new Wares(
                ["/", "/checkout", .. products.EnumerateArray().Select(p => "/products/" + p.GetProperty("id"))],
                items[..^1],
                items[^1]);
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or KeyNotFoundException
            || (e is TaskCanceledException && !stop.IsCancellationRequested))
        {
            throw new PhoenixException($"there is no shop at {member}: {e.GetBaseException().Message}", e);
        }
    }
}
