#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The limits of single tasks, in the files of their leaves; and that limits act, those of a scope and of a task.

load lib

teardown() {
    ! compgen -G "$STATE_DIR/*.scope" >/dev/null || remove_all
    [ -z "${NODE_DISK-}" ] || swapoff -a
}

# leaf SCOPE TASK: the cgroup of a task.
leaf() {
    echo "$(dir "$1")/payload/$2"
}

# probe LEVEL OPTION... -- SCRIPT: runs it in the limited cgroup's directory, as a job or as a task of "box".
probe() {
    local level=$1 options=() where=.
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    case $level in
    scope) where=../.. options+=(--id "probe-$RANDOM$RANDOM") ;;
    task) options+=(--scope box --id "${TASK:-probe-$RANDOM$RANDOM}") ;;
    esac
    # shellcheck disable=SC2016 # expanded by the task, which may be unable to fork
    hpcnode-ctl run "${options[@]}" --pipe -- \
        /bin/sh -c 'IFS=: read -r _ _ path </proc/self/cgroup; cd "/sys/fs/cgroup$path/$1" || exit; eval "$2"' - "$where" "$2"
}

# task_property SCOPE TASK NAME: of the task's object on the bus.
task_property() {
    local unit=workload-$1.scope
    unit=${unit//-/_2d}
    busctl get-property "$BUS_NAME" "$BUS_PATH/scope/${unit//./_2e}/task/$2" "$BUS_NAME".Task "$3"
}

# What the files of all_limits have.
all_files() {
    cat memory.max memory.high memory.low memory.min memory.swap.max cpu.weight cpu.max cpuset.cpus.effective \
        cpuset.mems.effective pids.max | paste -sd' '
    head -n 1 io.weight
}

@test "each limit of a task is in its leaf's files and in its property, and is not its scope's" {
    needs_controllers
    hpcnode-ctl create box
    before=$(cd "$(dir box)" && all_files)
    hpcnode-ctl run --scope box --id all --memory-max 64M --memory-high 48M --memory-low 8M --memory-min 4M \
        --memory-swap-max 16M --cpu-weight 50 --cpu-max 20000/50000 --cpuset-cpus 1 --cpuset-mems 0 --io-weight 44 \
        --io-max 1M --pids-max 10 -- sleep infinity
    [ "$(cd "$(dir box)" && all_files)" = "$before" ]
    in_force() {
        [ "$(cd "$(leaf box all)" && all_files)" = $'67108864 50331648 8388608 4194304 16777216 50 20000 50000 1 0 10\ndefault 44' ]
        [ "$(grep -c ' rbps=1048576 wbps=1048576 riops=max wiops=max' "$(leaf box all)/io.max")" -eq 3 ]
        limits=$(task_property box all Limits)
        for limit in '"MemoryMax" t 67108864' '"MemoryHigh" t 50331648' '"MemoryLow" t 8388608' '"MemoryMin" t 4194304' \
            '"MemorySwapMax" t 16777216' '"CPUWeight" t 50' '"CPUQuotaPerSecUSec" t 400000' '"CPUQuotaPeriodUSec" t 50000' \
            '"AllowedCPUs" ay 1 2' '"AllowedMemoryNodes" ay 1 1' '"IOWeight" t 44' '"IOMax" t 1048576' '"TasksMax" t 10'; do
            [[ $limits == "a{sv} 13 "*"$limit"* ]] || { echo "no $limit: $limits"; return 1; }
        done
        run -0 hpcnode-ctl inspect box/all
        has "memory_max: 67108864" "io_max_rule_count: 1"
    }
    in_force
    systemctl restart hpcnode-cgroupd
    in_force
    # One without has none, also when its name was another's.
    hpcnode-ctl kill box/all
    hpcnode-ctl wait box/all
    hpcnode-ctl run --scope box --id all --io-max "/dev/vdc wbps=2M riops=30" --numa-node 1 -- sleep infinity
    [ "$(cat "$(leaf box all)/memory.max" "$(leaf box all)/cpuset.mems.effective")" = $'max\n1' ]
    [ "$(cat "$(leaf box all)/io.max")" = "$(cat /sys/block/vdc/dev) rbps=max wbps=2097152 riops=30 wiops=max" ]
}

@test "a quota is counted in nr_throttled, a full number of processes refuses the fork, a set of cpus is seen" {
    needs_controllers
    hpcnode-ctl create box
    for level in scope task; do
        probe $level --cpu-max 5000/100000 -- 'until grep -q "nr_throttled [1-9]" cpu.stat; do :; done'
        run -2 probe $level --pids-max 1 -- '/bin/true; echo forked'
        [[ $output == *"Cannot fork"* ]]
        [ "$(probe $level --pids-max 2 -- '/bin/true; echo forked')" = forked ]
        [ "$(probe $level --cpuset-cpus 1 -- 'grep ^Cpus_allowed_list: /proc/self/status; nproc')" = \
            $'Cpus_allowed_list:\t1\n1' ]
    done
}

@test "memory.high is counted, memory.max kills, and without swap there is none" {
    needs_controllers
    hpcnode-ctl create box
    head -c 8M /dev/zero >/var/tmp/cached
    mkswap "$NODE_DISK" >/dev/null
    swapon "$NODE_DISK"
    keep='head -c 12M /dev/zero | tail -c 12M | wc -c'
    for level in scope task; do
        sync /var/tmp/cached
        echo 1 >/proc/sys/vm/drop_caches
        run -0 probe $level --memory-high 3M -- 'cat /var/tmp/cached >/dev/null; cat memory.events'
        [[ $output == *"high "[1-9]* ]]
        # tail has it all, part of it in swap; where there is none it is killed.
        run -0 probe $level --memory-max 8M -- "$keep; cat memory.swap.peak 2>/dev/null || echo 1"
        [[ $output == 12582912* && $output != *$'\n'0 ]]
        # One process: the pages of a pipe are charged as well, and could kill a second one.
        run probe $level --memory-max 8M --memory-swap-max 0 -- 'tail /dev/zero; cat memory.swap.current memory.events'
        [[ $output == *$'0\n'*"oom_kill 1"$'\n'* ]] || { echo "$level: $output"; false; }
    done
    # What it may not have is counted, for its scope as well; newer kernels rather look beforehand how much there is, and
    # older ones do so, too: they are refused only what is taken meanwhile, which is mostly something.
    for _ in 1 2 3 4 5; do
        run probe task --memory-max 8M --memory-swap-max 1M -- "$keep"
        max=$(awk '$1 == "max" { print $2 }' "$(dir box)/memory.swap.events")
        [ "$NODE_SUITE $max" = "bookworm 0" ] || break
    done
    [ "$NODE_SUITE" != bookworm ] || [ "$max" -gt 0 ]
    run -0 hpcnode-ctl metrics box
    has "memory_swap_events_max: $max" "memory_swap_events_fail: $(awk '$1 == "fail" { print $2 }' "$(dir box)/memory.swap.events")"
    swapoff "$NODE_DISK"
    TASK=hungry run -137 probe task --memory-max 8M -- 'exec tail /dev/zero'
    run -0 hpcnode-ctl inspect box/hungry
    has "state: killed" "oom_killed: 1"
}

@test "io.max slows a direct write" {
    needs_controllers
    hpcnode-ctl create box
    # In milliseconds.
    # shellcheck disable=SC2016 # expanded by the task
    write='begin=$(date +%s%3N); dd if=/dev/zero of=/dev/vdc bs=128k count=24 oflag=direct status=none; echo $(($(date +%s%3N) - begin))'
    for level in scope task; do
        [ "$(probe $level --io-max 1M -- "$write")" -gt 2000 ]
    done
    [ "$(probe task --io-max '/dev/vdc wbps=1M' -- "$write")" -gt 2000 ]
    [ "$(probe task -- "$write")" -lt 2000 ]
}

@test "a limit that cannot be in force fails the start before the program, and leaves nothing" {
    needs_controllers
    hpcnode-ctl create box --cpuset-cpus 0
    remember
    refused CreationFailed Spawn 'ssasa{sv}' box wide 2 /bin/touch "$BATS_TEST_TMPDIR/ran" 1 \
        Limits 'a{sv}' 2 MemoryMax t 67108864 AllowedCPUs ay 1 2
    mentions box/wide AllowedCPUs "1 was wanted" '"0" in cpuset.cpus.effective' /payload/wide
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    run -1 hpcnode-ctl inspect box/wide
    [ "$(ls -d "$(dir box)"/payload/*/ 2>/dev/null)" = "" ]
    nothing_left
}

@test "a task's limit whose controller is missing fails its start, and leaves nothing" {
    ! grep -qw memory "$CGROUPS"/cgroup.controllers || skip "this node has all controllers"
    hpcnode-ctl create box
    hpcnode-ctl run --scope box --id t -- sleep infinity
    remember
    refused CreationFailed Spawn 'ssasa{sv}' box nomem 1 /bin/true 1 Limits 'a{sv}' 1 MemoryMax t 67108864
    mentions box/nomem MemoryMax "memory controller is missing"
    refused IO SetScopeLimits 'sa{sv}' box/t 1 MemoryMax t 67108864
    mentions box/t MemoryMax "memory controller is missing" "as before"
    nothing_left
}

# bats test_tags=native
@test "what no task can have, or nobody, is refused before anything is started" {
    hpcnode-ctl create box
    hpcnode-ctl run --scope box --id t -- sleep infinity
    remember
    no() {
        refused InvalidArgs Spawn 'ssasa{sv}' box u 1 /bin/true 1 Limits 'a{sv}' "$(dict_size "$@")" "$@"
        mentions "$1"
    }
    no DevicePolicy s closed && mentions "scope as a whole"
    no DeviceAllow 'a(ss)' 1 /dev/null rw && mentions "scope as a whole"
    no MemoryMax t 1000
    no AllowedCPUs ay 0
    no Priority u 5
    refused InvalidArgs Spawn 'ssasa{sv}' box u 1 /bin/true 1 Limits s much
    refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice other 0 1 /bin/true 1 Limits 'a{sv}' 0
    refused InvalidArgs SetScopeLimits 'sa{sv}' box/t 1 DevicePolicy s closed
    mentions DevicePolicy "scope as a whole"
    refused InvalidArgs SetScopeLimits 'sa{sv}' box/t 0
    refused NotFound SetScopeLimits 'sa{sv}' box/u 1 MemoryMax t 67108864
    CALLER=nobody refused PermissionDenied SetScopeLimits 'sa{sv}' box/t 1 CPUWeight t 50
    run -2 hpcnode-ctl run --scope box --device /dev/null true
    [[ $output == *"option --device does not go with --scope"* ]]
    nothing_left
    hpcnode-ctl run --scope box --id ended --wait -- true
    refused NotFound SetScopeLimits 'sa{sv}' box/ended 1 CPUWeight t 50
    mentions box/ended exited
}

@test "limits of a live task are changed in its leaf, recorded, and known" {
    needs_controllers
    # shellcheck disable=SC2034 # used by records
    SINCE=@$(date +%s)
    hpcnode-ctl create box
    hpcnode-ctl run --scope box --id t --memory-max 64M -- sleep infinity
    # That they have changed is announced, and not to what.
    run -0 bus-wait "PropertiesChanged:$BUS_NAME.Task" -- \
        hpcnode-ctl set box/t --memory-max 32M --cpu-weight 77 --cpu-max 30000/60000 --pids-max 7 --io-max 3M
    cd "$(leaf box t)"
    [ "$(cat memory.max cpu.weight cpu.max pids.max | paste -sd' ')" = "33554432 77 30000 60000 7" ]
    [ "$(grep -c 'rbps=3145728 wbps=3145728' io.max)" -eq 3 ]
    [ "$(cat "$(dir box)/memory.max")" = max ]
    [[ $(task_property box t Limits) == *'"MemoryMax" t 33554432'*'"CPUWeight" t 77'*'"IOMax" t 3145728'* ]]
    record cgroup.limits box
    says task=t 'limit="MemoryMax=33554432"' 'limit="TasksMax=7"' caller_uid=0
    # Of limits of disks the later one counts.
    hpcnode-ctl set box/t --io-max "/dev/vdc riops=30"
    limits=$(task_property box t Limits)
    [[ $limits == *'"IOReadBandwidthMax" a(st) 3 '*'"IOReadIOPSMax" a(st) 1 '* && $limits != *IOMax* ]]
    hpcnode-ctl set box/t --io-max "/dev/vdc wbps=1M riops=max"
    grep -qx "$(cat /sys/block/vdc/dev) rbps=3145728 wbps=1048576 riops=max wiops=max" io.max
    hpcnode-ctl set box/t --memory-max max --io-max max --cpu-max max --cpuset-cpus 1
    [ "$(cat memory.max cpuset.cpus.effective)" = $'max\n1' ]
    [ ! -s io.max ]
    hpcnode-ctl set box/t --cpuset-cpus ''
    [ "$(cat cpuset.cpus.effective)" = "$(cat /sys/devices/system/cpu/online)" ]
    [[ $(task_property box t Limits) == 'a{sv} 3 '* ]]
}

@test "limits of a task that cannot be set leave the old ones in force" {
    needs_controllers
    hpcnode-ctl create box --cpuset-cpus 0
    hpcnode-ctl run --scope box --id t --memory-max 64M --io-weight 50 -- sleep infinity
    hpcnode-ctl set box/t --io-max "/dev/vda rbps=3M" --cpu-max 20000/50000
    state() {
        (cd "$(leaf box t)" && all_files && sort io.max)
    }
    state >"$BATS_TEST_TMPDIR/limits"
    refused IO SetScopeLimits 'sa{sv}' box/t 8 MemoryMax t 33554432 CPUWeight t 50 AllowedCPUs ay 1 2 IOWeight t 70 \
        MemoryLow t 4194304 CPUQuotaPerSecUSec t 100000 TasksMax t 5 \
        IOReadBandwidthMax 'a(st)' 2 /dev/vda 1000000 /dev/vdc 1000000
    mentions box/t AllowedCPUs "as before"
    state | diff "$BATS_TEST_TMPDIR/limits" -
}
