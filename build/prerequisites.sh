# Sourced by run, test and .ci/run: checks for what the README lists under "Prerequisites".

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

say() {
  printf '%s\n' "$*"
}

# bounded SECONDS COMMAND...: ends the command after that time, where the system has a way to (macOS has none of its own).
bounded() {
  local seconds=$1
  shift
  if command -v timeout >/dev/null 2>&1; then
    timeout "$seconds" "$@"
  else
    "$@"
  fi
}

# One number for the contents and names of the files named on standard input, one per line.
fingerprint() {
  LC_ALL=C sort | tr '\n' '\0' | xargs -0 cksum | cksum | tr ' ' '-'
}

need_dotnet() {
  command -v dotnet >/dev/null 2>&1 ||
    fail "the .NET 10 SDK is needed and 'dotnet' was not found. Get it from https://dot.net/download"
  # In this folder global.json decides; the command fails if no installed SDK will do.
  SDK_VERSION=$(dotnet --version 2>/dev/null) ||
    fail "the .NET 10 SDK is needed. Installed: $(dotnet --list-sdks 2>/dev/null | tr '\n' ' '). Get it from https://dot.net/download"
}

need_node() {
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 ||
    fail "Node.js 20 or later with npm is needed (it bundles the pages). Get it from https://nodejs.org"
  local major
  major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
  [ "$major" -ge 20 ] || fail "Node.js 20 or later is needed; found $(node --version)"
}
