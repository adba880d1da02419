# Sourced by test: runs the test projects one after another and counts. Sets passed, failed, skipped.
# Reads: only, filter, quick, soak, rest.

RESULTS=artifacts/test-results
passed=0 failed=0 skipped=0

test_projects() {
  local project name
  for project in tests/*.Tests/*.csproj; do
    name=$(basename "$project" .csproj)
    case $name in
      *"$only"*) ;;
      *) continue ;;
    esac
    printf '%s\n' "$name"
  done
}

# counter FILE NAME: a number out of a result file; 0 if there is none.
counter() {
  local value
  value=$(sed -n "s/.*<Counters\(.*\) $2=\"\([0-9]*\)\".*/\2/p" "$1" 2>/dev/null | head -n 1)
  printf '%s' "${value:-0}"
}

# Lines "test<TAB>reason" for the skipped tests in a result file.
skips() {
  awk '
    /<UnitTestResult / { name = ""; if (/outcome="NotExecuted"/) { name = $0; sub(/.* testName="/, "", name); sub(/" computerName=.*/, "", name) } }
    name != "" && /<Message>/ { reason = $0; sub(/.*<Message>/, "", reason); sub(/<\/Message>.*/, "", reason); print name "\t" reason; name = "" }
    name != "" && /<\/UnitTestResult>/ { print name "\tno reason given"; name = "" }
  ' "$1" | sed 's/&quot;/"/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g'
}

# What must be here, by PRESENCE_REQUIRE, as a pattern for the reasons of skipped tests.
required_pattern() {
  local pattern=
  case ,${PRESENCE_REQUIRE:-}, in *,browser,*) pattern="$pattern|chromium|chrome|browser" ;; esac
  case ,${PRESENCE_REQUIRE:-}, in *,node,*) pattern="$pattern|node\.js|npm" ;; esac
  case ,${PRESENCE_REQUIRE:-}, in *,postgres,*) pattern="$pattern|postgres" ;; esac
  case ,${PRESENCE_REQUIRE:-}, in *,namespaces,*) pattern="$pattern|namespaces" ;; esac
  case ,${PRESENCE_REQUIRE:-}, in *,nftables,*) pattern="$pattern|nftables" ;; esac
  case ,${PRESENCE_REQUIRE:-}, in *,previous,*) pattern="$pattern|previous version" ;; esac
  case ,${PRESENCE_REQUIRE:-}, in *,netem,*) pattern="$pattern|netem" ;; esac
  printf '%s' "${pattern#|}"
}

# Lines "outcome<TAB>test" out of what the console logger wrote while the tests ran: all that is left where a project was ended.
outcomes() {
  awk '
    match($0, /^  (Passed|Failed|Skipped) /) {
      name = substr($0, RLENGTH + 1)
      sub(/ \[[^][]*\]$/, "", name)
      print $1 "\t" name
    }
  ' "$1"
}

# The tests of a project that have no outcome in its log, one a line.
without_outcome() {
  local name=$1 log=$2
  bounded 120 dotnet test "artifacts/bin/$name/release/$name.dll" ${filter:+--filter "$filter"} --list-tests 2>/dev/null |
    sed -n 's/^    //p' | LC_ALL=C sort >"$RESULTS/$name.listed"
  outcomes "$log" | cut -f 2 | LC_ALL=C sort | LC_ALL=C comm -23 "$RESULTS/$name.listed" -
}

run_project() {
  local name=$1 seconds=$2 status=0 begun=$SECONDS
  local trx=$RESULTS/$name.trx log=$RESULTS/$name.log
  bounded "$seconds" dotnet test "artifacts/bin/$name/release/$name.dll" ${filter:+--filter "$filter"} \
    --logger "trx;LogFileName=$name.trx" --logger "console;verbosity=normal" --results-directory "$RESULTS" \
    --blame-hang-timeout "$hang" --blame-hang-dump-type none ${rest[@]+"${rest[@]}"} >"$log" 2>&1 || status=$?

  local p f s note=
  if [ -f "$trx" ]; then
    p=$(counter "$trx" passed)
    f=$(counter "$trx" failed)
    s=$(($(counter "$trx" total) - $(counter "$trx" executed)))
    skips "$trx" | tee -a "$RESULTS/skipped" >"$RESULTS/$name.skipped"
  else
    p=$(outcomes "$log" | grep -c '^Passed' || true)
    f=$(outcomes "$log" | grep -c '^Failed' || true)
    s=$(outcomes "$log" | grep -c '^Skipped' || true)
    : >"$RESULTS/$name.skipped"
  fi
  if [ "$status" -ne 0 ] && { [ "$f" -eq 0 ] || [ ! -f "$trx" ] || grep -q -i 'run aborted' "$log"; }; then
    # No success, and not for a failed test alone: the project was ended, crashed or hung. What it did not run has not passed.
    without_outcome "$name" "$log" >"$RESULTS/$name.not-run"
    local missing
    missing=$(grep -c '' "$RESULTS/$name.not-run" || true)
    f=$((f + (missing > 0 ? missing : f == 0)))
    note=" - ended early with status $status; $missing did not run or did not end"
    [ "$status" -ne 124 ] || note=" - ended after $seconds s; $missing did not run or did not end"
  fi
  local pattern wanting=0
  pattern=$(required_pattern)
  [ -z "$pattern" ] || wanting=$(cut -f 2 "$RESULTS/$name.skipped" | grep -i -c -E "$pattern" || true)
  if [ "$wanting" -gt 0 ]; then
    s=$((s - wanting)) f=$((f + wanting))
    note="$note - $wanting skipped for want of what PRESENCE_REQUIRE=$PRESENCE_REQUIRE names"
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  [ $((p + f + s)) -gt 0 ] || return 0
  printf '%-32s %5d passed %5d failed %5d skipped %5d s%s\n' "$name" "$p" "$f" "$s" $((SECONDS - begun)) "$note"
  if [ "$f" -gt 0 ] || [ ${#rest[@]} -gt 0 ]; then
    grep -v '^  Passed ' "$log" | sed 's/^/    /' | tail -n 200
  fi
  if [ -s "$RESULTS/$name.not-run" ]; then
    say "    Did not run or did not end:"
    sed 's/^/      /' "$RESULTS/$name.not-run" | head -n 100
  fi
}

run_tests() {
  # Most processes of the tests run for seconds: instrumenting their code for later optimization takes time in vain.
  export DOTNET_TieredPGO=0
  local budget=2700 hang=5m name
  [ -z "$quick" ] || budget=600
  [ -z "$soak" ] || budget=43200 hang=3h
  rm -rf "$RESULTS"
  mkdir -p "$RESULTS"
  : >"$RESULTS/skipped"
  local end=$((SECONDS + budget))
  for name in $(test_projects); do
    if [ $SECONDS -ge $end ]; then
      local count
      count=$(without_outcome "$name" /dev/null | grep -c '' || true)
      failed=$((failed + (count > 0 ? count : 1)))
      say "$name: not run, the $budget s for all tests are over; its $count tests count as failed"
      continue
    fi
    run_project "$name" $((end - SECONDS))
  done
  if [ $((passed + failed)) -eq 0 ]; then
    failed=1
    say "No test ran: nothing matches '$filter'${only:+ in a project named like '$only'}. That counts as a failure."
  fi
}

report_skips() {
  [ -s "$RESULTS/skipped" ] || return 0
  printf '
Skipped, by reason:
'
  cut -f 2 "$RESULTS/skipped" | LC_ALL=C sort | uniq -c | sed 's/^/  /'
}
