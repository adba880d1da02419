using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Presence.Dashboard.Api;

/// <summary>Reads query parameters.</summary>
internal static class AdminQuery
{
    private const int MaxLimit = 1000;

    /// <summary>Returns a parameter, or null if it is absent.</summary>
    public static string? Text(HttpContext http, string name) => http.Request.Query[name] switch
    {
        { Count: > 1 } given => throw AdminProblem.BadRequest($"The parameter '{name}' is given {given.Count} times."),
        [""] => throw AdminProblem.BadRequest($"The parameter '{name}' is empty."),
        var given => given,
    };

    public static string Required(HttpContext http, string name) =>
        Text(http, name) ?? throw AdminProblem.BadRequest($"The parameter '{name}' is missing.");

    /// <summary>Reads <c>limit</c> (1 to 1000, default 100) and <c>after</c>.</summary>
    public static (int Limit, string? After) Page(HttpContext http)
    {
        var text = Text(http, "limit") ?? "100";
        var isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit);
        return isNumber && limit is >= 1 and <= MaxLimit
            ? (limit, Text(http, "after"))
            : throw AdminProblem.BadRequest($"The parameter 'limit' must be a whole number between 1 and {MaxLimit}.");
    }
}
