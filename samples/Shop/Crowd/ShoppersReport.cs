using System.Globalization;

namespace Presence.CommandLine;

/// <summary>The results of a run; a table or a JSON object. Latencies are null if none was measured.</summary>
internal sealed record ShoppersReport(
    long Connected,
    long Joined,
    long Failed,
    long Dropped,
    long Reconnected,
    double? P50,
    double? P95,
    double? P99,
    long Messages,
    int Shoppers,
    int OpenPages,
    bool Compared,
    double? ShownP50,
    double? ShownP95,
    double? ShownMax,
    double AdminBytesPerSecond,
    long Disagreed,
    string? FirstFailure,
    string? FirstDisagreement)
{
    /// <summary>Gets whether nothing failed and the server showed what the crowd knows.</summary>
    public bool Agreed => Failed == 0 && Disagreed == 0;

    public static ShoppersReport Of(Crowd crowd, ShopStats present, double traffic)
    {
        var counts = crowd.Counts;
        var shown = crowd.Probe?.Shown ?? new Latencies();
        return new ShoppersReport(
            counts.Connected,
            counts.Joined,
            counts.Failed,
            counts.Dropped,
            counts.Reconnected,
            counts.RoundTrips.Quantile(0.5),
            counts.RoundTrips.Quantile(0.95),
            counts.RoundTrips.Quantile(0.99),
            counts.Messages,
            present.Shoppers,
            present.OpenPages,
            crowd.Probe is not null,
            shown.Quantile(0.5),
            shown.Quantile(0.95),
            shown.Max,
            traffic,
            counts.Disagreed,
            counts.FirstFailure,
            counts.FirstDisagreement);
    }

    public void Show(ClientConsole console)
    {
        Row("connected", $"{Connected:N0}");
        Row("joined", $"{Joined:N0}");
        Row("failed", $"{Failed:N0}{(FirstFailure is null ? "" : $", first: {FirstFailure}")}");
        Row("dropped on purpose", $"{Dropped:N0}");
        Row("reconnected", $"{Reconnected:N0}");
        Row("latency p50/p95/p99", Measured(P50, $"{P50:0.0} / {P95:0.0} / {P99:0.0} ms"));
        Row("messages", $"{Messages:N0}");
        Row("at the end", $"{Shoppers:N0} shoppers, {OpenPages:N0} pages");
        if (Compared)
        {
            Row(
                "shown to admins after",
                Measured(ShownP50, $"p50 {ShownP50:0} ms, p95 {ShownP95:0} ms, at most {ShownMax:0} ms"));
            Row("admin socket", $"{AdminBytesPerSecond / 1000:0.0} kB/s");
        }

        var uncompared = Compared ? "" : " (the statistics of the nodes were not compared)";
        var first = FirstDisagreement is null ? "" : $", first: {FirstDisagreement}";
        Row("disagreed", $"{Disagreed:N0}{uncompared}{first}");

        void Row(string name, FormattableString value) =>
            console.Line($"{name,-22} {value.ToString(CultureInfo.InvariantCulture)}");
    }

    private static FormattableString Measured(double? latency, FormattableString text) =>
        latency is null ? $"none measured" : text;
}
