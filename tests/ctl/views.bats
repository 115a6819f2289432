#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What list, tree, stats and inspect show: columns, trees, JSON, whatever there is of scopes and tasks.

bats_require_minimum_version 1.5.0
load common

setup_file() {
    export FAKE_MANY=$BATS_FILE_TMPDIR/many
    start_bus "$BATS_FILE_TMPDIR" "$FAKE_DAEMON"
}

teardown_file() {
    stop_bus "$BATS_FILE_TMPDIR"
}

setup() {
    rm -f "$FAKE_MANY"
}

# json EXPRESSION: of what stands on standard input as `d`.
json() {
    python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"
}

# on_terminal COMMAND: what it shows there.
on_terminal() {
    command -v script >/dev/null || skip "needs script(1)"
    TERM=xterm script -qec "$1" /dev/null </dev/null | tr -d '\r'
}

@test "tasks are listed with what other verbs take for a name, main and ended ones left out" {
    run -0 ctl list --no-legend
    [[ ${lines[0]} == "one "*" running "* ]]
    [[ ${lines[1]} =~ ^one/rank-a\ +workload-one.scope\ +running\ +4247\ +/workload.slice/some.scope/payload/rank-a$ ]]
    [[ ${lines[2]} =~ ^one/rank-b\ +workload-one.scope\ +frozen\ +4248 ]]
    [[ ${lines[3]} == "workload-gone.scope "* ]]
    [ "${#lines[@]}" -eq 4 ]
}

@test "--all lists tasks that have ended, --no-tasks none" {
    run -0 ctl list -a --output name,state,exit --no-legend
    [[ ${lines[1]} =~ ^one/past\ +failed\ +7$ ]]
    # Who is named is meant, and has no process any more.
    run -0 ctl list -o name,pid --no-legend one/past one/rank-a
    [[ ${lines[0]} =~ ^one/past\ +-$ && ${lines[1]} =~ ^one/rank-a\ +4247$ ]]
    run -0 ctl list -q 'one/pas?'
    [ -z "$output" ]
    run -0 ctl list -q -a 'one/pas?'
    [ "$output" = one/past ]
    run -0 ctl list --no-tasks --no-legend
    [ "${#lines[@]}" -eq 2 ]
}

@test "--quiet lists names only" {
    run -0 ctl list -q
    [ "$output" = $'one\none/rank-a\none/rank-b\nworkload-gone.scope' ]
    run -0 ctl list --quiet --output name,state --no-tasks one
    [[ $output =~ ^one\ +running$ ]]
    run -0 ctl list --quiet --no-tasks
    [ "$output" = $'one\nworkload-gone.scope' ]
}

@test "list takes names, units, cgroups and patterns, of scopes and of tasks" {
    for scope in one workload-one.scope /workload.slice/workload-one.scope 'on?' 'workload-*e.scope'; do
        run -0 ctl list -q --no-tasks "$scope"
        [[ ${lines[0]} == one ]] || { echo "$scope"; false; }
    done
    run -0 ctl list -q one/main workload-one.scope/rank-b
    [ "$output" = $'one/main\none/rank-b' ]
    run -0 ctl list -q 'one/rank*'
    [ "$output" = $'one/rank-a\none/rank-b' ]
    run -0 ctl list -q 'nothing*'
    [ -z "$output" ]
    run -1 ctl list nobody
    [[ $output == 'error: there is no scope or task "nobody"'* ]]
    run -1 ctl list one/nobody
}

@test "-o chooses columns, in their order, and + adds to the usual ones" {
    run -0 ctl list -o pid,Name --no-tasks
    [[ ${lines[0]} =~ ^\ *PID\ NAME$ ]]
    [[ ${lines[1]} =~ ^\ *4242\ one$ ]]
    run -0 ctl list -o +memory,cpu,procs,tasks one
    [[ ${lines[0]} =~ ^NAME\ .*\ CGROUP\ +MEMORY\ +CPU\ +PROCS\ +TASKS$ ]]
    [[ ${lines[1]} =~ \ 1.5G\ +3min\ 20s\ +5\ +3$ ]]
    [[ ${lines[2]} =~ \ 4.0K\ +0.001s\ +3\ +-$ ]]
}

