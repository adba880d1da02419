using Presence.Silo.Configuration;

namespace Presence.Silo.Tests.Configuration;

public sealed class SiloConfigurationTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("presence-settings-");

    private string File => Path.Combine(_folder.FullName, "appsettings.json");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Syntax_error_of_a_settings_file_is_reported_with_its_line()
    {
        System.IO.File.WriteAllText(File, "{\n  \"Presence\": {\n    \"Nodes\": 1,,\n  }\n}\n");
        Assert.Contains("line 3", ErrorOfLoad(), StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_file_that_cannot_be_opened_is_reported_with_its_path()
    {
        System.IO.File.WriteAllText(File, "{}");
        // Administrators may read every file, but not one that is locked.
        using var locked = new FileStream(File, FileMode.Open, FileAccess.Read, FileShare.None);
        Assert.StartsWith("The settings cannot be read", ErrorOfLoad(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("appsettings.json")]
    [InlineData("appsettings.Production.json")]
    public void Folder_in_the_place_of_a_settings_file_is_reported_with_its_path(string name)
    {
        // A container runtime creates a folder if the file that it shall mount is missing.
        _folder.CreateSubdirectory(name);
        Assert.Contains("is a folder", ErrorOfLoad(name), StringComparison.Ordinal);
    }

    /// <summary>Returns the message of the error, which is one line with the path.</summary>
    private string ErrorOfLoad(string name = "appsettings.json")
    {
        string[] args = ["--contentRoot", _folder.FullName, "--environment", "Production"];
        var error = Assert.Throws<SiloStartException>(() => SiloConfiguration.Load(SiloArguments.Parse(args)));
        Assert.Contains(Path.Combine(_folder.FullName, name), error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        return error.Message;
    }
}
