using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Presence.Dashboard;

/// <summary>Reads query parameters, or throws what is wrong with them.</summary>
internal static class AdminQuery
{
    private const int DefaultLimit = 100;
    private const int MaxLimit = 1000;

    /// <summary>A parameter that may be absent (null) but not doubled or empty.</summary>
    public static string? Text(HttpContext http, string name) => http.Request.Query[name] switch
    {
        { Count: > 1 } given => throw AdminProblem.BadRequest($"The parameter '{name}' is given {given.Count} times."),
        [""] => throw AdminProblem.BadRequest($"The parameter '{name}' is empty."),
        var given => given,
    };

    public static string Required(HttpContext http, string name) =>
        Text(http, name) ?? throw AdminProblem.BadRequest($"The parameter '{name}' is missing.");

    /// <summary><c>limit</c> (1 to 1000, default 100) and <c>after</c>.</summary>
    public static (int Limit, string? After) Page(HttpContext http)
    {
        var limit = DefaultLimit;
        return Text(http, "limit") is { } text
            && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxLimit)
                ? throw AdminProblem.BadRequest($"The parameter 'limit' must be a whole number between 1 and {MaxLimit}.")
                : (limit, Text(http, "after"));
    }
}
