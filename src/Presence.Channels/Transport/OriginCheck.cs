using Microsoft.AspNetCore.Http;

namespace Presence.Channels;

/// <summary>Whether a page of another site may connect: browsers send cookies and let scripts of any origin open sockets.</summary>
internal static class OriginCheck
{
    /// <param name="request">The request. Without an Origin header it is not a browser's, and allowed.</param>
    /// <param name="allowed">Hosts, <c>*.host</c>, <c>scheme://host:port</c> or <c>*</c>; if empty, the request's own host.</param>
    public static bool Allows(HttpRequest request, IList<string> allowed)
    {
        var header = request.Headers.Origin.ToString();
        if (header.Length == 0)
        {
            return true;
        }

        if (!Uri.TryCreate(header, UriKind.Absolute, out var origin))
        {
            return false;
        }

        if (allowed.Count == 0)
        {
            return string.Equals(origin.Host, request.Host.Host, StringComparison.OrdinalIgnoreCase);
        }

        foreach (var pattern in allowed)
        {
            if (Matches(origin, pattern))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Matches(Uri origin, string pattern)
    {
        if (pattern == "*")
        {
            return true;
        }

        if (pattern.Contains("://", StringComparison.Ordinal))
        {
            return Uri.TryCreate(pattern, UriKind.Absolute, out var exact)
                && Uri.Compare(origin, exact, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0;
        }

        pattern = pattern.TrimStart('/');
        return pattern.StartsWith("*.", StringComparison.Ordinal)
            ? origin.Host.EndsWith(pattern[1..], StringComparison.OrdinalIgnoreCase)
            : string.Equals(origin.Host, pattern, StringComparison.OrdinalIgnoreCase);
    }
}
