# Dot-sourced by run.ps1, test.ps1 and pack.ps1: the steps that prerequisites.sh and web.sh are for bash.

function Stop-With([string] $message) {
    throw $message
}

function Assert-Prerequisites {
    if (-not (Get-Command dotnet -ErrorAction SilentlyContinue)) {
        Stop-With "the .NET 10 SDK is needed and 'dotnet' was not found. Get it from https://dot.net/download"
    }
    dotnet --version | Out-Null
    if ($LASTEXITCODE -ne 0) { Stop-With 'the .NET 10 SDK is needed. Get it from https://dot.net/download' }
    if (-not (Get-Command node -ErrorAction SilentlyContinue) -or -not (Get-Command npm -ErrorAction SilentlyContinue)) {
        Stop-With 'Node.js 20 or later with npm is needed (it bundles the pages). Get it from https://nodejs.org'
    }
    $node = node --version
    if ([int]($node.TrimStart('v').Split('.')[0]) -lt 20) { Stop-With "Node.js 20 or later is needed; found $node" }
}

function Install-Npm([string] $folder) {
    $stamp = "$folder/node_modules/.installed-for"
    $now = "$(node --version) $((Get-FileHash "$folder/package-lock.json").Hash)"
    if ((Test-Path $stamp) -and (Get-Content -Raw $stamp).Trim() -eq $now) { return }
    Write-Host "Installing npm packages in $folder ..."
    Push-Location $folder
    try {
        npm ci --no-audit --no-fund --loglevel=error
        if ($LASTEXITCODE -ne 0) { Stop-With "npm ci failed in $folder" }
    }
    finally {
        Pop-Location
    }
    Set-Content $stamp $now
}

function Install-NpmFolders {
    Get-ChildItem -Path clients, samples, src, tests -Recurse -Filter 'package-lock.json' |
        Where-Object { $_.FullName -notmatch '[\\/]node_modules[\\/]' } |
        ForEach-Object { Install-Npm $_.DirectoryName }
}

function Test-PageTypes {
    Write-Host "Checking the types of the dashboard's pages ..."
    Push-Location 'src/Presence.Dashboard/web'
    try {
        npm run --silent check
        if ($LASTEXITCODE -ne 0) { Stop-With "the dashboard's pages have type errors (src/Presence.Dashboard/web)" }
    }
    finally {
        Pop-Location
    }
}
