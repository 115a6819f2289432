#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What hpcnode-ctl refuses by itself: exit status 2, one sentence that names the option, the value and
# what is allowed, and nothing sent to anyone.

bats_require_minimum_version 1.5.0
load common

setup() {
    no_bus
}

# refused OPTION VALUE ALLOWED: `run OPTION VALUE true` fails as it should.
refused() {
    run -2 --separate-stderr ctl run "$1" "$2" true
    [ -z "$output" ]
    # shellcheck disable=SC2154 # set by run --separate-stderr
    [ "${#stderr_lines[@]}" -eq 1 ]
    # shellcheck disable=SC2154
    [[ $stderr == "error: option $1: "* ]] || { echo "$stderr"; false; }
    [[ $stderr == *"$2"* ]] || { echo "the value is missing: $stderr"; false; }
    [[ $stderr == *"$3"* ]] || { echo "$3 missing: $stderr"; false; }
}

# accepted ARGUMENTS...: the command line is right, so that the missing bus is what fails.
accepted() {
    run -1 --separate-stderr ctl "$@"
    [[ $stderr == "error: cannot reach hpcnode-cgroupd: "* ]] || { echo "$stderr"; false; }
}

@test "a memory limit is a size of at least 1 MiB" {
    for value in garbage "" -1 12 1.5 64X " 64M" "64 M" 64MB 1e6; do
        refused --memory-max "$value" "at least 1048576 bytes"
        refused --memory-high "$value" "at least 1048576 bytes"
    done
    refused --memory-max 99999999999999999999 "at most"
    accepted run --memory-max 64M --memory-high 1.5G true
    accepted run --memory-max max --memory-high infinity true
}

@test "other memory limits are sizes" {
    for option in --memory-low --memory-min --memory-swap-max; do
        refused "$option" garbage bytes
        refused "$option" -1 bytes
        accepted run "$option" 0 true
        accepted run "$option" 2T true
    done
}

@test "whether all of a job is ended is yes when nothing is said" {
    for value in "" 2 maybe; do
        run -2 ctl run --oom-group="$value" true
        [[ $output == "error: option --oom-group: MemoryOOMGroup=\"$value\" is neither yes nor no" ]]
    done
    accepted run --oom-group true
    accepted run --oom-group=no true
}

@test "a weight is a number from 1 to 10000" {
    for option in --cpu-weight --io-weight; do
        for value in 0 10001 -5 ten 1.5 ""; do
            refused "$option" "$value" "1 to 10000"
        done
        accepted run "$option" 1 true
        accepted run "$option" 10000 true
    done
}

@test "a cpu quota needs its period" {
    for value in 150000 50% garbage 1/2 100000/10 100000/2000000 -1/100000 /100000 100000/; do
        refused --cpu-max "$value" QUOTA/PERIOD
    done
    accepted run --cpu-max 150000/100000 true
    accepted run --cpu-max "150000 100000" true
    accepted run --cpu-max max true
}

@test "a cpuset is a list of numbers and rising ranges" {
    for option in --cpuset-cpus --cpuset-mems; do
        # shellcheck disable=SC2258 # the comma is what is wrong with it
        for value in "" 3-1 1, a 0-; do
            refused "$option" "$value" "list"
        done
        refused "$option" 99999 "0 to"
        accepted run "$option" 0 true
    done
    accepted run --cpuset-cpus "$(cat /sys/devices/system/cpu/online)" true
}

@test "cpus and memory nodes have to be there" {
    run -2 ctl run --cpuset-cpus 0,8191 true
    [[ $output == "error: option --cpuset-cpus: AllowedCPUs: this machine has no cpu 8191; it has "* ]]
    run -2 ctl create x --cpuset-mems 8191
    [[ $output == "error: option --cpuset-mems: AllowedMemoryNodes: this machine has no memory node 8191; it has "* ]]
}

