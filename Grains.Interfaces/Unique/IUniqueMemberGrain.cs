using Orleans;

namespace Presence.Grains;

/// <summary>The unique processes that one silo has added. Key: the silo's address. Meant for the engine, not for applications.</summary>
/// <remarks>Lives on that silo and nowhere else, as <see cref="IPresenceLeaseGrain"/> does.</remarks>
[Alias("Presence.Grains.IUniqueMemberGrain")]
public interface IUniqueMemberGrain : IGrainWithStringKey
{
    /// <summary>How this silo's seat is at this moment; null if it has not added the name.</summary>
    [Alias("Ask")]
    Task<UniqueSeat?> Ask(string name);

    /// <summary>Asks the seat to attend now: something has changed. A hint, which may be lost.</summary>
    [Alias("Call")]
    Task Call(string name);

    /// <summary>See <see cref="IUniqueDirectoryGrain.List"/>; null if this silo has added no unique process and does not know.</summary>
    [Alias("List")]
    Task<IReadOnlyList<UniqueProcessRecord>?> List();
}
