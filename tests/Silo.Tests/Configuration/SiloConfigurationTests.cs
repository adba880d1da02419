namespace Presence.Silo.Tests.Configuration;

public sealed class SiloConfigurationTests
{
    [Fact]
    public void Syntax_error_of_a_settings_file_is_reported_with_its_line()
    {
        var folder = Directory.CreateTempSubdirectory("presence-settings-");
        try
        {
            const string Settings = "{\n  \"Presence\": {\n    \"Nodes\": 1,,\n  }\n}\n";
            File.WriteAllText(Path.Combine(folder.FullName, "appsettings.json"), Settings);
            var error = Assert.Throws<SiloStartException>(
                () => SiloConfiguration.Load(SiloArguments.Parse(["--contentRoot", folder.FullName])));
            Assert.Contains("appsettings.json", error.Message, StringComparison.Ordinal);
            Assert.Contains("line 3", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
