using System.Globalization;
using Presence.TestKit.Cluster;
using Presence.TestKit.Time;
using Presence.Tracker;

namespace Presence.TestKit.Chaos;

/// <summary>Makes random calls to random nodes and compares each result with the model.</summary>
internal sealed class ChaosWorkload(SimulatedCluster cluster, SimulationRandom random)
{
    private const int Topics = 5;
    private const int Keys = 8;
    private const int MaxProcesses = 4;
    private const int MaxHeld = 24;

    private static readonly string[] TopicNames = [.. Enumerable.Range(0, Topics).Select(i => $"t{i}")];
    private static readonly string[] KeyNames = [.. Enumerable.Range(0, Keys).Select(i => $"k{i}")];

    private int _value;

    public int Count { get; private set; }

    /// <summary>Runs one operation, or a burst of several in the same instant, which share a frame.</summary>
    public void Next()
    {
        var running = cluster.Nodes.Where(node => node.State == SimulatedNodeState.Running).ToList();
        if (running.Count == 0)
        {
            return;
        }

        var node = random.Pick(running);
        for (var left = random.Chance(0.1) ? random.Between(3, 8) : 1; left > 0; left--)
        {
            RunOne(node);
            Count++;
        }
    }

    private void RunOne(SimulatedNode node)
    {
        var process = Process(node);
        var full = node.Local.Held.Count >= MaxHeld;
        switch (random.Below(100))
        {
            case < 34 when !full:
                Track(node, process);
                break;
            case < 42 when !full:
                IgnoreRejection(() => node.TrackMany(process, Requests(Free(node, process))));
                break;
            case < 56:
                Update(node);
                break;
            case < 62:
                UpdateMany(node, process);
                break;
            case < 65:
                UpdateThatThrows(node);
                break;
            case < 68:
                IgnoreRejection(() => node.Update(process, "nowhere", KeyNames[0], Meta()));
                break;
            case < 71:
                TrackAgain(node);
                break;
            case < 75:
                node.UntrackAll(process);
                break;
            case < 80:
                node.EndSession(process);
                break;
            default:
                Untrack(node, process);
                break;
        }
    }

    private ulong Process(SimulatedNode node) =>
        node.Processes.Count < MaxProcesses && (node.Processes.Count == 0 || random.Chance(0.3))
            ? node.OpenSession()
            : random.Pick(node.Processes);

    private void Track(SimulatedNode node, ulong process) =>
        IgnoreRejection(() => node.Track(process, random.Pick(TopicNames), random.Pick(KeyNames), Meta()));

    private void TrackAgain(SimulatedNode node)
    {
        if (Held(node) is { } slot)
        {
            IgnoreRejection(() => node.Track(slot.Process, slot.Topic, slot.Key, Meta()));
            var unused = new TrackRequest("t0", "new" + Value(), Meta());
            IgnoreRejection(() => node.TrackMany(slot.Process, [unused, new(slot.Topic, slot.Key)]));
        }
    }

    private void Update(SimulatedNode node)
    {
        if (Held(node) is not { } slot)
        {
            return;
        }

        if (random.Chance(0.5))
        {
            node.Update(slot.Process, slot.Topic, slot.Key, Meta());
        }
        else
        {
            node.Update(
                slot.Process,
                slot.Topic,
                slot.Key,
                old => PresenceMeta.Parse($$"""{"v":{{Value()}},"was":"{{old.Ref}}"}"""));
        }
    }

    private void UpdateMany(SimulatedNode node, ulong process)
    {
        var requests = node.Local.Held.Keys
            .Where(slot => slot.Process == process)
            .Take(4)
            .Select(slot => new TrackRequest(slot.Topic, slot.Key, Meta()))
            .ToList();
        if (random.Chance(0.2))
        {
            requests.Add(new TrackRequest("nowhere", KeyNames[0], Meta()));
        }

        if (requests.Count > 0)
        {
            IgnoreRejection(() => node.UpdateMany(process, requests));
        }
    }

    private void UpdateThatThrows(SimulatedNode node)
    {
        if (Held(node) is not { } slot)
        {
            return;
        }

        try
        {
            node.Update(slot.Process, slot.Topic, slot.Key, _ => throw new InsufficientExecutionStackException());
            cluster.Expect(node, "thrown", "swallowed", "exception of an update function");
        }
        catch (InsufficientExecutionStackException)
        {
        }
    }

    private void Untrack(SimulatedNode node, ulong process)
    {
        if (random.Chance(0.9) && Held(node) is { } slot)
        {
            node.Untrack(slot.Process, slot.Topic, slot.Key);
        }
        else
        {
            node.Untrack(process, "nowhere", KeyNames[0]);
        }
    }

    private PresenceSlot? Held(SimulatedNode node)
    {
        var held = node.Local.Held;
        return held.Count == 0 ? null : held.Keys.ElementAt(random.Below(held.Count));
    }

    private List<TrackRequest> Requests(List<PresenceSlot> slots) =>
        [.. slots.Select(slot => new TrackRequest(slot.Topic, slot.Key, Meta()))];

    private List<PresenceSlot> Free(SimulatedNode node, ulong process)
    {
        var slots = new List<PresenceSlot>();
        for (var i = random.Between(2, 5); i > 0; i--)
        {
            var slot = new PresenceSlot(process, random.Pick(TopicNames), random.Pick(KeyNames));
            if (!node.Local.Holds(slot) && !slots.Contains(slot))
            {
                slots.Add(slot);
            }
        }

        return slots;
    }

    private PresenceMeta Meta() => PresenceMeta.Parse($$"""{"v":{{Value()}}}""");

    private string Value() => (++_value).ToString(CultureInfo.InvariantCulture);

    /// <summary>Ignores exceptions that the node has compared with the model.</summary>
    private static void IgnoreRejection(Action call)
    {
        try
        {
            call();
        }
        catch (Exception e) when (e is AlreadyTrackedException or NotTrackedException)
        {
        }
    }
}
