using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Presence.Dashboard;

/// <summary>The files of the pages, which lie inside this assembly: a host that mounts the dashboard copies nothing.</summary>
internal static class DashboardFiles
{
    private const string Prefix = "pages/";

    private static readonly FrozenDictionary<string, PageFile> Files = Load();

    /// <summary>Whether the front end was built into this assembly.</summary>
    public static bool AreBuilt => Files.ContainsKey("dashboard.js");

    public static string? Page => Files.TryGetValue("page.html", out var page)
        ? System.Text.Encoding.UTF8.GetString(page.Bytes)
        : null;

    public static IResult Asset(HttpContext http, string file)
    {
        PageHeaders.Set(http.Response.Headers);
        if (file == "page.html" || !Files.TryGetValue(file, out var found))
        {
            return AdminProblem.NotFound($"There is no file '{file}'.");
        }

        // The name stays the same from version to version: browsers ask whether the file has changed.
        http.Response.Headers.CacheControl = "no-cache";
        return Results.Bytes(found.Bytes, found.Type, entityTag: found.Tag);
    }

    private static FrozenDictionary<string, PageFile> Load()
    {
        var assembly = typeof(DashboardFiles).Assembly;
        return assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .ToFrozenDictionary(name => name[Prefix.Length..], name => Read(assembly.GetManifestResourceStream(name)!, name));
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
