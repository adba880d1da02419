using Orleans.Metadata;
using Orleans.Runtime;
using Orleans.Streams;

namespace Presence.Grains.Diffs;

/// <summary>
/// Detects grain classes of the cluster that subscribe to the streams of all topics by their type
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
