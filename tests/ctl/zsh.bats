#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What zsh offers when hpcnode-ctl is typed; see complete.zsh.

bats_require_minimum_version 1.5.0
load common

setup_file() {
    command -v zsh >/dev/null || return 0
    export FAKE_LOG=$BATS_FILE_TMPDIR/calls
    start_bus "$BATS_FILE_TMPDIR" "$FAKE_DAEMON"
    mkdir "$BATS_FILE_TMPDIR/bin"
    ln -s "$CTL" "$BATS_FILE_TMPDIR/bin/hpcnode-ctl"
    export PATH=$BATS_FILE_TMPDIR/bin:$PATH
}

teardown_file() {
    [ ! -e "$BATS_FILE_TMPDIR/bus.pid" ] || stop_bus "$BATS_FILE_TMPDIR"
}

setup() {
    command -v zsh >/dev/null || skip "needs zsh"
    rm -f "$FAKE_LOG"
}

# typed LINE: sets output to what is offered behind it, sorted.
typed() {
    run -0 "$SOURCE_ROOT/tests/ctl/complete.zsh" "$SOURCE_ROOT/completions" "$BATS_FILE_TMPDIR/dump" "$1"
    output=$(sort -u <<<"$output")
}

# offered WORD...: these, and no other.
offered() {
    diff <(printf '%s\n' "$@" | sort) <(echo "$output")
}

@test "the verbs, and the options of each" {
    typed "hpcnode-ctl "
    diff <(verbs_of_help | sort) <(echo "$output")
    for verb in $(verbs_of_help); do
        typed "hpcnode-ctl $verb --"
        diff <(options_of_help "$verb" | sed 's/^/--/' | sort) <(echo "$output") || { echo "verb $verb differs"; false; }
    done
}

@test "options stand before the verb or behind it, also those that may stand at both places" {
    typed "hpcnode-ctl --json=short --no-pager lis"
    offered list
    typed "hpcnode-ctl list --json=short --no-l"
    offered --no-legend
    typed "hpcnode-ctl list --no-pager -q --no-t"
    offered --no-tasks
    typed "hpcnode-ctl list --json="
    offered pretty short off
    # --user is another one behind run: whom it runs as.
    typed "hpcnode-ctl run --user roo"
    offered root
    typed "hpcnode-ctl --user run --user roo"
    offered root
    typed "hpcnode-ctl run --host=x --prio"
    offered --priority
    typed "hpcnode-ctl run --host=x --host"
    [ -z "$output" ]
}

@test "scopes and tasks, as they are now" {
    for line in "inspect " "kill --signal=TERM " "set --memory-max=1G " "--no-pager logs -n 5 " "run --scope=" "list --json=short "; do
        typed "hpcnode-ctl $line"
        [[ $output == *one* ]]
        [[ $output != *rank-a* ]]
    done
    typed "hpcnode-ctl inspect one/"
    [[ $output == *one/rank-a* ]]
    [ -s "$FAKE_LOG" ]
}

@test "the daemon of the user is asked where --user stands before the verb" {
    export DBUS_SESSION_BUS_ADDRESS=$DBUS_SYSTEM_BUS_ADDRESS
    no_bus
    typed "hpcnode-ctl inspect "
    [ -z "$output" ]
    typed "hpcnode-ctl run --user root --scope="
    [ -z "$output" ]
    typed "hpcnode-ctl --user inspect one/"
    [[ $output == *one/rank-a* ]]
    typed "hpcnode-ctl --user run --user root --scope="
    [[ $output == *one* ]]
}

@test "behind -- there are operands, and no options" {
    typed "hpcnode-ctl kill -- "
    [[ $output == *one* ]]
    typed "hpcnode-ctl kill -- --"
    [ -z "$output" ]
    typed "hpcnode-ctl -- pin"
    offered ping
}

@test "a command in the line is not run to complete what follows" {
    cd "$BATS_TEST_TMPDIR"
    # shellcheck disable=SC2016 # expanded by nobody
    for line in '-M "$(touch RUN)" inspect ' 'inspect -M "$(touch RUN)" ' "inspect \"one';touch RUN;'/"; do
        typed "hpcnode-ctl $line"
        [ ! -e RUN ] || { echo "run: $line"; false; }
    done
}

@test "nobody is asked for scopes where an option is completed" {
    typed "hpcnode-ctl list --no-l"
    offered --no-legend
    [ ! -e "$FAKE_LOG" ]
}

@test "of another host nobody is asked" {
    for line in "-H x inspect " "--host=x inspect " "inspect -H x " "inspect --host=x "; do
        typed "hpcnode-ctl $line"
        [ -z "$output" ]
    done
    [ ! -e "$FAKE_LOG" ]
}

@test "the values of options" {
    typed "hpcnode-ctl kill --signal=US"
    offered USR1 USR2
    typed "hpcnode-ctl create --slice=pact-g"
    offered pact-gpu.slice
    typed "hpcnode-ctl top --sort="
    offered cpu memory io pressure name tasks
    typed "hpcnode-ctl run --device=/dev/nul"
    offered null
    typed "hpcnode-ctl emergency "
    offered declare end status
    typed "hpcnode-ctl list --output="
    [[ $output == *NAME* && $output == *STATE* ]]
    # Either case, behind those that stand there.
    typed "hpcnode-ctl list --output=name,sta"
    offered state started
    typed "hpcnode-ctl list -o +NAME,STA"
    offered STATE STARTED
}

@test "devices, and nothing that is no device" {
    typed "hpcnode-ctl run --device=nul"
    [[ $output == *null ]]
    typed "hpcnode-ctl run --device /dev/nul"
    offered null
    typed "hpcnode-ctl run --device=/etc/passw"
    [ -z "$output" ]
    typed "hpcnode-ctl run --device=/dev/null:rw"
    offered rw rwm
}

@test "behind run a command, and what is its own" {
    mkdir "$BATS_TEST_TMPDIR/here"
    touch "$BATS_TEST_TMPDIR/here/a-file"
    cd "$BATS_TEST_TMPDIR/here"
    typed "hpcnode-ctl run --wait hpcnode-c"
    offered hpcnode-ctl
    typed "hpcnode-ctl run --wait -- cat "
    offered a-file
    # Its options are not those of run.
    typed "hpcnode-ctl run cat --memory-m"
    [ -z "$output" ]
}