@test "a NUMA node is one that is there, and stands for cpus and memory" {
    for value in "" 1-0 a -1 0-; do
        refused --numa-node "$value" "NUMA node"
    done
    [ -d /sys/devices/system/node/node0 ] || skip "no NUMA nodes here"
    run -2 ctl run --numa-node 0,4000 true
    [[ $output == "error: option --numa-node: this machine has no NUMA node 4000; its nodes are "* ]]
    accepted run --numa-node 0 true
    for option in --cpuset-cpus --cpuset-mems; do
        for line in "--numa-node 0 $option 0" "$option 0 --numa-node 0"; do
            # shellcheck disable=SC2086 # options and values
            run -2 ctl run $line true
            [[ $output == "error: option --numa-node cannot be used with $option"* ]]
        done
    done
}

@test "the number of tasks is at least 1" {
    for value in 0 -1 many 1.5 99999999; do
        refused --pids-max "$value" "1 to"
    done
    accepted run --pids-max 64 true
    accepted run --pids-max max true
}

@test "an io rule is a size, or a device with keys" {
    for value in 8:0 /dev/sda "/dev/sda 1M" "8: rbps=1M" "sda rbps=1M" "/dev/sda bps=1M" "/dev/sda rbps" rbps=1M; do
        refused --io-max "$value" rbps
    done
    refused --io-max fast "bytes/s"
    refused --io-max 1 "bytes/s"
    run -2 ctl run --io-max "4095:7 rbps=1M" true
    [[ $output == "error: option --io-max: there is no block device 4095:7 on this node" ]]
    accepted run --io-max 10M true
}

@test "an io rule names a disk that is there, by number or path" {
    read -r number path <<<"$(some_disk)"
    [ -n "$path" ] || skip "no disk here"
    accepted run --io-max "$number rbps=10M wbps=1G riops=100 wiops=max" true
    accepted run --io-max "$path rbps=10M" --io-max "$path wbps=10M" true
    run -2 ctl run --io-max 1M --io-max "$path rbps=10M" true
    [[ $output == "error: "*"exclude each other"* ]]
    run -2 ctl run --io-max "/dev/nonexistent rbps=1M" true
    [[ $output == "error: "*'"/dev/nonexistent"'*"does not exist"* ]]
}

@test "a device is a node and what may be done with it" {
    run -2 ctl run --device "/dev/null x" true
    [[ $output == "error: option --device: "*/dev/null*'"x"'*"r, w and m"* ]]
    refused --device null ""
    for letters in "" x RW rwmr; do
        run -2 ctl run --device "/dev/null:$letters" true
        [[ $output == "error: option --device: DeviceAllow=\"/dev/null\" "*"\"$letters\""*"r, w and m"* ]]
    done
    run -2 ctl run --device /dev/nonexistent:rw true
    [ "$output" = "error: option --device: DeviceAllow=\"/dev/nonexistent\": there is no such device node" ]
    run -2 ctl run --device /etc/passwd true
    [[ $output == "error: option --device: "*"a path below /dev/"* ]]
    run -2 ctl run --device char-nonexistent true
    [[ $output == "error: option --device: DeviceAllow=\"char-nonexistent\": "* ]]
    for value in /dev/null "/dev/null rw" /dev/null:rw char-mem:r /dev/char/195:0:rw; do
        accepted run --device "$value" true
    done
}

@test "a device policy is one of three" {
    for value in "" open Auto; do
        refused --device-policy "$value" "auto, closed or strict"
    done
    accepted run --device-policy closed true
}

@test "priority and nice are numbers in their ranges" {
    for value in -1 101 high "" 5.0; do
        refused --priority "$value" "0 to 100"
    done
    for value in -21 20 low ""; do
        refused --nice "$value" "-20 to 19"
    done
    accepted run --priority 0 --nice -20 true
    accepted run --priority 100 --nice 19 true
}

@test "a name has 1 to 128 letters, digits, _ . and -" {
    for value in "" .x -x a/b "a b" ä $'a\nb'; do
        run -2 ctl run --id="$value" true
        [[ $output == "error: option --id: "* ]]
        run -2 ctl create -- "$value"
        [[ $output == "error: "*"NAME"* ]]
    done
    run -2 ctl create "$(printf 'a%.0s' {1..129})"
    accepted create "$(printf 'a%.0s' {1..128})"
    accepted run --id alloc-42.scope true
}

