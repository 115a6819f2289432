#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# --require-path: looked at as the job's user before anything is created.

# bats file_tags=native

load lib

trap=/mnt/hung

setup_file() {
    systemctl start hpcnode-cgroupd
    # The directories of bats are root's alone.
    OPEN=$(mktemp -d) CLOSED=$(mktemp -d)
    chmod 755 "$OPEN"
    touch "$OPEN/file" "$CLOSED/file"
    ln -s "$CLOSED/file" "$OPEN/leads-away"
    export OPEN CLOSED
}

teardown_file() {
    rm -r "$OPEN" "$CLOSED"
    rmdir $trap
}

setup() {
    export SINCE
    SINCE=@$(date +%s)
    cd /
}

teardown() {
    unhang
    remove_all
}

# refused_for TEXT OPTION...: run fails with it, at once, and it is as if nobody had asked.
refused_for() {
    local text=$1
    shift
    remember
    run -1 hpcnode-ctl run --id victim "$@" -- true
    [[ $output == "error: "*"$text"* ]] || { echo "no \"$text\" in $output"; return 1; }
    nothing_left
    run -1 hpcnode-ctl inspect victim
    [ -z "$(records victim)" ]
}

@test "a job starts when its user reaches all that it requires, and their number is known" {
    cd "$OPEN"
    hpcnode-ctl run --id root --wait --require-path "$CLOSED/file" --require-path / -- true
    run -0 hpcnode-ctl inspect root
    has "require_path_count: 2" "exit: 0"
    hpcnode-ctl run --id relative --wait --user nobody --cwd / --require-path file -- true
    hpcnode-ctl run --id none --wait -- true
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl inspect root
    has "require_path_count: 2"
    run -0 hpcnode-ctl wait none
    has "require_path_count: 0"
}

@test "what only root reaches is refused to another user, and nothing was created or recorded" {
    who="as user \"nobody\" (uid 65534, gid 65534): Permission denied (errno 13)"
    refused_for "the required path \"$CLOSED/file\" cannot be reached $who" --user nobody --require-path "$CLOSED/file"
    refused_for "the required path \"$OPEN/leads-away\" cannot be reached $who" --user nobody \
        --require-path "$OPEN/file" --require-path "$OPEN/leads-away"
    refused IO Run 'ssa{sv}asa{sv}' workload.slice victim 0 1 true 2 User s nobody RequirePaths as 1 "$CLOSED/file"
    # An ordinary user runs tasks as itself.
    hpcnode-ctl create host
    CALLER=lattice refused IO Spawn 'ssasa{sv}' host task 1 true 1 RequirePaths as 1 "$CLOSED/file"
    mentions "\"lattice\""
    CALLER=lattice call Spawn 'ssasa{sv}' host task 1 true 1 RequirePaths as 1 "$OPEN/file"
}

@test "the job's groups are those it is checked with" {
    chgrp nogroup "$CLOSED"
    chmod 710 "$CLOSED"
    hpcnode-ctl run --wait --user 1000 --group nogroup --require-path "$CLOSED/file" -- true
    refused_for "as user \"alice\" (uid 1000, gid 1000): Permission denied" --user 1000 --require-path "$CLOSED/file"
    chmod 700 "$CLOSED"
}

@test "what is not there is refused with its name, also to a task" {
    refused_for "the required path \"$OPEN/none\" cannot be reached as user \"root\" (uid 0, gid 0): No such file or directory (errno 2)" \
        --require-path "$OPEN/none"
    hpcnode-ctl create host
    run -1 hpcnode-ctl run --scope host --id task --require-path /none/at/all -- true
    [[ $output == *"\"/none/at/all\""* ]]
    run -1 hpcnode-ctl inspect host/task
    [ ! -e "$(dir host)/payload/task" ]
    hpcnode-ctl run --scope host --id task --wait --require-path "$OPEN" -- true
    refused InvalidArgs Spawn 'ssasa{sv}' host other 1 true 1 RequirePaths as 1 relative/path
    mentions RequirePaths relative/path
}

@test "a path that hangs is an error in time, and keeps nobody else waiting" {
    hang $trap
    before=$EPOCHSECONDS
    command hpcnode-ctl run --id victim --require-path / --require-path $trap/x -- true 2>"$BATS_TEST_TMPDIR/said" &
    client=$!
    await file "$BATS_TEST_TMPDIR/hangs" "hangs "
    hpcnode-ctl run --wait --require-path / -- true
    hpcnode-ctl ping
    status=0
    wait $client || status=$?
    [ $status -eq 1 ]
    [ $((EPOCHSECONDS - before)) -le 20 ]
    grep -F "the required path \"$trap/x\" cannot be reached as user \"root\"" "$BATS_TEST_TMPDIR/said" | grep "errno 110"
    run -1 hpcnode-ctl inspect victim
    [ -z "$(records victim)" ]
    hpcnode-ctl run --wait --require-path / -- true
}

@test "of those that hang, only so many are there at once" {
    local i clients=()
    hang $trap
    for i in {1..40}; do
        hpcnode-ctl run --id "victim-$i" --user alice --require-path "$trap/$i" -- true >"$BATS_TEST_TMPDIR/said-$i" 2>&1 &
        clients+=($!)
    done
    for i in "${clients[@]}"; do
        wait "$i" || :
    done
    [ "$(grep -c "^hangs " "$BATS_TEST_TMPDIR/hangs")" -eq 32 ]
    [ "$(cat "$BATS_TEST_TMPDIR"/said-* | grep -c "errno 110")" -eq 32 ]
    [ "$(cat "$BATS_TEST_TMPDIR"/said-* | grep -c "too many earlier checks hang")" -eq 8 ]
    # Whoever is somebody else is not among them.
    hpcnode-ctl run --wait --user nobody --require-path / -- true
    run -1 hpcnode-ctl run --user alice --require-path / -- true
    kill "$HANG_FS"
    mapfile -t clients < <(sed -n 's/^hangs //p' "$BATS_TEST_TMPDIR/hangs")
    await exit "${clients[@]}"
    hpcnode-ctl run --wait --user alice --require-path / -- true
}
