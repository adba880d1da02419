using Presence.Node;

namespace Presence.Architecture.Tests.Sources;

/// <summary>
/// docs/reference/metrics.md lists every meter and instrument; the Grafana dashboard uses only those.
/// </summary>
public sealed partial class TelemetryTests
{
    private const string Page = "docs/reference/metrics.md";
    private const string Dashboard = "deploy/grafana/presence.json";

    private static readonly string[] Documented = [.. Rows().Select(row => row.Name).Distinct()];

    [Fact]
    public void Every_instrument_is_documented() => Findings.MustBeNone(
        Sources().SelectMany(source => Created(source.Text)
            .Except(Documented)
            .Select(name => $"{source.File}: {name}")),
        $"Add a row to {Page}.");

    [Fact]
    public void Every_documented_instrument_is_created() => Findings.MustBeNone(
        Documented.Except(Sources().SelectMany(source => Created(source.Text))), $"Remove the row from {Page}.");

    [Fact]
    public void Every_meter_is_named_by_a_constant_and_documented()
    {
        var meters = File.ReadAllText(Repository.PathOf(Page)).Split("\n## Meters\n")[1].Split("\n## ")[0];
        var documented = Regex.Matches(meters, @"^\| `(Presence\.\w+)`", RegexOptions.Multiline)
            .Select(match => match.Groups[1].Value);
        Assert.Equal(PresenceTelemetry.MeterNames.Order(), documented.Order());
        Findings.MustBeNone(
            Sources().SelectMany(source => MeterName().Matches(source.Text)
                .Select(match => match.Groups["name"].Value)
                .Except(PresenceTelemetry.MeterNames)
                .Select(name => $"{source.File}: {name}")),
            "Add the meter to PresenceTelemetry.");
    }

    [Fact]
    public void Every_meter_is_of_the_factory_of_its_container() => Findings.MustBeNone(
        Sources().SelectMany(source => OwnMeter().Matches(source.Text)
            .Where(_ => Path.GetFileName(source.File) is not ("PresenceTelemetry.cs" or "InMemoryTransport.cs"))
            .Select(match => $"{source.File}: {match.Value}")),
        "Call PresenceTelemetry.CreateMeter or IMeterFactory.Create.");

    [Fact]
    public void Every_duration_has_boundaries_of_its_own() => Findings.MustBeNone(
        Sources().SelectMany(source => Histogram().Matches(source.Text)
            .Where(match => !match.Value.Contains("advice: PresenceTelemetry.DurationAdvice", StringComparison.Ordinal))
            .Select(match => $"{source.File}: {match.Value}")),
        "Give the histogram the boundaries of PresenceTelemetry.DurationAdvice.");

    [Fact]
    public void Dashboard_of_Grafana_uses_only_documented_instruments()
    {
        var known = Rows().SelectMany(row => PrometheusNames(row.Name, row.Kind, row.Unit)).ToHashSet();
        var used = Repository.Lines(Dashboard)
            .Where(line => line.Contains("\"expr\"", StringComparison.Ordinal))
            .SelectMany(line => Regex.Matches(line, @"presence_\w+").Select(match => match.Value))
            .ToArray();
        Assert.NotEmpty(used);
        Findings.MustBeNone(used.Except(known), $"No instrument of {Page} has this name in Prometheus.");
    }

    [Theory]
    [InlineData("""m.CreateCounter<long>("presence.a.b", "x")""", "presence.a.b")]
    [InlineData("m.CreateObservableGauge(\n    \"presence.a\", read)", "presence.a")]
    [InlineData("""m.CreateCounter<long>($"presence.{name}", u); x = Count("a.b", "u");""", "presence.a.b")]
    [InlineData("""m.CreateCounter<long>(name, u); x = Counter("presence.c", "u");""", "presence.c")]
    public void Instruments_are_recognized_by_their_text(string text, string name) =>
        Assert.Equal([name], Created(text));

    private static IEnumerable<(string File, string Text)> Sources() => Repository.CSharpFiles
        .Except(Repository.TestFiles)
        .Select(file => (file, File.ReadAllText(Repository.PathOf(file))));

    private static IEnumerable<string> Created(string text)
    {
        var direct = DirectName().Matches(text).Select(match => match.Groups["name"].Value);
        var prefix = LocalFunction().Match(text);
        return !prefix.Success ? direct : direct.Concat(LocalCall().Matches(text)
            .Select(match => prefix.Groups["prefix"].Value + match.Groups["name"].Value));
    }

    /// <summary>Returns the rows of the instruments, whose cells are the name, the kind and the unit.</summary>
    private static IEnumerable<(string Name, string Kind, string Unit)> Rows() =>
        from line in File.ReadAllText(Repository.PathOf(Page)).Split("\n## Traces\n")[0].Split('\n')
        let row = InstrumentRow().Match(line)
        where row.Success
        select (row.Groups["name"].Value, row.Groups["kind"].Value, row.Groups["unit"].Value);

    private static IEnumerable<string> PrometheusNames(string name, string kind, string unit)
    {
        var suffix = unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        var stem = name.Replace('.', '_') + suffix;
        return kind switch
        {
            "counter" => [stem + "_total"],
            "histogram" => [stem + "_bucket", stem + "_sum", stem + "_count"],
            _ => [stem],
        };
    }

    [GeneratedRegex("""Create\w+(<\w+>)?\(\s*"(?<name>presence\.[a-z_.]+)"[,)]""")]
    private static partial Regex DirectName();

    [GeneratedRegex(@"new Meter\(|\bMeter \w+ = new\b|\bMeter \w+ \{ get; \} = new\b")]
    private static partial Regex OwnMeter();

    [GeneratedRegex(@"CreateHistogram\b[^;]*;")]
    private static partial Regex Histogram();

    [GeneratedRegex("""Create\w+<\w+>\(\s*(\$"(?<prefix>[a-z_.]+)\{name\}"|name),""")]
    private static partial Regex LocalFunction();

    [GeneratedRegex("""\b(Count|Counter)\(\s*"(?<name>[a-z_.]+)",""")]
    private static partial Regex LocalCall();

    [GeneratedRegex("""(Meter \w+ = new\(|MeterName = |\.Create\()"(?<name>Presence\.\w+)""")]
    private static partial Regex MeterName();

    [GeneratedRegex(@"^\|( `Presence\.\w+` \|)? `(?<name>presence\.[a-z_.]+)` \| (?<kind>[\w -]+) \| `(?<unit>[^`]+)`")]
    private static partial Regex InstrumentRow();
}