@test "a slice is one of ours" {
    for value in "" system.slice pactfoo.slice workload.slice-extra not-pact.slice/x pact.slice/other.slice; do
        run -2 ctl run --slice="$value" true
        [[ $output == "error: option --slice: "* ]]
    done
    accepted run --slice workload.slice/alloc-42 true
    accepted create --slice pact.slice/gpu.slice x
}

@test "output goes to the journal, a file or nowhere" {
    for value in "" file file: stdout syslog; do
        refused --log "$value" "journal, null or file:PATH"
    done
    accepted run --log file:here.log true
}

@test "a variable has a name, and a value here or there" {
    for value in "" =x 1A=x "A B=x" A-B=x; do
        refused --env "$value" NAME=VALUE
    done
    unset HPCNODE_UNSET
    refused --env HPCNODE_UNSET NAME=VALUE
    for value in $'A\nB=x' $'A=x\nB=y' $'A=\n'; do
        run -2 ctl run --env "$value" true
        [[ $output == "error: option --env: "*NAME=VALUE* ]]
    done
    HPCNODE_SET=$'two\nlines' run -2 ctl run --env HPCNODE_SET true
    [[ $output == "error: option --env: "*"one line"* ]]
    HPCNODE_SET=1 accepted run --env HPCNODE_SET --env A= --env B=c=d true
}

@test "a time has units, and is not nothing" {
    for value in "" 0 0s 30 1.5h -1s 1y x 99999999999h 999999999w; do
        refused --timeout "$value" "a time with its unit, at least 1s"
    done
    accepted run --timeout 1s true
    accepted run --timeout 1h30min true
}

@test "users, groups and directories are not empty" {
    for option in --user --group --cwd --scope; do
        refused "$option" "" "needed is"
    done
}

@test "a signal is known by name or number" {
    for value in "" FOO 0 65 -9 SIG SIG15 15x RTMIN+99 RTMIN+ RTMIN+-1 RTMIN-1 RTMAX+1 RTMAX-31 "TERM " $'TERM\n'; do
        run -2 ctl kill --signal="$value" x
        [[ $output == "error: option --signal: "*"name or number"* ]]
    done
    for value in TERM SIGTERM term sigterm 15 1 RTMIN RTMIN+1 sigrtmin+30 RTMAX RTMAX-30 64; do
        accepted kill --signal "$value" x
        accepted kill --signal "$value" --all x/task
    done
}

@test "JSON is pretty, short or off, before and after the verb" {
    run -2 ctl list --json=yes
    [[ $output == "error: option --json: "*'"yes"'*"pretty, short or off"* ]]
    run -2 ctl --json yes list
    [[ $output == "error: option --json: "*'"yes"'*"pretty, short or off"* ]]
    accepted list --json short
    accepted --json=pretty list
}

@test "a description is one line" {
    run -2 ctl create --description $'two\nlines' x
    [[ $output == "error: option --description: "*"one line"* ]]
    accepted create --description "one line" x
}

@test "an emergency has a reason of one line, and a time of 1 s to 4 h" {
    for value in "" " " $'two\nlines' $'\e[2J' $'a\rb' $'\xff' $'\xc2\x85' "$(printf 'a%.0s' {1..256})"; do
        run -2 --separate-stderr ctl emergency declare --reason "$value"
        [[ $stderr == "error: option --reason: "*"one line of 1 to 255 bytes"* ]] || { echo "$stderr"; false; }
        [ "${#stderr_lines[@]}" -eq 1 ]
    done
    for value in 0 0s 30 -1s 1ms 5h 4h1s 1d garbage "" 99999999999h; do
        run -2 ctl emergency declare --reason x --duration="$value"
        [[ $output == "error: option --duration: \"$value\" is not allowed: "*"1s to 4h"* ]] || { echo "$output"; false; }
    done
    accepted emergency declare --reason 'Schalter 7 glüht, "type=x"' --duration 1h30min
    accepted emergency declare --reason "$(printf 'a%.0s' {1..255})" --duration 4h
}

