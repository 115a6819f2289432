#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Many scopes at once.

load lib

export BATS_TEST_TIMEOUT=400

@test "300 creations in flight from one connection are all answered" {
    remember
    daemon_pid
    before=$DAEMON
    run -0 --separate-stderr bus-flood create workload.slice many 300
    # shellcheck disable=SC2154 # set by run
    head -n 3 <<<"$stderr"
    echo "# $(paste -sd' ' <<<"$output")" >&3
    has "answered 300"
    # A bus, or a PID 1 that is too busy, may refuse some of them: those are not there.
    [ -z "$(sed '/^CreateScope \(ok\|.*LimitsExceeded\|.*CreationFailed\) /d; /^CreateScope/!d' <<<"$output")" ]
    created=$(sed -n 's/^CreateScope ok //p' <<<"$output")
    mapfile -t scopes < <(compgen -G "$CGROUPS/workload.slice/workload-many-*.scope")
    [ ${#scopes[@]} -eq "${created:-0}" ]
    # A PID 1 that is emulated, or shares its processors with one, may need longer than a bus client waits.
    [ "${created:-0}" -ge 50 ]
    run -0 --separate-stderr bus-flood destroy --in-flight 100 workload.slice many 300
    has "DestroyScope ok $created" "RemoveScope ok $created"
    daemon_pid
    [ "$DAEMON" = "$before" ]
    nothing_left
}

@test "200 scopes created and destroyed, 20 at a time, leave nothing" {
    remember
    run -0 --separate-stderr bus-flood cycle --in-flight 20 workload.slice cycle 200
    echo "# $(paste -sd' ' <<<"$output")" >&3
    has "CreateScope ok 200" "DestroyScope ok 200" "RemoveScope ok 200"
    nothing_left
}
