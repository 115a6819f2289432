#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# hpcnode-ctl on a terminal: the pager, and colours; and without one, neither.

bats_require_minimum_version 1.5.0
load common

setup_file() {
    command -v script >/dev/null || skip "needs script(1)"
    start_bus "$BATS_FILE_TMPDIR" "$FAKE_DAEMON"
}

teardown_file() {
    stop_bus "$BATS_FILE_TMPDIR"
}

setup() {
    unset PAGER SYSTEMD_COLORS NO_COLOR SYSTEMD_LESS
    export TERM=xterm SYSTEMD_PAGERSECURE=0 SYSTEMD_PAGER="sed 's/^/paged: /'"
}

# on_terminal COMMAND: its output and exit status, as on a terminal.
on_terminal() {
    script -qec "$1" /dev/null </dev/null | tr -d '\r'
    return "${PIPESTATUS[0]}"
}

@test "what may be long is shown in the pager" {
    for verb in list "inspect one"; do
        run -0 on_terminal "$CTL $verb"
        [[ ${lines[0]} == "paged: "* ]] || { echo "$verb"; false; }
    done
}

@test "there is no pager without a terminal, and none when it is not wanted" {
    run -0 ctl inspect one
    [ "${lines[0]}" = "id: one" ]
    for line in "$CTL --no-pager inspect one" "$CTL inspect --no-pager one" "SYSTEMD_PAGER= $CTL inspect one" \
        "SYSTEMD_PAGER=cat $CTL inspect one" "TERM=dumb $CTL inspect one" "$CTL ping"; do
        run -0 on_terminal "$line"
        [[ $output != *paged:* ]] || { echo "$line"; false; }
    done
}

@test "PAGER is taken where SYSTEMD_PAGER is not set" {
    run -0 on_terminal "unset SYSTEMD_PAGER; PAGER='sed s/^/other:/' $CTL inspect one"
    [ "${lines[0]}" = "other:id: one" ]
}

@test "a pager of the user's choice is not trusted with the rights of another, nor without a session" {
    ! grep -q session- /proc/self/cgroup || skip "this may be a session"
    mkdir "$BATS_TEST_TMPDIR/bin"
    # shellcheck disable=SC2016 # expanded by the pager
    printf '#!/bin/sh\necho "less: $LESS, secure: $LESSSECURE"\ncat\n' >"$BATS_TEST_TMPDIR/bin/less"
    chmod +x "$BATS_TEST_TMPDIR/bin/less"
    run -0 on_terminal "unset SYSTEMD_PAGERSECURE; PATH=$BATS_TEST_TMPDIR/bin:$PATH $CTL inspect one"
    [ "${lines[0]}" = "less: FRSXMK, secure: 1" ]
    [ "${lines[1]}" = "id: one" ]
}

@test "an error is an error with a pager as well, and the status is that of the verb" {
    run -1 on_terminal "$CTL inspect missing"
    [[ $output == *'error: '* ]]
}

@test "a pager that is left early is no error" {
    run -0 on_terminal "SYSTEMD_PAGER='exit 7' $CTL inspect one"
    [ -z "$output" ]
}
