using System.Text.Json;

namespace Presence.CommandLine.Commands;

/// <summary>Writes presences of a topic, one per line.</summary>
internal sealed record TopicOutput(ClientConsole Console, string Topic, bool IsJson)
{
    public void Show(IEnumerable<PresenceEvent> events)
    {
        foreach (var e in events)
        {
            Show(e);
        }
    }

    public void Show(PresenceEvent e)
    {
        var (name, mark) = e.Kind switch
        {
            PresenceEventKind.Joined => ("join", "+ "),
            PresenceEventKind.Left => ("leave", "- "),
            PresenceEventKind.Updated => ("update", "~ "),
            _ => ("present", "  "),
        };
        if (IsJson)
        {
            Console.Json(new { @event = name, topic = Topic, key = e.Key, metas = e.Metas });
            return;
        }

        Console.Line($"{mark}{e.Key}  {string.Join("  ", e.Metas.Select(meta => meta.GetRawText()))}");
    }

    /// <summary>Writes a line beside the results, which are none.</summary>
    public void ShowNobody() => Console.ErrorLine($"Nobody is present in '{Topic}'.");

    public void ShowTracked(string key, string? reference)
    {
        if (IsJson)
        {
            Console.Json(new { @event = "tracked", topic = Topic, key, phx_ref = reference });
            return;
        }

        Console.Line($"{key} is present in {Topic} ({reference}).");
    }
}
