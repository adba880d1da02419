# Sourced by run and test: decides whether this machine can build the Orleans engine. Sets and exports UseOrleans, which
# MSBuild reads from the environment, and sets ORLEANS_WHY, a sentence for people.

ORLEANS_PROBE_SECONDS=${ORLEANS_PROBE_SECONDS:-120}

orleans_version() {
  if [ -n "${OrleansVersion:-}" ]; then
    printf '%s' "$OrleansVersion"
  else
    sed -n 's/.*<OrleansVersion [^>]*>\(.*\)<\/OrleansVersion>.*/\1/p' Directory.Build.props
  fi
}

# What the answer depends on: the version asked for and where packages come from.
orleans_probe_key() {
  printf '%s %s' "$(orleans_version)" "$(dotnet nuget list source --format short | cksum | tr ' ' '-')"
}

# An answer "yes" holds until its key changes; an answer "no" is asked again after a day, because feeds grow.
recall_orleans_probe() {
  local key answer
  [ -f .orleans-probe ] || return 1
  { read -r key && read -r answer && read -r ORLEANS_WHY; } <.orleans-probe || return 1
  [ "$key" = "$(orleans_probe_key)" ] || return 1
  [ "$answer" = true ] || [ -z "$(find .orleans-probe -mtime +0)" ] || return 1
  UseOrleans=$answer
}

# Restores the whole solution, which names all of Orleans that is needed, into a folder that is thrown away.
probe_orleans() {
  local version scratch status=0
  version=$(orleans_version)
  scratch=$(mktemp -d)
  say "Looking for the Orleans $version packages (once; at most $ORLEANS_PROBE_SECONDS s) ..."
  bounded "$ORLEANS_PROBE_SECONDS" dotnet restore Presence.sln -v quiet \
    -p:UseOrleans=true "-p:ArtifactsPath=$scratch/artifacts" >"$scratch/log" 2>&1 || status=$?
  if [ "$status" -eq 0 ]; then
    UseOrleans=true
    ORLEANS_WHY="the Orleans $version packages can be restored"
  else
    UseOrleans=false
    local missing
    missing=$(sed -n 's/.*error NU110[0-9]: .* package \(Microsoft\.Orleans\.[A-Za-z]*\).*/\1/p' "$scratch/log" | head -n 1)
    if [ "$status" -eq 124 ]; then
      ORLEANS_WHY="restoring the Orleans $version packages took longer than $ORLEANS_PROBE_SECONDS s"
    elif [ -n "$missing" ]; then
      ORLEANS_WHY="the package sources of this machine do not offer $missing $version"
    else
      ORLEANS_WHY="restoring with Orleans $version failed: $(grep -m 1 -E 'error|warn' "$scratch/log" | sed 's/ *\[[^]]*\]$//' | cut -c 1-300)"
    fi
  fi
  printf '%s\n%s\n%s\n' "$(orleans_probe_key)" "$UseOrleans" "$ORLEANS_WHY" >.orleans-probe
  rm -rf "$scratch"
}

decide_orleans() {
  local remembered=
  if [ -n "${UseOrleans:-}" ]; then
    ORLEANS_WHY="UseOrleans=$UseOrleans is set in the environment"
  else
    recall_orleans_probe || probe_orleans
    [ "$UseOrleans" = true ] || remembered="
  (Remembered in .orleans-probe; delete that file to try again.)"
  fi
  export UseOrleans
  if [ "$UseOrleans" = true ]; then
    say "Engine orleans: built, because $ORLEANS_WHY."
  else
    say "Engine orleans: not built, because $ORLEANS_WHY.$remembered"
  fi
}
