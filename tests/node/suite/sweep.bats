#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a starting daemon finds in its trees and does not know: reported, or ended; and its own leftovers.

# bats file_tags=native

load lib

drop_in=/etc/hpcnode/cgroupd.conf.d/sweep.conf

setup() {
    mkdir -p "${drop_in%/*}"
    SINCE=$(date +%s.%N)
}

teardown() {
    rm -f $drop_in
    systemctl restart hpcnode-cgroupd
    systemctl stop 'workload-foreign*.scope' pact-gpu-foreign.scope workload-foreign.service workload-lost.scope
    systemctl reset-failed 'workload-*.scope'
    remove_all
}

# foreign NAME SLICE: a scope that somebody else makes, there when this returns.
foreign() {
    systemd-run --quiet --scope --slice="$2" --unit="$1" sleep infinity 3>&- &
    await file "$CGROUPS/$(slice_path "$2")/$1.scope/cgroup.events" "populated 1"
}

# workload-a.slice → workload.slice/workload-a.slice
slice_path() {
    local path=$1 prefix=${1%.slice}
    while [[ $prefix == *-* ]]; do
        prefix=${prefix%-*}
        path=$prefix.slice/$path
    done
    echo "$path"
}

# lost: what the daemon has said of lost workloads in this test.
lost() {
    journalctl --sync
    journalctl -q -u hpcnode-cgroupd -o cat --since "@${SINCE%???}" | grep ': lost workload' || :
}