@test "a column that there is not, or is there twice, is refused with those there are" {
    for columns in foo "" "name," name,name +name nam; do
        run -2 ctl list -o "$columns"
        [[ $output == 'error: option --output: "'*'needed is a list of NAME, UNIT, STATE, PID, '* ]] ||
            { echo "$columns"; false; }
    done
    run -0 ctl list -o help
    while read -r column _; do
        run -0 ctl list --no-tasks -o "$column"
        [[ ${lines[0]} =~ ^\ *"$column"\ *$ ]]
        grep -q "\*$column\*" "$SOURCE_ROOT/man/hpcnode-ctl.1.scd"
    done <<<"$output"
}

@test "in JSON tasks are the children of their scope, and figures are numbers" {
    run -0 --separate-stderr ctl list --json=short -o name,pid,memory,exit,started
    json '[s["name"] for s in d["scopes"]]' <<<"$output" | grep -qxF "['one', 'workload-gone.scope']"
    json 'd["scopes"][0]["memory_current"]' <<<"$output" | grep -qx 1610612736
    json 'd["scopes"][1]["pid"], d["scopes"][1]["memory_current"]' <<<"$output" | grep -qxF "None None"
    json '[(t["name"], t["pid"], t["start_unix_ms"]) for t in d["scopes"][0]["children"]]' <<<"$output" |
        grep -qxF "[('one/rank-a', 4247, 1700000000000), ('one/rank-b', 4248, 1700000000000)]"
}

@test "500 jobs are 500 lines, and a scope with 5000 tasks is listed" {
    echo "500 0" >"$FAKE_MANY"
    [ "$(ctl list --no-legend --no-tasks | wc -l)" -eq 500 ]
    [ "$(ctl list | wc -l)" -eq 503 ]
    [ "$(ctl list --json=short | json 'len(d["scopes"])')" -eq 500 ]
    # By number, not by letter.
    [ "$(ctl list -q --no-tasks | sed -n 11p)" = job-10 ]
    echo "1 5000" >"$FAKE_MANY"
    [ "$(ctl list -q | wc -l)" -eq 5003 ]
    [ "$(ctl list --json=pretty | json 'len(d["scopes"][0]["children"])')" -eq 5002 ]
    [ "$(ctl list -o name,memory --no-legend | grep -c 4.0K)" -eq 5002 ]
}

@test "nothing is an empty list" {
    echo "0 0" >"$FAKE_MANY"
    run -0 ctl list
    [ -z "$output" ]
    [ "$(ctl list --json=short)" = '{"scopes":[]}' ]
    [ "$(ctl list --json=pretty | json 'd["scopes"]')" = "[]" ]
}

@test "on a terminal tasks hang below their scope" {
    run -0 on_terminal "$CTL list --no-pager --no-legend"
    [[ ${lines[1]} == "├─rank-a "* ]]
    [[ ${lines[2]} == "└─rank-b "* ]]
}

@test "states have colours on a terminal, unless they are not wanted" {
    red=$'\e[31m' green=$'\e[32m' blue=$'\e[34m'
    run -0 on_terminal "env -u NO_COLOR -u SYSTEMD_COLORS $CTL list --no-pager"
    [[ ${lines[1]} == *"$green"running* && ${lines[3]} == *"$blue"frozen* && ${lines[4]} == *"$red"failed* ]]
    for variables in NO_COLOR=1 SYSTEMD_COLORS=0 TERM=dumb; do
        run -0 on_terminal "env -u NO_COLOR -u SYSTEMD_COLORS $variables $CTL list --no-pager"
        [[ $output == *running* && $output != *$'\e'* ]] || { echo "$variables"; false; }
    done
    run -0 ctl list
    [[ $output != *$'\e'* ]]
    SYSTEMD_COLORS=1 run -0 ctl list
    [[ $output == *"$red"failed* ]]
    SYSTEMD_COLORS=1 run -0 ctl list --json=pretty
    [[ $output != *$'\e'* ]]
}

