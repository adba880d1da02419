using Presence.Node.Leases;
using Presence.Tracker;

namespace Presence.Grains.Client;

/// <summary>Leases on the silos, for an Orleans client.</summary>
internal sealed class ClientLeases(PresenceClient client) : IPresenceLeases
{
    public async Task<KeyLease> PutAsync(
        LeaseId id, PresenceMeta meta, TimeSpan duration, CancellationToken cancellation)
    {
        client.RequireTopic(id.Topic);
        client.RequireKey(id.Key);
        client.RequireSize(meta);
        var result = await client.CallAsync(Grain(id).Put(meta, duration), cancellation);
        return new KeyLease(result.IsNew, result.Ref);
    }

    public Task<bool> EndAsync(LeaseId id, CancellationToken cancellation) =>
        client.CallAsync(Grain(id).End(), cancellation);

    private IKeyPresenceGrain Grain(LeaseId id) => client.Grains.KeyPresence(id.Topic, id.Key, id.Holder);
}
