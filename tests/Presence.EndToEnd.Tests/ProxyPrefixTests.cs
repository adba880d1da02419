using System.Text.RegularExpressions;

namespace Presence.EndToEnd.Tests;

/// <summary>The host below a path of a proxy.</summary>
[Trait("Category", "Cluster")]
public sealed class ProxyPrefixTests
{
    [Fact]
    public async Task Pages_below_the_prefix_of_a_trusted_proxy_name_addresses_below_it()
    {
        await using var silo = await SiloProcess.StartAsync(["--Presence:TrustedProxies", "127.0.0.1,10.0.0.0/8"]);
        using var http = new HttpClient { BaseAddress = new Uri(silo.Nodes[0]) };
        await AllBelowAsync(http, "/", "");
        http.DefaultRequestHeaders.Add("X-Forwarded-Prefix", "/presence");

        // This proxy strips its prefix.
        await AllBelowAsync(http, "/", "/presence");
        await AllBelowAsync(http, "/tracked?user_id=ann", "/presence");
        await AllBelowAsync(http, "/audience?user_id=ann", "/presence");
    }

    [Fact]
    public async Task Prefix_of_a_client_that_is_no_trusted_proxy_is_ignored()
    {
        await using var silo = await SiloProcess.StartAsync(["--Presence:TrustedProxies", "10.0.0.0/8"]);
        using var http = new HttpClient { BaseAddress = new Uri(silo.Nodes[0]) };
        http.DefaultRequestHeaders.Add("X-Forwarded-Prefix", "/presence");
        await AllBelowAsync(http, "/", "");
    }

    [Theory]
    [InlineData("")]
    [InlineData("/presence")]
    public async Task Path_base_works_behind_a_proxy_that_strips_it_and_one_that_leaves_it(string left)
    {
        await using var silo = await SiloProcess.StartAsync(["--Presence:PathBase", "/presence"]);
        using var http = new HttpClient { BaseAddress = new Uri(silo.Nodes[0]) };
        await AllBelowAsync(http, left + "/", "/presence");
        using var admin = await http.GetAsync(new Uri(left + "/admin/", UriKind.Relative));
        Assert.Equal("/presence/admin", admin.RequestMessage!.RequestUri!.AbsolutePath);
    }

    [SkippableFact]
    [Trait("Category", "Browser")]
    public async Task Pages_sockets_and_scripts_work_in_a_browser_behind_a_proxy_that_strips_its_prefix()
    {
        var chromium = Places.Chromium();
        NodeScripts.Require();
        await using var silo = await SiloProcess.StartAsync(["--Presence:TrustedProxies", "127.0.0.1"]);
        await NodeScripts.RunAsync("prefix.mjs", [chromium, SiloProcess.Password, silo.Nodes[0]], seconds: 90);
    }

    private static async Task AllBelowAsync(HttpClient http, string path, string prefix)
    {
        var html = await http.GetStringAsync(new Uri(path, UriKind.Relative));
        var addresses = Regex.Matches(html, "(?:href|src|action|data-base)=\"(/[^\"]*)\"")
            .Select(match => match.Groups[1].Value).ToList();
        Assert.NotEmpty(addresses);
        Assert.All(addresses, address => Assert.StartsWith(prefix + "/", address, StringComparison.Ordinal));
        var isBelow = prefix.Length > 0;
        Assert.All(addresses, a => Assert.Equal(isBelow, a.StartsWith("/presence/", StringComparison.Ordinal)));
        foreach (var script in addresses.Where(a => a.EndsWith(".js", StringComparison.Ordinal)))
        {
            using var found = await http.GetAsync(new Uri(script[prefix.Length..], UriKind.Relative));
            Assert.Equal(HttpStatusCode.OK, found.StatusCode);
        }
    }
}
