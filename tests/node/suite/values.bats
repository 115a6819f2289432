#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Values that are not allowed: each is refused before anything exists, on the command line and straight over the bus,
# with a sentence that names it; nothing is made, announced or recorded.
# bats file_tags=native

load lib

setup() {
    # shellcheck disable=SC2034 # of records
    SINCE=@$(date +%s.%6N)
    hpcnode-ctl create host >/dev/null
    await_records
    remember
    CURSOR=$(log_cursor)
    busctl monitor "$BUS_NAME" --match "type=signal,sender=$BUS_NAME" >"$BATS_TEST_TMPDIR/signals" 2>&1 3>&- &
    MONITOR=$!
    await file "$BATS_TEST_TMPDIR/signals" "Monitoring bus message stream"
}

await_records() {
    journalctl --sync
    hpcnode-ctl events host | grep -q "type=cgroup.create"
}

# unchanged: nothing was made, no signal sent, and no record written since setup().
unchanged() {
    nothing_left
    # What the daemon has sent before its answer to this is there now.
    hpcnode-ctl ping >/dev/null
    kill "$MONITOR"
    await exit "$MONITOR"
    run ! grep -E 'Member=(ScopeCreated|ScopeReleased|TaskExited|InterfacesAdded|InterfacesRemoved)' "$BATS_TEST_TMPDIR/signals"
    journalctl --sync
    run ! grep . <(journalctl -q --after-cursor="$CURSOR" HPCNODE_SCHEMA=hpcnode.v1)
}

# not_taken OPTION VALUE WORD...: by run, create and set, with a sentence that names the option and has the words.
not_taken() {
    local option=$1 value=$2 word
    shift 2
    for command in "run --id bad $option" "create bad $option" "set host $option"; do
        # shellcheck disable=SC2046,SC2086 # words
        run -2 hpcnode-ctl $command="$value" $([[ $command != run* ]] || echo true)
        for word in "error: option $option: " "$@"; do
            [[ $output == *"$word"* ]] || {
                echo "no \"$word\" for $command=$value in: $output"
                return 1
            }
        done
    done
}

@test "limits on the command line" {
    for value in abc 100000 100/0 0/100000 100000/ /100000 1/2/3 "-1 100000" " " ""; do
        not_taken --cpu-max "$value" QUOTA/PERIOD
    done
    for value in 0 10001 -1 1e3; do
        not_taken --cpu-weight "$value" "1 to 10000"
        not_taken --io-weight "$value" "1 to 10000"
    done
    for value in garbage -1 64Q 18446744073709551616; do
        not_taken --memory-max "$value" "bytes"
        not_taken --memory-low "$value" "bytes"
        not_taken --io-max "$value" "bytes/s"
    done
    for value in 3-1 0-9999 a; do
        not_taken --cpuset-cpus "$value"
        not_taken --cpuset-mems "$value"
    done
    not_taken --device garbage /dev/
    not_taken --io-max "garbage rbps=1M"
    not_taken --pids-max 0 "1 to"
    unchanged
}

@test "names, priorities and other options on the command line" {
    for value in ../x . .. a/b é $'a\nb' "" -x "$(printf 'a%.0s' {1..129})"; do
        run -2 hpcnode-ctl run --id="$value" true
        [[ $output == "error: option --id: "* ]] || { echo "$value: $output"; false; }
        run -2 hpcnode-ctl run --scope host --id="$value" true
        run -2 hpcnode-ctl create -- "$value"
    done
    for option in --priority=101 --priority=-1 --nice=20 --nice=-21 --log=foo --cwd= --slice=system.slice --env=$'A\nB=x' --env=$'A=x\ny' --env==x; do
        run -2 hpcnode-ctl run --id bad "$option" true
        [[ $output == "error: option ${option%%=*}: "* ]] || { echo "$output"; false; }
    done
    unchanged
}

@test "limits over the bus" {
    local n=18446744073709551615
    while read -r key type value; do
        for method in "CreateScope ssa{sv} workload.slice bad" "Run ssa{sv}asa{sv} workload.slice bad" "SetScopeLimits sa{sv} host"; do
            # shellcheck disable=SC2046,SC2086 # words
            refused InvalidArgs $method 1 "$key" $type $value $([[ $method != Run* ]] || echo 1 true 0)
            mentions "$key"
        done
    done <<END
CPUWeight t 0
CPUWeight t 10001
CPUWeight t $n
CPUWeight i -1
CPUWeight s 1e3
IOWeight t 0
IOWeight t 10001
CPUQuotaPerSecUSec t 0
CPUQuotaPerSecUSec t 999
CPUQuotaPerSecUSec s 100000
CPUQuotaPeriodUSec t 0
CPUQuotaPeriodUSec t 1
MemoryMax t 0
MemoryMax t 1048575
MemoryMax s 64M
MemoryMax x -1
MemoryHigh t 1
IOMax t 0
IOMax s garbage
AllowedCPUs s 3-1
AllowedCPUs ay 3 0 0 255
TasksMax t 0
DevicePolicy s garbage
DeviceAllow a(ss) 1 garbage rw
IOReadBandwidthMax a(st) 1 garbage 1048576
Garbage t 1
END
    unchanged
}

@test "names and options over the bus" {
    for value in ../x . .. a/b é $'a\nb' "" -x "$(printf 'a%.0s' {1..129})"; do
        refused InvalidArgs CreateScope 'ssa{sv}' workload.slice "$value" 0
        refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice "$value" 0 1 true 0
        refused InvalidArgs Spawn 'ssasa{sv}' host "$value" 1 true 0
        refused InvalidArgs OpenScope ss host "$value"
    done
    while read -r key type value; do
        # shellcheck disable=SC2086 # words
        refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice bad 0 1 true 1 "$key" $type $value
        mentions "$key"
    done <<'END'
Priority u 101
Priority i -1
Nice i 20
Nice i -21
WorkingDirectory s relative
Log s foo
Log s file:relative
Environment as 1 A
Environment as 1 =x
Garbage b true
END
    refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice bad 0 1 true 1 Environment as 1 $'A\nB=x'
    mentions Environment
    refused InvalidArgs CreateScope 'ssa{sv}' workload.slice bad 1 Priority u 101
    mentions "Priority=101" "0 to 100"
    unchanged
}

# On a command line that is most likely a mistake; an agent hands on what a user has set.
@test "a variable over the bus may have several lines" {
    call Run 'ssa{sv}asa{sv}' workload.slice lines 0 3 sh -c "echo \"\$A\" >'$BATS_TEST_TMPDIR/got'" 1 \
        Environment as 1 $'A=two\nlines'
    hpcnode-ctl wait lines >/dev/null
    [ "$(cat "$BATS_TEST_TMPDIR/got")" = $'two\nlines' ]
    kill "$MONITOR"
}
