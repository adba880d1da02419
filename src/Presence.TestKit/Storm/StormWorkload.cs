using System.Globalization;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>Random calls at random members, each answer compared with the model.</summary>
internal sealed class StormWorkload(SimulatedCluster cluster, SimulationRandom random)
{
    private const int Topics = 5;
    private const int Keys = 8;
    private const int MostProcesses = 4;
    private const int MostHeld = 24;

    private static readonly string[] TopicNames = [.. Enumerable.Range(0, Topics).Select(i => $"t{i}")];
    private static readonly string[] KeyNames = [.. Enumerable.Range(0, Keys).Select(i => $"k{i}")];

    private int _value;

    /// <summary>Operations carried out.</summary>
    public int Count { get; private set; }

    /// <summary>One operation, or a burst of several in the same instant, so that they leave in one frame.</summary>
    public void Next()
    {
        var running = cluster.Members.Where(member => member.State == MemberState.Running).ToList();
        if (running.Count == 0)
        {
            return;
        }

        var member = random.Pick(running);
        for (var left = random.Chance(0.1) ? random.Between(3, 8) : 1; left > 0; left--)
        {
            One(member);
            Count++;
        }
    }

    private void One(SimulatedMember member)
    {
        var process = Process(member);
        var full = member.Owned.Held.Count >= MostHeld;
        switch (random.Below(100))
        {
            case < 34 when !full:
                Track(member, process);
                break;
            case < 42 when !full:
                Refuses(() => member.TrackMany(process, Requests(Free(member, process))));
                break;
            case < 56:
                Update(member);
                break;
            case < 62:
                UpdateMany(member, process);
                break;
            case < 65:
                UpdateThatThrows(member);
                break;
            case < 68:
                Refuses(() => member.Update(process, "nowhere", KeyNames[0], Meta()));
                break;
            case < 71:
                TrackAgain(member);
                break;
            case < 75:
                member.UntrackAll(process);
                break;
            case < 80:
                member.EndProcess(process);
                break;
            default:
                Untrack(member, process);
                break;
        }
    }

    private ulong Process(SimulatedMember member) =>
        member.Processes.Count < MostProcesses && (member.Processes.Count == 0 || random.Chance(0.3))
            ? member.StartProcess()
            : random.Pick(member.Processes);

    private void Track(SimulatedMember member, ulong process) =>
        Refuses(() => member.Track(process, random.Pick(TopicNames), random.Pick(KeyNames), Meta()));

    private void TrackAgain(SimulatedMember member)
    {
        if (Held(member) is { } slot)
        {
            Refuses(() => member.Track(slot.Process, slot.Topic, slot.Key, Meta()));
            Refuses(() => member.TrackMany(slot.Process, [new("t0", "new" + Value(), Meta()), new(slot.Topic, slot.Key)]));
        }
    }

    private void Update(SimulatedMember member)
    {
        if (Held(member) is not { } slot)
        {
            return;
        }

        if (random.Chance(0.5))
        {
            member.Update(slot.Process, slot.Topic, slot.Key, Meta());
        }
        else
        {
            member.Update(
                slot.Process,
                slot.Topic,
                slot.Key,
                old => PresenceMeta.Parse($$"""{"v":{{Value()}},"was":"{{old.Ref}}"}"""));
        }
    }

    private void UpdateMany(SimulatedMember member, ulong process)
    {
        var requests = member.Owned.Held.Keys
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
            Refuses(() => member.UpdateMany(process, requests));
        }
    }

    private void UpdateThatThrows(SimulatedMember member)
    {
        if (Held(member) is not { } slot)
        {
            return;
        }

        try
        {
            member.Update(slot.Process, slot.Topic, slot.Key, _ => throw new InsufficientExecutionStackException());
            cluster.Expect(member, "thrown", "swallowed", "what an update function throws");
        }
        catch (InsufficientExecutionStackException)
        {
        }
    }

    private void Untrack(SimulatedMember member, ulong process)
    {
        if (random.Chance(0.9) && Held(member) is { } slot)
        {
            member.Untrack(slot.Process, slot.Topic, slot.Key);
        }
        else
        {
            member.Untrack(process, "nowhere", KeyNames[0]);
        }
    }

    private PresenceSlot? Held(SimulatedMember member)
    {
        var held = member.Owned.Held;
        return held.Count == 0 ? null : held.Keys.ElementAt(random.Below(held.Count));
    }

    private List<TrackRequest> Requests(List<PresenceSlot> slots) =>
        [.. slots.Select(slot => new TrackRequest(slot.Topic, slot.Key, Meta()))];

    private List<PresenceSlot> Free(SimulatedMember member, ulong process)
    {
        var slots = new List<PresenceSlot>();
        for (var i = random.Between(2, 5); i > 0; i--)
        {
            var slot = new PresenceSlot(process, random.Pick(TopicNames), random.Pick(KeyNames));
            if (!member.Owned.Holds(slot) && !slots.Contains(slot))
            {
                slots.Add(slot);
            }
        }

        return slots;
    }

    private PresenceMeta Meta() => PresenceMeta.Parse($$"""{"v":{{Value()}}}""");

    private string Value() => (++_value).ToString(CultureInfo.InvariantCulture);

    /// <summary>Whether the refusal was right is for the member to compare with the model.</summary>
    private static void Refuses(Action call)
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
