#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The group guard of the client library: scopes that go with a block of the program that made them.

load lib

conf=/etc/hpcnode/cgroupd.conf.d/zz-group.conf
go=/run/group-go

teardown() {
    systemctl unmask -q --runtime hpcnode-cgroupd
    [ ! -e $conf ] || rm $conf
    rm -f $go
    systemctl start hpcnode-cgroupd
    systemctl reload hpcnode-cgroupd
    remove_all
}

# group STATUS NAME... [-- COMMAND]: with its warnings in $stderr.
group() {
    local status=$1
    shift
    [[ " $* " == *" -- "* ]] || set -- "$@" -- true
    run --separate-stderr "-$status" scope-group "$@"
    echo "$output"
    # shellcheck disable=SC2154 # set by run
    echo "stderr: $stderr"
}

# The outcomes of scopes are kept, as of any.
only_outcomes_left() {
    local scope
    for scope; do
        hpcnode-ctl remove "$scope"
    done
    nothing_left
}

# bats test_tags=native
@test "scopes go in the reverse order of their creation, with all that runs in them" {
    remember
    # shellcheck disable=SC2034 # for records
    SINCE=@$(date +%s.%6N)
    # shellcheck disable=SC2016 # for the inner shell
    group 0 one workload.slice/two pact-gpu.slice/three -- sh -c '
        for scope in one workload-two.scope; do
            hpcnode-ctl run --scope $scope -- sh -c "sleep infinity & sleep infinity" || exit
        done
        hpcnode-ctl list --no-tasks --no-legend | wc -l'
    has "owned: one workload.slice/two pact-gpu.slice/three" 3
    [ -z "$stderr" ]
    only_outcomes_left one two three
    order=$(records | sed -n 's/.* type=cgroup.destroy .* unit=\([^ ]*\).*/\1/p' | paste -sd ' ')
    [ "$order" = "pact-gpu-three.scope workload-two.scope workload-one.scope" ]
}

# bats test_tags=native
@test "what has gone already is passed over in silence" {
    group 0 one two three -- sh -c '
        hpcnode-ctl destroy one
        hpcnode-ctl destroy two && { hpcnode-ctl remove two; systemctl stop workload-three.scope; }'
    [ -z "$stderr" ]
    [ ! -d "$(dir one)" ]
}

# bats test_tags=native
@test "a name that is somebody else's is not the group's, and what is forgotten stays" {
    hpcnode-ctl create one
    group 1 one two three --forget two
    has "owned: three"
    [[ $output == "one: AlreadyExists: "* ]]
    [ -z "$stderr" ]
    [ -d "$(dir one)" ]
    [ -d "$(dir two)" ]
    [ ! -d "$(dir three)" ]
}

# bats test_tags=native
@test "a scope whose cpuset fails is owned, and leaves nothing" {
    remember
    group 1 one two=4095 three
    [[ $output == "two: "* ]]
    has "owned: one two three"
    [ -z "$stderr" ]
    only_outcomes_left one two three
}

@test "a scope is bound to its cpus" {
    needs_controllers
    group 0 one=0 -- cat "$(dir one)/cpuset.cpus.effective" "$(dir one)/payload/cpuset.cpus.effective"
    [ "$output" = "owned: one"$'\n'0$'\n'0 ]
    [ -z "$stderr" ]
}

# bats test_tags=native
@test "what this program may not end any more is a warning that says why, and the others go" {
    mkfifo -m 666 $go
    as lattice "$HELPERS/scope-group" one two pact-gpu.slice/three -- cat $go >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    guard=$!
    exec {fd}>$go # until it reads
    mkdir -p ${conf%/*}
    printf '[Ownership]\nWorkloadUsers=nobody\n' >$conf
    systemctl reload hpcnode-cgroupd
    # Its own scopes are its own still; but this is root's.
    hpcnode-ctl destroy two
    hpcnode-ctl create two
    exec {fd}>&-
    wait $guard || :
    cat "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err"
    grep -q '^pact-gpu.slice/three: PermissionDenied: ' "$BATS_TEST_TMPDIR/out"
    grep -qx 'owned: one two' "$BATS_TEST_TMPDIR/out"
    mapfile -t warnings <"$BATS_TEST_TMPDIR/err"
    [ ${#warnings[@]} -eq 1 ]
    [[ ${warnings[0]} == "warning: cannot destroy two: PermissionDenied: "*"; hint: its slice has another owner, or is not delegated to this program, see: hpcnode-ctl whoami" ]]
    [ ! -d "$(dir one)" ]
    [ -d "$(dir two)" ]
}

# bats test_tags=native
@test "a daemon that has been stopped or killed meanwhile is started, and nothing is left" {
    for how in stop kill; do
        group 0 one two -- systemctl $how hpcnode-cgroupd
        [ -z "$stderr" ]
        [ ! -d "$(dir one)" ]
        [ ! -d "$(dir two)" ]
    done
}

# bats test_tags=native
@test "a daemon that stays away is a warning for each scope, at once" {
    begun=$SECONDS
    group 0 one two three -- sh -c 'systemctl stop hpcnode-cgroupd && systemctl mask -q --runtime hpcnode-cgroupd'
    [ $((SECONDS - begun)) -lt 20 ]
    mapfile -t warnings <<<"$stderr"
    [ ${#warnings[@]} -eq 3 ]
    [[ ${warnings[0]} == "warning: cannot destroy three: Unreachable: cannot reach hpcnode-cgroupd: "* ]]
    [[ ${warnings[2]} == "warning: cannot destroy one: Unreachable: "* ]]
    [ -d "$(dir one)" ]
}

# bats test_tags=native
@test "of a program that is killed the scopes stay" {
    # shellcheck disable=SC2016 # for the inner shell
    run -137 scope-group one -- sh -c 'kill -KILL $PPID'
    [ -d "$(dir one)" ]
}