@test "emergency takes one of three words, and options with declare only" {
    run -2 ctl emergency
    run -2 ctl emergency declared
    [[ $output == 'error: emergency takes declare, end or status, and not "declared"'* ]]
    run -2 ctl emergency end now
    run -2 ctl emergency declare
    [[ $output == "error: emergency declare needs --reason"* ]]
    run -2 ctl emergency end --reason x
    [[ $output == "error: option --reason goes with emergency declare only" ]]
    run -2 ctl emergency status --duration 1h
    [[ $output == "error: option --duration goes with emergency declare only" ]]
    accepted emergency end
    accepted emergency status
}

@test "drain begins, is cancelled or is asked for, each alone" {
    run -2 ctl drain now
    [[ $output == "error: drain takes no operand"* ]]
    run -2 ctl drain --reason $'two\nlines'
    [[ $output == "error: option --reason: "*"one line of 1 to 255 bytes"* ]]
    for value in 0 0s 30 -1s 1ms garbage "" 99999999999h; do
        run -2 ctl drain --timeout="$value"
        [[ $output == "error: option --timeout: \"$value\" is not allowed: "*"a time with its unit, at least 1s"* ]] || { echo "$output"; false; }
    done
    for option in --kill --reason=x --timeout=1h --no-wait; do
        run -2 ctl drain --cancel $option
        [[ $output == "error: option --cancel does not go with others" ]]
        run -2 ctl drain $option --status
        [[ $output == "error: option --status does not go with others" ]]
    done
    run -2 ctl drain --cancel --status
    run -2 ctl drain --no-wait --timeout 1h
    accepted drain
    accepted drain --kill --reason "kernel update" --timeout 1h30min
    accepted drain --no-wait --kill
    accepted drain --cancel
    accepted drain --status
}

@test "what is for a scope as a whole is refused with --scope" {
    run -2 ctl run --scope x --device /dev/null true
    [[ $output == "error: option --device does not go with --scope"*"; see hpcnode-ctl set --help" ]]
    run -2 ctl run --device-policy closed --scope x true
    [[ $output == "error: option --device-policy does not go with --scope"* ]]
    run -2 ctl run --priority 3 --scope x true
    # Nor does `set` take it.
    [[ $output == "error: option --priority does not go with --scope: it is for a scope as a whole" ]]
    run -2 ctl run --scope x --service y -- true
    [[ $output == "error: option --service does not go with --scope"* ]]
    run -2 ctl run --slice workload.slice --scope x true
    [[ $output == "error: option --slice does not go with --scope"* ]]
    accepted run --scope x --nice 5 true
    accepted run --scope x --memory-max 64M --oom-group --cpu-max 1000/1000 --cpuset-cpus 0 --io-max 1M --pids-max 1 true
    run -2 ctl run --scope x --cpuset-cpus '' true
    [[ $output == "error: option --cpuset-cpus: the list is empty"* ]]
}

@test "--log is refused with --pipe and --pty, and these with each other" {
    run -2 ctl run --pipe --log null true
    [[ $output == "error: option --log does not go with --pipe"* ]]
    run -2 ctl run --log null --pty true
    [[ $output == "error: option --log does not go with --pty"* ]]
    run -2 ctl run --pty --pipe true
    [[ $output == "error: option --pty does not go with --pipe"* ]]
    accepted run --pty true
}

@test "a period without a quota cannot be asked for, and set needs a limit" {
    run -2 ctl set x
    [[ $output == "error: set needs a limit"* ]]
    accepted set x --memory-max 64M
}

