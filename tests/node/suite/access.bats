#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Everybody may read, and only root may change anything.

load lib

as_alice() {
    runuser -u alice -- "$@"
}

@test "everybody may read" {
    hpcnode-ctl run --id seen -- sleep infinity
    as_alice hpcnode-ctl list | grep -q workload-seen.scope
    as_alice hpcnode-ctl inspect seen | grep -qx "state: running"
    as_alice hpcnode-ctl metrics seen | grep -qx "nr_processes: 1"
    as_alice hpcnode-ctl metrics / >/dev/null
    [ "$(as_alice hpcnode-ctl owner pact.slice)" = pact ]
    [ "$(as_alice hpcnode-ctl empty seen)" = no ]
    as_alice hpcnode-ctl ping
    as_alice busctl introspect "$BUS_NAME" "$BUS_PATH" >/dev/null
}

@test "everybody may wait" {
    hpcnode-ctl run --id seen -- sleep infinity
    as_alice timeout 100 hpcnode-ctl wait seen >"$BATS_TEST_TMPDIR/answer" &
    client=$!
    hpcnode-ctl kill seen --signal TERM
    wait $client
    grep -qx "signal: 15" "$BATS_TEST_TMPDIR/answer"
}

@test "nobody but root may change anything" {
    hpcnode-ctl run --id seen -- sleep infinity
    hpcnode-ctl run --id ended --wait -- true
    remember
    denied() {
        run -1 as_alice busctl call "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" "$@"
        [[ $output == *"Access denied"* || $output == *"not allowed"* || $output == *ermission* || $output == *rejected* ]]
    }
    denied CreateScope 'ssa{sv}' workload.slice mine 0
    denied Run 'ssa{sv}asa{sv}' workload.slice mine 0 1 true 0
    denied Spawn 'ssasa{sv}' seen mine 1 true 0
    denied CreateHierarchy
    denied FreezeScope s seen
    denied ThawScope s seen
    denied KillScope si seen 9
    denied SetScopeLimits 'sa{sv}' seen 1 CPUWeight t 1
    denied DestroyScope s seen
    denied RemoveScope s ended
    run -1 as_alice hpcnode-ctl run -- true
    [[ $output == error:* ]]
    nothing_left
    [ "$(property seen State)" = 's "running"' ]
}

@test "state and sockets are root's alone" {
    hpcnode-ctl run --id seen -- sleep infinity
    run ! as_alice ls "$STATE_DIR"
}
