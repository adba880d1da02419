using Presence.Benchmarks.Hubs;
using Presence.Benchmarks.Peers;
using Presence.Benchmarks.Rows;
using Presence.Benchmarks.Sockets;
using Presence.Benchmarks.Viewers;

const string Usage = """
    usage: dotnet run -c Release --project tests/Presence.Benchmarks -- [--filter TEXT] [--quick] [--once] [--list]

      --filter TEXT  only rows whose "group name" contains TEXT, whatever its case
      --quick        fewer samples and one run of each; without a filter only the rows of the baseline, within 60 s
      --once         one run of each row instead of three
      --list         print the rows without measuring

    Prints one row per figure on standard output: group, name, value, unit, separated by tabs.
    """;

if (args is [ChannelHost.Verb])
{
    return await ChannelHost.RunAsync();
}

if (args is [HubHost.Verb])
{
    return await HubHost.RunAsync();
}

if (args is [ViewerHost.Verb])
{
    return await ViewerHost.RunAsync();
}

if (args is [WebSocketHost.Verb])
{
    return await WebSocketHost.RunAsync();
}

if (args is [OwnProcess.Verb, var rowName, var rowEffort])
{
    return await OwnProcess.RunAsync(Catalog.All, rowName, rowEffort);
}

var filter = "";
var quick = false;
var once = false;
var list = false;
for (var i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--quick":
            quick = true;
            break;
        case "--once":
            once = true;
            break;
        case "--list":
            list = true;
            break;
        case "--filter" when i + 1 < args.Length:
            filter = args[++i];
            break;
        case "-h" or "--help":
            Console.WriteLine(Usage);
            return 0;
        default:
            Console.Error.WriteLine($"'{args[i]}' is not a known argument.\n{Usage}");
            return 2;
    }
}

// Servers, sockets and silos take minutes, so a quick run measures them only on request.
var catalog = quick && filter.Length == 0 ? Catalog.Core : Catalog.All;
var rows = catalog.Where(row => row.FullName.Contains(filter, StringComparison.OrdinalIgnoreCase)).ToList();
if (rows.Count == 0)
{
    Console.Error.WriteLine(
        $"No row contains '{filter}'. Rows:\n  {string.Join("\n  ", Catalog.All.Select(row => row.FullName))}");
    return 2;
}

if (list)
{
    rows.ForEach(row => Console.WriteLine($"{row.Group}\t{row.Name}\t\t{row.Unit}"));
    return 0;
}

var effort = quick ? Effort.Quick : once ? Effort.Full with { Runs = 1 } : Effort.Full;
return await Runner.RunAsync(rows, effort, Console.Out, Console.Error);
