# Builds everything, checks the format and runs every test that can run here. Last line: N passed, N failed, N skipped.
# Usage: ./test.ps1 [--quick] [--soak] [--filter EXPRESSION] [--project NAME] [further arguments for dotnet test]
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot/build/steps.ps1"

$quick = $false
$soak = $false
$filter = ''
$only = ''
$rest = @()
for ($i = 0; $i -lt $args.Count; $i++) {
    switch ($args[$i]) {
        '--quick' { $quick = $true }
        '--soak' { $soak = $true }
        '--filter' { $i++; $filter = $args[$i] }
        '--project' { $i++; $only = $args[$i] }
        default { $rest += $args[$i] }
    }
}
if ($quick) {
    # What needs no cluster, browser or database.
    foreach ($category in 'Cluster', 'Orleans', 'Postgres', 'Browser', 'Packages') {
        $filter = if ($filter) { "($filter)&Category!=$category" } else { "Category!=$category" }
    }
}
if (-not $soak) {
    $filter = if ($filter) { "($filter)&Category!=Soak" } else { 'Category!=Soak' }
}

$passed = 0
$failed = 0
$skipped = 0
$results = 'artifacts/test-results'

Push-Location $PSScriptRoot
try {
    Assert-Prerequisites
    Install-NpmFolders
    Test-PageTypes

    Write-Output 'Restoring and building (Release) ...'
    dotnet build Presence.sln -c Release -v quiet --nologo '-clp:NoSummary'
    if ($LASTEXITCODE -ne 0) {
        Write-Output 'error: the build failed'
        $failed++
    }
    else {
        Write-Output 'Checking the format ...'
        dotnet format whitespace . --folder --verify-no-changes --exclude artifacts --verbosity quiet
        if ($LASTEXITCODE -ne 0) {
            $failed++
            Write-Output 'The format differs (see above), which counts as a failure.'
        }

        if (Test-Path $results) { Remove-Item -Recurse -Force $results }
        New-Item -ItemType Directory -Force $results | Out-Null
        $reasons = @()
        foreach ($project in Get-ChildItem -Path tests -Recurse -Filter '*.Tests.csproj') {
            $name = $project.BaseName
            if ($only -and $name -notlike "*$only*") { continue }

            $call = @('test', "artifacts/bin/$name/release/$name.dll", '--logger', "trx;LogFileName=$name.trx",
                '--logger', 'console;verbosity=minimal', '--results-directory', $results,
                '--blame-hang-timeout', '10m', '--blame-hang-dump-type', 'none')
            if ($filter) { $call += @('--filter', $filter) }
            & dotnet @call @rest
            $status = $LASTEXITCODE

            $p = 0
            $f = 0
            $s = 0
            $trx = $null
            if (Test-Path "$results/$name.trx") {
                [xml]$trx = Get-Content -Raw "$results/$name.trx"
                $counters = $trx.TestRun.ResultSummary.Counters
                $p = [int]$counters.passed
                $f = [int]$counters.failed
                $s = [int]$counters.total - [int]$counters.executed
                $reasons += @($trx.TestRun.Results.UnitTestResult | Where-Object { $_.outcome -eq 'NotExecuted' } |
                    ForEach-Object { $_.Output.ErrorInfo.Message })
            }
            # No success, and not for a failed test alone: the test host crashed or hung. What it did not run has not passed.
            $ended = @()
            if (Test-Path "$results/$name.trx") { $ended = @($trx.TestRun.Results.UnitTestResult | ForEach-Object { $_.testName }) }
            if ($status -ne 0 -and ($f -eq 0 -or -not $ended -or $trx.TestRun.ResultSummary.outcome -ne 'Failed')) {
                $list = @('test', "artifacts/bin/$name/release/$name.dll", '--list-tests')
                if ($filter) { $list += @('--filter', $filter) }
                $missing = @(& dotnet @list | Where-Object { $_ -match '^    ' } | ForEach-Object { $_.Trim() } | Where-Object { $_ -notin $ended })
                $f += $missing.Count
                if ($f -eq 0) { $f = 1 }
                Write-Output "$name ended early with status $status; $($missing.Count) did not run or did not end:"
                $missing | ForEach-Object { Write-Output "  $_" }
            }
            $passed += $p
            $failed += $f
            $skipped += $s
            Write-Output "$name`: $p passed, $f failed, $s skipped"
        }

        if ($passed + $failed -eq 0) {
            $failed = 1
            Write-Output 'No test ran. That counts as a failure.'
        }
        $reasons | Group-Object | ForEach-Object { Write-Output "Skipped $($_.Count): $($_.Name)" }
    }
}
catch {
    Write-Output "error: $_"
    $failed++
}
finally {
    Pop-Location
}

Write-Output ''
Write-Output "$passed passed, $failed failed, $skipped skipped"
if ($failed -ne 0) { exit 1 }
exit 0
