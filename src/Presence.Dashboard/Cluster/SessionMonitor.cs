using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Dashboard.Cluster;

/// <summary>Collects which sessions are detached on the nodes that report, and counts joins that resume.</summary>
internal sealed class SessionMonitor : IDisposable
{
    /// <summary>Maximum number of detached sessions that a node names to the others.</summary>
    public const int MaxDetached = 500;

    private const string Resumes = "presence.sessions.resumes";

    private readonly IPresenceNode _node;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, long> _resumes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (string[] Tags, long At)> _reports = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();

    public SessionMonitor(IPresenceNode node, IMeterFactory meters, TimeProvider time)
    {
        (_node, _time) = (node, time);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Other hosts of the process have meters of the same names.
            if (instrument.Name == Resumes && ReferenceEquals(instrument.Meter.Scope, meters))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            var outcome = tags.Length > 0 ? tags[0].Value as string : null;
            _resumes.AddOrUpdate(outcome ?? "", value, (_, sum) => sum + value);
        });
        _listener.Start();
    }

    public SessionsView Now()
    {
        var status = _node.Sessions(0);
        return new SessionsView(
            status.Attached, status.Detached, status.HeldLeaves, new SortedDictionary<string, long>(_resumes));
    }

    /// <summary>Encodes the detached sessions of this node for the others.</summary>
    public byte[] Report() => JsonSerializer.SerializeToUtf8Bytes(_node.Sessions(MaxDetached).DetachedTags);

    public void OnReport(string node, ReadOnlyMemory<byte> body) =>
        _reports[node] = (JsonSerializer.Deserialize<string[]>(body.Span) ?? [], _time.GetTimestamp());

    /// <summary>Returns a test of whether the session of a presence is detached, as far as nodes report it.</summary>
    public Func<PresenceEntry, bool> Detached(TimeSpan validity)
    {
        var tags = new HashSet<string>(_node.Sessions(MaxDetached).DetachedTags, StringComparer.Ordinal);
        foreach (var (_, (reported, at)) in _reports)
        {
            tags.UnionWith(_time.GetElapsedTime(at) <= validity ? reported : []);
        }

        return entry => tags.Count > 0 && SessionStatus.TagOf(entry) is { } tag && tags.Contains(tag);
    }

    /// <summary>Forgets the reports of nodes that send none any more.</summary>
    public void Trim(TimeSpan validity)
    {
        foreach (var (node, (_, at)) in _reports)
        {
            if (_time.GetElapsedTime(at) > validity)
            {
                _reports.TryRemove(node, out _);
            }
        }
    }

    public void Dispose() => _listener.Dispose();
}