@test "pressure shows the policy, what it has done, and the figures of node, slices and scopes" {
    run -0 ctl pressure one
    [ "${lines[0]}" = "policy: dry-run" ]
    [ "${lines[1]}" = "frozen: one" ]
    [ "${lines[2]}" = "demoted: one" ]
    [ "${lines[3]}" = "reject_from: memory_some=80.00" ]
    [ "${lines[4]}" = "demote_from: off" ]
    [ "${lines[5]}" = "freeze_from: memory_some=20.50 io_full=30.00" ]
    [ "${lines[6]}" = "kill_from: off" ]
    [[ ${lines[7]} =~ ^NAME\ +RESOURCE\ +SOME10\ +SOME60\ +SOME-TOTAL\ +FULL10\ +FULL60\ +FULL-TOTAL$ ]]
    [[ ${lines[8]} =~ ^node\ +memory(\ +-){6}$ ]]
    [[ ${lines[12]} =~ ^workload.slice\ +cpu\ +7.00\ +12.50\ +1min\ 1s(\ +-){3}$ ]]
    [[ ${lines[16]} =~ ^pact.slice\ +io(\ +-){6}$ ]]
    [[ ${lines[17]} =~ ^one\ +memory\ +12.34\ +0.05\ +0.000s(\ +-){3}$ ]]
    [ "${#lines[@]}" -eq 20 ]
    [ "$(ctl pressure 'on*')" = "$output" ]
    [ "$(ctl pressure --all)" = "$output" ]
    run -0 ctl pressure --no-legend
    [ "${#lines[@]}" -eq 9 ]
    [[ ${lines[0]} == node* ]]
    # Names that are longer than these do not make lines longer than a terminal.
    [ "$(ctl pressure --all | wc -L)" -le 80 ]
}

@test "pressure is JSON as of inspect, and nothing done is an empty list" {
    ctl pressure one --json=short >"$BATS_TEST_TMPDIR/json"
    json '[d["policy"], d["frozen"], d["demoted"]]' <"$BATS_TEST_TMPDIR/json" | grep -qxF "['dry-run', ['one'], ['one']]"
    json '[(p["kind"], p["name"]) for p in d["pressure"]]' <"$BATS_TEST_TMPDIR/json" |
        grep -qxF "[('node', 'node'), ('slice', 'workload.slice'), ('slice', 'pact.slice'), ('scope', 'one')]"
    json 'd["pressure"][3]["unit"], d["pressure"][3]["memory_pressure_some"]' <"$BATS_TEST_TMPDIR/json" |
        grep -qxF "workload-one.scope {'avg10': 12.34, 'avg60': 0.05, 'total_usec': 77}"
    json '"memory_pressure_some" in d["pressure"][0]' <"$BATS_TEST_TMPDIR/json" | grep -qx False
    json '[d["freeze_from"], d["kill_from"]]' <"$BATS_TEST_TMPDIR/json" | grep -qxF "[{'memory_some': 20.5, 'io_full': 30.0}, {}]"
    echo "2 0" >"$FAKE_MANY"
    ctl pressure --json=short | json '[d["frozen"], d["demoted"]]' | grep -qxF "[[], []]"
    run -0 ctl pressure
    [[ $output == *$'\n'"frozen: none"$'\n'"demoted: none"$'\n'* ]]
}

@test "pressure refuses what it cannot show" {
    run -1 ctl pressure nobody
    [[ $output == 'error: there is no scope or task "nobody"'* ]]
    run -2 ctl pressure --all one
    [ "$output" = "error: option --all does not go with SCOPE" ]
    run -2 ctl pressure --all --follow
    [ "$output" = "error: option --all does not go with --follow" ]
    run -2 ctl pressure --since today
    [[ $output == "error: option --since goes with --follow only; see: "* ]]
}

@test "inspect shows pressure in percent" {
    run -0 ctl inspect one
    [[ $output == *$'\n'"memory_pressure_some: avg10=12.34 avg60=0.05 total_usec=77"$'\n'* ]]
    [[ $output != *io_pressure* ]]
    ctl inspect one --json=short | json 'd["memory_pressure_some"]' |
        grep -qxF "{'avg10': 12.34, 'avg60': 0.05, 'total_usec': 77}"
}

@test "inspect shows what pressure has done with a scope" {
    run -0 ctl inspect one
    [[ $output == *$'\n'"frozen_by: client pressure"$'\n'"demoted: 1"* ]]
    run -0 ctl inspect other
    [[ $output == *$'\n'"frozen_by: client"* && $output != *demoted* ]]
    ctl inspect one --json=short | json 'd["demoted"]' | grep -qx True
}

