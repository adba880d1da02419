#!/usr/bin/env bash
# Publishes the host of the previous version to artifacts/previous, for the tests of rolling upgrades: the last release,
# or before the first one the commit below. Later commits must not change a frame without a new version of it; earlier
# ones did, which is only allowed before the first release. Needs the history (git fetch --unshallow); without it, the status is 3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. build/prerequisites.sh

BEFORE_RELEASES=ca2edd132e90a810c22db7dbcd8e2a7239619bbe

previous=$(git describe --tags --abbrev=0 --match 'v*' HEAD^ 2>/dev/null || printf '%s' "$BEFORE_RELEASES")
commit=$(git rev-parse --quiet --verify "$previous^{commit}") || {
  say "The history lacks $previous: git fetch --unshallow"
  exit 3
}
target=artifacts/previous
if [ "$(cat "$target/commit" 2>/dev/null)" = "$commit" ]; then
  exit 0
fi

say "Publishing the previous version ($(git log -1 --format='%h of %as' "$commit")) ..."
rm -rf "$target"
mkdir -p "$target/source"
git archive "$commit" | tar -x -C "$target/source"
# Named apart from this version, which may have the same number before the first release.
bounded 900 dotnet publish "$target/source/Silo" -c Release -o "$target/host" -v quiet --nologo \
  -p:Version=0.0.0-previous ||
  fail "the previous version was not built"
rm -rf "$target/source"
printf '%s' "$commit" >"$target/commit"
