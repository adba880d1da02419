using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Presence.Dashboard;

/// <summary>Reads query parameters and says what is wrong with them.</summary>
internal static class AdminQuery
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1000;

    /// <summary>A parameter that may be absent (null) but not doubled or empty.</summary>
    public static bool TryText(HttpContext http, string name, out string? value, out IResult? problem)
    {
        var given = http.Request.Query[name];
        value = given.Count == 0 ? null : given[0];
        problem = given.Count > 1 ? AdminProblems.BadRequest($"The parameter '{name}' is given {given.Count} times.")
            : value is "" ? AdminProblems.BadRequest($"The parameter '{name}' is empty.")
            : null;
        return problem is null;
    }

    public static bool TryRequired(HttpContext http, string name, out string value, out IResult? problem)
    {
        var read = TryText(http, name, out var given, out problem);
        value = given ?? "";
        if (read && given is null)
        {
            problem = AdminProblems.BadRequest($"The parameter '{name}' is missing.");
        }

        return problem is null;
    }

    /// <summary><c>limit</c> (1 to 1000, default 100) and <c>after</c>.</summary>
    public static bool TryPage(HttpContext http, out int limit, out string? after, out IResult? problem)
    {
        limit = DefaultLimit;
        after = null;
        if (!TryText(http, "limit", out var text, out problem) || !TryText(http, "after", out after, out problem))
        {
            return false;
        }

        if (text is not null
            && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit)
                || limit is < 1 or > MaxLimit))
        {
            problem = AdminProblems.BadRequest(
                $"The parameter 'limit' must be a whole number between 1 and {MaxLimit}.");
        }

        return problem is null;
    }
}
