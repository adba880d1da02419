# Builds what changed and starts the host. Everything after ./run.ps1 goes to the host: --nodes, --urls, --Any:Config.
$ErrorActionPreference = 'Stop'
$root = $PSScriptRoot
. "$root/build/steps.ps1"

if ($args -contains '-h' -or $args -contains '--help') {
    Write-Output 'usage: ./run.ps1 [--nodes N] [--urls URL] [--Any:Config value]'
    exit 0
}

Push-Location $root
try {
    Assert-Prerequisites
    Write-Output 'Building (Release) ...'
    dotnet build Silo/Silo.csproj -c Release -v quiet --nologo '-clp:NoSummary'
    if ($LASTEXITCODE -ne 0) { Stop-With 'the build failed' }
}
finally {
    Pop-Location
}

if (-not $env:ASPNETCORE_ENVIRONMENT) { $env:ASPNETCORE_ENVIRONMENT = 'Development' }
if (-not $env:Presence__Samples) { $env:Presence__Samples = 'true' }
if (-not $env:ASPNETCORE_CONTENTROOT) { $env:ASPNETCORE_CONTENTROOT = "$root/Silo" }

$given = $args
$named = @($given | Where-Object { $_ -eq '--urls' -or "$_".StartsWith('--urls=') })
if ($named.Count -eq 0 -and -not $env:ASPNETCORE_URLS) {
    $given = @($given) + @('--urls', 'http://127.0.0.1:4000')
}

& dotnet "$root/artifacts/bin/Silo/release/Presence.Silo.dll" @given
exit $LASTEXITCODE