@test "scopes that others have made below workload.slice are reported, each with its path, and left" {
    foreign workload-foreign workload.slice
    foreign foreign-deep workload-foreign-deep.slice
    hpcnode-ctl run --id ours -- sleep infinity
    systemctl restart hpcnode-cgroupd
    run lost
    [ ${#lines[@]} -eq 2 ]
    has "workload-foreign.scope: lost workload at /workload.slice/workload-foreign.scope: it was not made by this daemon"
    has "foreign-deep.scope: lost workload at /workload.slice/workload-foreign.slice/workload-foreign-deep.slice/foreign-deep.scope: it was not made by this daemon"
    systemctl is-active -q workload-foreign.scope foreign-deep.scope
    [ "$(property ours State)" = 's "running"' ]
    systemctl stop foreign-deep.scope
}

@test "UnknownScopes=terminate ends them, and nothing else" {
    foreign workload-foreign workload.slice
    foreign workload-foreign-deep-x workload-foreign-deep.slice
    foreign pact-gpu-foreign pact-gpu.slice
    systemd-run --quiet --slice=workload.slice --unit=workload-foreign.service sleep infinity
    hpcnode-ctl run --id ours -- sleep infinity
    printf '[Scopes]\nUnknownScopes=terminate\n' >$drop_in
    systemctl restart hpcnode-cgroupd
    await gone "$CGROUPS"/workload.slice/workload-foreign.scope \
        "$CGROUPS"/workload.slice/workload-foreign.slice/workload-foreign-deep.slice/workload-foreign-deep-x.scope
    systemctl is-active -q pact-gpu-foreign.scope workload-foreign.service workload-ours.scope \
        workload.slice pact.slice pact-gpu.slice
    run lost
    [ ${#lines[@]} -eq 2 ]
}

@test "a job whose state file was lost is a lost workload, which goes on or is ended" {
    local pid
    run -0 hpcnode-ctl run --id lost -- sleep infinity
    pid=$(field pid "$output")
    systemctl stop hpcnode-cgroupd
    rm "$(grep -l '^unit=workload-lost.scope' "$STATE_DIR"/*.scope)"
    systemctl start hpcnode-cgroupd
    run lost
    has "workload-lost.scope: lost workload at /workload.slice/workload-lost.scope: it was made by this daemon, and its state file is lost or unreadable: nobody serves it"
    kill -0 "$pid"
    refused NotFound KillScope si lost 9
    # Its name is taken, which is said as it is.
    refused AlreadyExists CreateScope 'ssa{sv}' workload.slice lost 0
    mentions workload-lost.scope
    kill -0 "$pid"
    printf '[Scopes]\nUnknownScopes=terminate\n' >$drop_in
    systemctl restart hpcnode-cgroupd
    await gone "$(dir lost)"
    await exit "$pid"
    # What its supervisor has left is nobody's, and goes with the next start.
    systemctl restart hpcnode-cgroupd
    run find "$STATE_DIR" -type f -name '*.outcome*'
    [ -z "$output" ]
}

@test "the supervisor of a job whose state file was lost is ended when the job has" {
    local pid
    run -0 hpcnode-ctl run --id lost -- sleep infinity
    pid=$(field pid "$output")
    systemctl stop hpcnode-cgroupd
    truncate -s 100 "$(grep -l '^unit=workload-lost.scope' "$STATE_DIR"/*.scope)"
    systemctl start hpcnode-cgroupd
    [[ $(lost) == *workload-lost.scope* ]]
    kill "$pid"
    await exit "$pid"
    systemctl restart hpcnode-cgroupd
    await gone "$(dir lost)"
    run -0 hpcnode-ctl run --id lost --wait -- true
    rm "$(grep -L '^end=' "$STATE_DIR"/*.scope)"
}

@test "what is ours and empty is removed, what is not is left" {
    mkdir -p "$CGROUPS/workload.slice/workload-left.scope"/{supervisor,payload/{a,b}} \
        "$CGROUPS/pact.slice/pact-gpu.slice/pact-gpu-left.scope/payload" \
        "$CGROUPS/workload.slice/workload-empty.scope" "$CGROUPS/workload.slice/other"
    touch "$STATE_DIR"/{.#0123456789abcdef.scope,0123456789abcdef.outcome,0123456789abcdef.outcome~,0123456789abcdef.sock}
    hpcnode-ctl run --id ours -- sleep infinity
    systemctl stop hpcnode-cgroupd
    find "$STATE_DIR" >"$BATS_TEST_TMPDIR/files"
    systemctl start hpcnode-cgroupd
    [ ! -e "$CGROUPS/workload.slice/workload-left.scope" ]
    [ ! -e "$CGROUPS/pact.slice/pact-gpu.slice/pact-gpu-left.scope" ]
    rmdir "$CGROUPS/workload.slice/workload-empty.scope" "$CGROUPS/workload.slice/other"
    find "$STATE_DIR" | sort | diff <(grep -v 0123456789abcdef "$BATS_TEST_TMPDIR/files" | sort) -
    [ "$(property ours State)" = 's "running"' ]
    [ -z "$(lost)" ]
}

@test "a failed unit of a scope that has ended is reset, that of others is not" {
    local unit
    hpcnode-ctl run --id ended --wait -- true
    for unit in workload-ended workload-foreign; do
        systemd-run --quiet --scope --slice=workload.slice --unit=$unit -p RuntimeMaxSec=100ms sleep infinity 3>&- || :
        await_journal "$unit.scope: Failed" _PID=1
        systemctl is-failed -q $unit.scope
    done
    systemctl restart hpcnode-cgroupd
    run systemctl is-failed workload-ended.scope
    [ "$output" = inactive ]
    run systemctl is-failed workload-foreign.scope
    [ "$output" = failed ]
    [ -z "$(lost)" ]
}

@test "the empty leaves of a scope that has lost its supervisor are removed" {
    hpcnode-ctl run --id orphaned -- "$HELPERS/ignore-signals" 1
    systemctl stop hpcnode-cgroupd
    read -r supervisor <"$(dir orphaned)/supervisor/cgroup.procs"
    kill -KILL "$supervisor"
    await exit "$supervisor"
    mkdir "$(dir orphaned)"/payload/{one,two}
    systemctl start hpcnode-cgroupd
    await gone "$(dir orphaned)"/payload/{one,two}
    [ -e "$(dir orphaned)/payload/main" ]
    [ -z "$(lost)" ]
}

@test "scopes that a killed daemon had half made are undone, and no lost workloads" {
    needs_plain_build
    bus-flood create workload.slice amid 40 >/dev/null 2>&1 &
    client=$!
    await file "$(dir amid-3)/cgroup.events" populated
    crash
    wait $client || :
    systemctl start hpcnode-cgroupd
    for n in {0..39}; do
        hpcnode-ctl inspect "amid-$n" >/dev/null 2>&1 || await gone "$(dir "amid-$n")"
    done
    [ -z "$(lost)" ]
}

@test "another word than the two is an error that names file and line" {
    printf '[Scopes]\nUnknownScopes=kill\n' >$drop_in
    systemctl reload hpcnode-cgroupd
    journalctl --sync
    journalctl -q -u hpcnode-cgroupd -o cat --since "@${SINCE%???}" |
        grep -qF "$drop_in:2: UnknownScopes=kill is neither \"report\" nor \"terminate\""
    hpcnode-ctl ping
}
