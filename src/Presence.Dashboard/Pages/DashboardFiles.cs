using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Presence.Dashboard.Api;

namespace Presence.Dashboard.Pages;

/// <summary>The files of the pages, embedded in this assembly.</summary>
internal static class DashboardFiles
{
    private const string Prefix = "pages/";

    private static readonly FrozenDictionary<string, PageFile> Files = Load();

    /// <summary>Gets whether the assembly contains the front end.</summary>
    public static bool AreBuilt => NameOf(".js") is not null && NameOf(".css") is not null;

    public static string? Page => Files.TryGetValue("page.html", out var page)
        ? System.Text.Encoding.UTF8.GetString(page.Bytes)
            .Replace("{{script}}", NameOf(".js"), StringComparison.Ordinal)
            .Replace("{{style}}", NameOf(".css"), StringComparison.Ordinal)
        : null;

    public static IResult Asset(HttpContext http, string file)
    {
        PageHeaders.Set(http.Response.Headers);
        if (file == "page.html" || !Files.TryGetValue(file, out var found))
        {
            return AdminProblem.NotFound($"There is no file '{file}'.");
        }

        // The name contains a hash of the content.
        http.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        return Results.Bytes(found.Bytes, found.Type, entityTag: found.Tag);
    }

    private static string? NameOf(string extension) => Files.Keys.SingleOrDefault(
        name => name.StartsWith("dashboard-", StringComparison.Ordinal)
            && name.EndsWith(extension, StringComparison.Ordinal));

    private static FrozenDictionary<string, PageFile> Load()
    {
        var assembly = typeof(DashboardFiles).Assembly;
        return assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .ToFrozenDictionary(
                name => name[Prefix.Length..], name => Read(assembly.GetManifestResourceStream(name)!, name));
    }

    private static PageFile Read(Stream stream, string name)
    {
        using (stream)
        {
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            var tag = Convert.ToHexString(SHA256.HashData(bytes).AsSpan(0, 10));
            var type = Path.GetExtension(name) switch
            {
                ".js" => "text/javascript; charset=utf-8",
                ".css" => "text/css; charset=utf-8",
                ".html" => "text/html; charset=utf-8",
                _ => "application/octet-stream",
            };
            return new PageFile(bytes, type, new EntityTagHeaderValue($"\"{tag}\""));
        }
    }

    private sealed record PageFile(byte[] Bytes, string Type, EntityTagHeaderValue Tag);
}