@test "tree shows slices, scopes and tasks, whose processes have just ended here" {
    run -0 ctl tree
    [[ ${lines[0]} =~ ^NAME\ +STATE\ +PID\ +MEMORY$ ]]
    [[ ${lines[1]} =~ ^workload.slice\ +4.0K$ ]]
    [[ ${lines[2]} =~ ^└─workload-one.scope\ +running\ +1.5G$ ]]
    [[ ${lines[3]} =~ ^\ \ ├─main\ +running\ +4246\ +4.0K$ ]]
    [[ ${lines[5]} =~ ^\ \ └─rank-b\ +frozen ]]
    [ "${#lines[@]}" -eq 6 ]
    ctl tree --json=short | json '[t["kind"] for t in d["tree"][0]["children"][0]["children"]]' |
        grep -qxF "['task', 'task', 'task']"
}

@test "tree takes slices and scopes" {
    for what in workload.slice /workload.slice one 'on*'; do
        run -0 ctl tree --no-legend "$what"
        [ "${#lines[@]}" -eq 5 ] || { echo "$what: $output"; false; }
    done
    run -0 ctl tree --no-legend one/rank-a
    [ "${#lines[@]}" -eq 3 ]
    run -0 ctl tree pact.slice
    [ -z "$output" ]
    run -1 ctl tree nobody
}

@test "stats counts scopes, tasks and records, and says what is not known" {
    run -0 ctl stats
    for line in "version: 0.0-fake" "emergency: 0" "draining: 0" "pressure_policy: dry-run" "scopes: 1" "scopes_running: 1" "scopes_zombie: 0" "tasks: 3" \
        "records: 1" "records_failed: 1" "workload_memory_current: 4096" "node_cpu_usage_usec: 1500" \
        "pact_memory_swap_current: not available" "node_pressure: not available"; do
        [[ $'\n'$output$'\n' == *$'\n'"$line"$'\n'* ]] || { echo "$line"; false; }
    done
    [[ $output != *node_memory* ]]
    [[ $output =~ uptime_sec:\ 366[1-9] ]]
    ctl stats --json=short | json 'd["records"], d["node_pressure"]' | grep -qx "1 None"
}

@test "run, create and attach print with --quiet the id alone, in JSON as well" {
    run -0 ctl run -q --id hello true
    [ "$output" = hello ]
    run -0 ctl run --quiet --scope one --id more true
    [ "$output" = one/more ]
    run -0 ctl create --quiet held
    [ "$output" = held ]
    run -0 ctl create -q --json=short held
    [ "$output" = '{"id":"held"}' ]
    # The fake daemon takes a task for its scope.
    run -0 ctl attach -q one/rank-a 12
    [ "$output" = one ]
}

@test "bash completes names of scopes, of tasks behind a slash, and columns" {
    hpcnode-ctl() {
        ctl "$@"
    }
    # shellcheck source=/dev/null
    source "$SOURCE_ROOT/completions/hpcnode-ctl.bash"
    complete_line hpcnode-ctl inspect o
    [ "${COMPREPLY[*]}" = one ]
    complete_line hpcnode-ctl kill --signal TERM one/r
    [ "${COMPREPLY[*]}" = "one/rank-a one/rank-b" ]
    complete_line hpcnode-ctl wait one/
    [ "${COMPREPLY[*]}" = "one/main one/rank-a one/rank-b" ]
    complete_line hpcnode-ctl list -o MEMORY-
    [ "${COMPREPLY[*]}" = "MEMORY-PEAK MEMORY-MAX" ]
    complete_line hpcnode-ctl list --output = NAME,DES
    [ "${COMPREPLY[*]}" = NAME,DESCRIPTION ]
    complete_line hpcnode-ctl list -o +LO
    [ "${COMPREPLY[*]}" = +LOG ]
}

@test "zsh completes names of scopes, and of tasks behind a slash" {
    command -v zsh >/dev/null || skip "zsh is not installed"
    # shellcheck disable=SC2016 # expanded by zsh
    stand_ins='
        _arguments() { [[ $1 == -C ]] || { PREFIX=$typed; _hpcnode_ctl_scopes; return }; state=operand words=(inspect "") }
        _call_program() { eval "${(@)argv[2,-1]}" }
        hpcnode-ctl() { $CTL "$@" }
        compadd() { print -r -- "${(P@)2}" }
        typed=$1
        source "$2"'
    zsh_completion=$SOURCE_ROOT/completions/_hpcnode-ctl
    [ "$(zsh -f -c "$stand_ins" zsh o "$zsh_completion")" = "one workload-gone.scope" ]
    [ "$(zsh -f -c "$stand_ins" zsh one/r "$zsh_completion")" = "one/main one/rank-a one/rank-b" ]
}
