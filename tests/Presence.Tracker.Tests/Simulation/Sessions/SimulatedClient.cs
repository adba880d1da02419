using Presence.Node;

namespace Presence.Tracker.Tests.Simulation.Sessions;

/// <summary>A client with one session, which has a presence in each of two topics, in two shards.</summary>
internal sealed class SimulatedClient(string key)
{
    public string Key => key;

    /// <summary>Gets the topics in which it wants to be present, with the metadata.</summary>
    public Dictionary<string, PresenceMeta> Wanted { get; } = [];

    /// <summary>Gets or sets where it is connected; null while it is not.</summary>
    public SessionNode? At { get; set; }

    public PresenceSession? Session { get; set; }

    /// <summary>Gets or sets the last token that it has received.</summary>
    public ResumeToken Token { get; set; } = null!;

    /// <summary>Gets or sets the token before, which a duplicated tab may still have.</summary>
    public ResumeToken? Earlier { get; set; }

    /// <summary>Gets or sets where it is resuming; null if it is not.</summary>
    public SessionNode? Resuming { get; set; }

    /// <summary>Gets or sets the session and node of the connection before, whose code may not have stopped.</summary>
    public (PresenceSession Session, SessionNode Node)? Former { get; set; }

    /// <summary>Gets or sets what cancels the last attempt to resume.</summary>
    public CancellationTokenSource? Resume { get; set; }

    public TimeSpan ConnectedAt { get; set; }

    /// <summary>Gets or sets the number of attempts to resume; an earlier attempt than the last was given up.</summary>
    public int Attempts { get; set; }

    public bool IsBusy => Resuming is not null;

    public bool IsOver { get; set; }

    /// <summary>Gets or sets whether what happened to it may be seen as a leave and a join.</summary>
    public bool IsExcused { get; set; }

    public HashSet<string> Untracked { get; } = [];

    public TimeSpan AwaySince { get; set; }

    public TimeSpan BackAt { get; set; }

    /// <summary>Gives it up: it returns no more.</summary>
    public void Abandon() => (IsExcused, IsOver, At) = (true, true, null);

    public override string ToString() => $"{key}{(IsExcused ? " (excused)" : "")} at {At?.Name ?? "-"} {Token}";
}
