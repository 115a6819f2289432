#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Many scopes at once.

load lib

export BATS_TEST_TIMEOUT=400

# bats test_tags=trixie
@test "hundreds of creations in flight from one connection are all answered" {
    # An emulated PID 1 makes so few within UnitTimeoutSec that most would fail.
    n=300
    [ "$NODE_KIND" = container ] || n=120
    remember
    daemon_pid
    before=$DAEMON
    run -0 --separate-stderr bus-flood create workload.slice many $n
    # shellcheck disable=SC2154 # set by run
    head -n 3 <<<"$stderr"
    echo "# $(paste -sd' ' <<<"$output")" >&3
    has "answered $n"
    # A bus, or a PID 1 that is too busy, may refuse some of them: those are not there.
    [ -z "$(sed '/^CreateScope \(ok\|.*LimitsExceeded\|.*CreationFailed\) /d; /^CreateScope/!d' <<<"$output")" ]
    created=$(sed -n 's/^CreateScope ok //p' <<<"$output")
    # What PID 1 was too busy to undo within the time of an answer goes when it comes to it.
    hpcnode-ctl list --no-tasks --no-legend >"$BATS_TEST_TMPDIR/there"
    for scope in "$CGROUPS"/workload.slice/workload-many-*.scope; do
        grep -qw "$(basename "$scope")" "$BATS_TEST_TMPDIR/there" || await gone "$scope"
    done
    mapfile -t scopes < <(compgen -G "$CGROUPS/workload.slice/workload-many-*.scope")
    [ ${#scopes[@]} -eq "${created:-0}" ]
    # A PID 1 that is emulated, or shares its processors with one, may need longer than a bus client waits.
    least=50
    [ "$NODE_KIND" = container ] || least=10
    [ "${created:-0}" -ge $least ]
    run -0 --separate-stderr bus-flood destroy --in-flight 100 workload.slice many $n
    destroyed=$(sed -n 's/^DestroyScope ok //p' <<<"$output")
    if [ "$NODE_KIND" = vm ] && [ "${destroyed:-0}" -lt "$created" ]; then
        # What a bus that is behind with its answers has refused.
        has "DestroyScope org.freedesktop.DBus.Error.LimitsExceeded $((created - ${destroyed:-0}))"
        run -0 --separate-stderr bus-flood destroy --in-flight 10 workload.slice many $n
        destroyed=$((${destroyed:-0} + $(sed -n 's/^DestroyScope ok //p' <<<"$output")))
    fi
    [ "$destroyed" -eq "$created" ]
    daemon_pid
    [ "$DAEMON" = "$before" ]
    nothing_left
}

# bats test_tags=native
@test "200 scopes created and destroyed, 20 at a time, leave nothing" {
    remember
    run -0 --separate-stderr bus-flood cycle --in-flight 20 workload.slice cycle 200
    echo "# $(paste -sd' ' <<<"$output")" >&3
    has "CreateScope ok 200" "DestroyScope ok 200" "RemoveScope ok 200"
    nothing_left
}
