using Microsoft.AspNetCore.Http;

namespace Presence.Channels.Transport;

/// <summary>Checks the origin of a page: browsers let scripts of any origin open sockets, with cookies.</summary>
internal static class OriginCheck
{
    /// <param name="request">The request. Without an Origin header it is not from a browser, and allowed.</param>
    /// <param name="allowed">Hosts, <c>*.host</c>, whole origins or <c>*</c>; if empty, the request's own host.</param>
    public static bool Allows(HttpRequest request, IList<string> allowed)
    {
        var header = request.Headers.Origin.ToString();

        // Browsers send ASCII; the header is repeated in answers, which allow nothing else.
        return header.Length == 0 || (header.All(c => c is > ' ' and <= '~')
            && Uri.TryCreate(header, UriKind.Absolute, out var origin)
            && (allowed.Count == 0
                ? string.Equals(origin.Host, request.Host.Host, StringComparison.OrdinalIgnoreCase)
                : allowed.Any(pattern => Matches(origin, pattern))));
    }

    private static bool Matches(Uri origin, string pattern)
    {
        if (pattern == "*")
        {
            return true;
        }

        if (pattern.Contains("://", StringComparison.Ordinal))
        {
            const UriComponents Parts = UriComponents.SchemeAndServer;
            return Uri.TryCreate(pattern, UriKind.Absolute, out var exact)
                && Uri.Compare(origin, exact, Parts, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0;
        }

        pattern = pattern.TrimStart('/');
        return pattern.StartsWith("*.", StringComparison.Ordinal)
            ? origin.Host.EndsWith(pattern[1..], StringComparison.OrdinalIgnoreCase)
            : string.Equals(origin.Host, pattern, StringComparison.OrdinalIgnoreCase);
    }
}
