namespace Presence.Packages.Tests;

/// <summary>See docs/decisions/0061-build-scripts-stay-in-two-shells.md.</summary>
[Trait("Category", "Packages")]
public sealed class PowerShellScriptTests
{
    [Fact]
    public async Task Scripts_have_no_syntax_errors()
    {
        var output = await PowerShell.RunCommandsAsync(
            "foreach ($file in Get-ChildItem *.ps1, build/*.ps1) { $errors = $null; "
            + "[void][System.Management.Automation.Language.Parser]::ParseFile($file, [ref]$null, [ref]$errors); "
            + "\"$($file.Name): $($errors.Count)\" }");
        Assert.Equal(
            ["pack.ps1: 0", "run.ps1: 0", "steps.ps1: 0", "test.ps1: 0"],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Order());
    }

    [Fact]
    public async Task Run_script_explains_itself() => Assert.StartsWith(
        "usage: ./run.ps1 [--nodes N]", await PowerShell.RunAsync("run.ps1", "--help"), StringComparison.Ordinal);

    [Fact]
    public async Task Steps_find_the_prerequisites_and_the_npm_folders_of_the_other_shell()
    {
        var output = await PowerShell.RunCommandsAsync(
            ". ./build/steps.ps1; Assert-Prerequisites; function Install-Npm($folder) { "
            + "[IO.Path]::GetRelativePath($PWD, $folder) }; Install-NpmFolders");
        var bash = await PackageFeed.RunAsync("bash", ["-c", ". build/web.sh; npm_folders"], HostFiles.Root);
        Assert.Equal(LinesOf(bash), LinesOf(output));

        static IEnumerable<string> LinesOf(string text) =>
            text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Order();
    }
}
