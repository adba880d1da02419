# Sourced by run and test: npm packages, each only when something changed.

# Folders of this repository with npm packages of their own.
npm_folders() {
  find clients samples src tests -name node_modules -prune -o -name package-lock.json -print | sed 's/\/package-lock\.json$//' | LC_ALL=C sort
}

# npm_install FOLDER: installs exactly what the lock file names, unless that is already there.
npm_install() {
  local stamp=$1/node_modules/.installed-for now
  now="$(node --version) $(printf '%s\n' "$1/package.json" "$1/package-lock.json" | fingerprint)"
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ]; then
    return
  fi
  say "Installing npm packages in $1 ..."
  (cd "$1" && npm ci --no-audit --no-fund --loglevel=error) || fail "npm ci failed in $1"
  printf '%s' "$now" >"$stamp"
}

# Vite strips the types of the dashboard's pages without reading them; this reads them.
check_pages() {
  [ -f src/Presence.Dashboard/web/tsconfig.json ] || return 0
  say "Checking the types of the dashboard's pages ..."
  (cd src/Presence.Dashboard/web && npm run --silent check) || fail "the dashboard's pages have type errors (src/Presence.Dashboard/web)"
}
