using Orleans.Metadata;
using Orleans.Runtime;
using Orleans.Streams;

namespace Presence.Grains.Diffs;

/// <summary>
/// Tells whether a grain class of the cluster subscribes to the streams of all topics by its type
/// (<c>[ImplicitStreamSubscription("presence.diffs")]</c>).
/// </summary>
internal sealed class ImplicitSubscribers(
    IClusterManifestProvider manifests, IEnumerable<IStreamNamespacePredicateProvider> predicates)
{
    private const string BindingPrefix = "binding";
    private const string PatternSuffix = ".pattern";

    public bool Exist() => manifests.Current.AllGrainManifests
        .SelectMany(m => m.Grains.Values)
        .Any(grain => grain.Properties.Any(p =>
            p.Key.StartsWith(BindingPrefix, StringComparison.Ordinal)
            && p.Key.EndsWith(PatternSuffix, StringComparison.Ordinal)
            && Matches(p.Value)));

    private bool Matches(string pattern)
    {
        foreach (var provider in predicates)
        {
            if (provider.TryGetPredicate(pattern, out var predicate))
            {
                return predicate.IsMatch(PresenceStreams.DiffsNamespace);
            }
        }

        return false;
    }
}