@test "an unknown verb or option is named" {
    run -2 ctl frobnicate
    [[ $output == 'error: there is no verb "frobnicate"'* ]]
    run -2 ctl --frobnicate
    [[ $output == "error: option --frobnicate is not known"* ]]
    for verb in $(verbs_of_help); do
        run -2 ctl "$verb" --frobnicate
        [[ $output == "error: option --frobnicate is not known"*"hpcnode-ctl $verb --help"* ]]
        run -2 ctl "$verb" -x
        [[ $output == "error: option -x is not known"* ]]
    done
}

@test "an abbreviation that fits several options is refused" {
    run -2 ctl run --memory 64M true
    [[ $output == "error: option --memory is not known, or short for several"* ]]
    run -2 ctl list --user
    [ "$output" = "error: option --user stands before the verb: hpcnode-ctl --user list" ]
    for option in --user=x --help=; do
        run -2 ctl --no-pager $option list
        [[ $output == "error: option $option takes no value"* ]]
    done
    run -2 ctl --no-pager -xh list
    [[ $output == "error: option -x is not known"* ]]
    run -2 ctl --no list
    [[ $output == "error: option --no is not known, or short for several"* ]]
    run -2 ctl run --cpu 1 true
    accepted run --memory-ma 64M true
}

@test "an option without its value, or with one too many, is refused" {
    run -2 ctl run --memory-max
    [[ $output == "error: option --memory-max needs a value"* ]]
    run -2 ctl run --wait=yes true
    [[ $output == "error: option --wait=yes takes no value"* ]]
}

@test "operands are counted" {
    run -2 ctl
    [[ $output == "error: no verb is given"* ]]
    for verb in run attach create destroy metrics empty owner inspect wait kill freeze thaw set remove; do
        run -2 ctl "$verb"
        [[ $output == "error: $verb needs "* ]]
        run -2 ctl "$verb" ""
    done
    for verb in destroy metrics empty owner inspect wait kill freeze thaw create; do
        run -2 ctl "$verb" a b
        [[ $output == "error: $verb takes "*'"b"'* ]]
    done
    for verb in hierarchy drain ping whoami; do
        run -2 ctl "$verb" a
        [[ $output == "error: $verb takes no operand"* ]]
    done
}

@test "attach takes a scope, perhaps a task, and pids" {
    for value in 0 -1 x 1x 2147483648 99999999999999999999; do
        run -2 ctl attach alloc/task 1 "$value"
        [[ $output == "error: PID: \"$value\" is not the number of a process" ]] || { echo "$output"; false; }
    done
    run -2 ctl attach alloc
    [[ $output == "error: attach needs "* ]]
    run -2 ctl attach alloc/memory.max 1
    [[ $output == "error: TASK: "* ]]
    for scope in alloc alloc/task workload.slice/workload-alloc.scope /sys/fs/cgroup/workload.slice/workload-alloc.scope; do
        accepted attach "$scope" 1 2
    done
}

@test "a cgroup path stays inside the tree" {
    for verb in metrics owner; do
        for value in a/../b ../x a/./b $'a\nb'; do
            run -2 ctl "$verb" "$value"
            [[ $output == "error: PATH: "* ]]
        done
        accepted "$verb" /sys/fs/cgroup/system.slice
    done
}

@test "the options of a job's command are its own" {
    accepted run --id x ls --help --memory-max garbage
    accepted run --id x -- --help
}

@test "without a bus the error says what to look at" {
    run -1 --separate-stderr ctl ping
    [ -z "$output" ]
    [[ $stderr == "error: cannot reach hpcnode-cgroupd: no system bus "*"systemctl status"* ]]
}

@test "without a session bus the error says where one comes from" {
    unset DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR
    run -1 ctl --user ping
    [[ $output == "error: cannot reach hpcnode-cgroupd: no session bus: XDG_RUNTIME_DIR is not set"*"loginctl enable-linger"* ]]
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR
    run -1 ctl --user ping
    [[ $output == "error: cannot reach hpcnode-cgroupd: no session bus "*"XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR"*"loginctl enable-linger"* ]]
}

