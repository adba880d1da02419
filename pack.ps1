# Packs every library into artifacts/packages, with symbols and a list of what the packages contain (SBOM).
# Usage: ./pack.ps1 [--version VERSION] [--repository URL] [--output FOLDER] [--no-build]; ./pack --help explains them.
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot/build/steps.ps1"

$output = 'artifacts/packages'
$build = $true
$properties = @()
for ($i = 0; $i -lt $args.Count; $i++) {
    switch ($args[$i]) {
        '--version' { $i++; $properties += "-p:Version=$($args[$i])" }
        '--repository' { $i++; $properties += "-p:RepositoryUrl=$($args[$i])", "-p:PackageProjectUrl=$($args[$i])" }
        '--output' { $i++; $output = $args[$i] }
        '--no-build' { $build = $false }
        default { Stop-With "unknown option $($args[$i])" }
    }
}

Push-Location $PSScriptRoot
try {
    Assert-Prerequisites
    $output = (New-Item -ItemType Directory -Force $output).FullName
    Remove-Item "$output/Presence.*.nupkg", "$output/Presence.*.snupkg"
    $work = Join-Path $PSScriptRoot 'artifacts/pack'
    if ($build) {
        # A folder of its own: the compiler does not run again when only the form of paths changes.
        $properties += "-p:ArtifactsPath=$work"
        $properties += '-p:ContinuousIntegrationBuild=true', '-p:DeterministicSourcePaths=true'
    }
    else {
        $properties += '--no-build'
    }
    dotnet pack build/Packages.slnf -c Release --output $output -v quiet --nologo '-clp:NoSummary' @properties
    if ($LASTEXITCODE -ne 0) { Stop-With 'packing failed' }

    if ($build) {
        Write-Host 'Writing the SBOM ...'
        if (Test-Path "$output/_manifest") { Remove-Item -Recurse -Force "$output/_manifest" }
        dotnet tool restore --verbosity quiet | Out-Null
        if ($LASTEXITCODE -ne 0) { Stop-With 'the SBOM tool could not be restored' }
        $version = dotnet msbuild src/Presence.Node/Presence.Node.csproj -getProperty:Version @properties
        dotnet sbom-tool generate -b $output -bc "$work/obj" -pn Presence -pv $version -ps 'The Presence authors' `
            -nsb https://presence.invalid -V Warning
        if ($LASTEXITCODE -ne 0) { Stop-With 'no SBOM' }
    }
    Get-ChildItem $output -Name
}
finally {
    Pop-Location
}