@test "events takes points in time" {
    for value in garbage "" 25:00 2026-13-01 -1 -1y -h @ @x "2026-11-22 " 1h; do
        run -2 --separate-stderr ctl events --since "$value"
        [[ $stderr == "error: option --since: \"$value\" is not allowed: "*"YYYY-MM-DD"* ]] || { echo "$stderr"; false; }
    done
    # Whether there is a journal here and whether it may be read does not matter.
    for value in 2026-11-22 "2026-11-22 06:27" "2026-11-22 06:27:45" 06:27 06:27:45 today yesterday -1h -1h30min -2w \
        @0 @1795329812 @1795329812.126; do
        run ctl events -n 1 --since "$value"
        [ "$status" -lt 2 ] || { echo "$value: $output"; false; }
    done
}

@test "events refuses tasks that have no records, and what cannot be a scope" {
    object=/org/hpcnode/Cgroup1/scope/workload_2dx_2escope
    for scope in x/rank-0 workload-x.scope/rank-0 workload.slice/workload-x.scope/payload/rank-0 \
        /sys/fs/cgroup/workload.slice/workload-x.scope/payload/rank-0 $object/task/rank_2d0; do
        run -1 --separate-stderr ctl events "$scope"
        [ "$stderr" = "error: \"$scope\" has no records of its own: of the tasks of a scope only main has, see hpcnode-events(7)" ] ||
            { echo "$stderr"; false; }
    done
    run -1 --separate-stderr ctl events ../x
    [[ $stderr == "error: "*'"../x" is not the path of a cgroup: '* ]]
    run -1 --separate-stderr ctl events ${object%/*}/
    [[ $stderr == "error: "*" is not the object path of a scope or a task" ]]
}

@test "events takes a number of lines, and one scope" {
    for value in garbage -1 "" 1.5 99999999999; do
        run -2 --separate-stderr ctl events -n "$value"
        [[ $stderr == "error: option --lines: \"$value\" is not allowed: "* ]] || { echo "$stderr"; false; }
    done
    run -2 --separate-stderr ctl events a b
    [[ $stderr == *'"b" is too much'* ]]
    run -2 --separate-stderr ctl events ""
    [[ $stderr == *"must not be empty"* ]]
    run -2 --separate-stderr ctl events -n
    [[ $stderr == *"-n needs a value"* ]]
    run -2 --separate-stderr ctl events -x
    [[ $stderr == *"-x is not known"* ]]
}

@test "logs takes one scope or task, a number of lines, a time and a format" {
    run -2 --separate-stderr ctl logs
    [[ $stderr == *"logs needs SCOPE[/TASK]"* ]]
    run -2 --separate-stderr ctl logs a b
    [[ $stderr == *'"b" is too much'* ]]
    run -2 --separate-stderr ctl logs -n -1 a
    [[ $stderr == 'error: option --lines: "-1" is not allowed: '* ]]
    run -2 --separate-stderr ctl logs --since whenever a
    [[ $stderr == 'error: option --since: "whenever" is not allowed: '* ]]
    run -2 --separate-stderr ctl logs -o long a
    [ "$stderr" = 'error: option --output: "long" is not allowed: needed is short or cat' ]
    accepted logs -f -n 3 --since -1h -o cat --json=short a/rank-0
}

@test "what is not UTF-8 is refused with its option" {
    for option in cwd env user group service require-path id scope slice; do
        run -2 ctl run "--$option" $'A=n\xf6' true
        [[ $output == "error: option --$option: "* && $output == *"UTF-8"* || $output == *'"A=n\xf6"'* ]] || { echo "$output"; false; }
    done
    A=$'n\xf6' run -2 ctl run --env A true
    [[ $output == "error: option --env: Environment: "*"not UTF-8 text" ]] || { echo "$output"; false; }
}

@test "a job has 100 services at most" {
    services=()
    for _ in {1..100}; do
        services+=(--service true)
    done
    accepted run "${services[@]}" true
    run -2 ctl run "${services[@]}" --service true true
    [ "$output" = "error: option --service: Services: at most 100 are allowed" ]
}
