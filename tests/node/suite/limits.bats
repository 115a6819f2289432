#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Limits: in force in the unit and in the kernel's files, or refused.

load lib

@test "memory limits are in systemctl show and in the cgroup's files" {
    needs_controllers
    create mem MemoryMax t 67108864 MemoryHigh t 50331648 MemoryLow t 8388608 MemoryMin t 4194304 MemorySwapMax t 16777216
    run -0 systemctl show workload-mem.scope
    has MemoryMax=67108864 MemoryHigh=50331648 MemoryLow=8388608 MemoryMin=4194304 MemorySwapMax=16777216
    cd "$(dir mem)"
    [ "$(cat memory.max memory.high memory.low memory.min memory.swap.max | paste -sd' ')" = \
        "67108864 50331648 8388608 4194304 16777216" ]
}

@test "cpu and cpuset limits are in systemctl show and in the cgroup's files" {
    needs_controllers
    create cpu CPUWeight t 55 CPUQuotaPerSecUSec t 500000 CPUQuotaPeriodUSec t 50000 AllowedCPUs ay 1 1 AllowedMemoryNodes ay 1 1
    run -0 systemctl show workload-cpu.scope
    has CPUWeight=55 CPUQuotaPerSecUSec=500ms CPUQuotaPeriodUSec=50ms AllowedCPUs=0 AllowedMemoryNodes=0
    cd "$(dir cpu)"
    [ "$(cat cpu.weight cpu.max cpuset.cpus.effective cpuset.mems.effective | paste -sd' ')" = "55 25000 50000 0 0" ]
}

@test "io limits are in systemctl show and in the cgroup's files" {
    needs_controllers
    create io IOWeight t 44 IOReadBandwidthMax 'a(st)' 1 /dev/vdc 1000000 IOWriteBandwidthMax 'a(st)' 1 /dev/vdc 2000000 \
        IOReadIOPSMax 'a(st)' 1 /dev/vdc 300 IOWriteIOPSMax 'a(st)' 1 /dev/vdc 400
    run -0 systemctl show workload-io.scope
    has IOWeight=44 "IOReadBandwidthMax=/dev/vdc 1000000" "IOWriteBandwidthMax=/dev/vdc 2000000" \
        "IOReadIOPSMax=/dev/vdc 300" "IOWriteIOPSMax=/dev/vdc 400"
    [ "$(cat "$(dir io)/io.max")" = "$(cat /sys/block/vdc/dev) rbps=1000000 wbps=2000000 riops=300 wiops=400" ]
    [ "$(head -n 1 "$(dir io)/io.weight")" = "default 44" ]
}

@test "IOMax limits every whole disk of the node" {
    needs_controllers
    create disks IOMax t 5000000
    for disk in vda vdb vdc; do
        grep -qx "$(cat /sys/block/$disk/dev) rbps=5000000 wbps=5000000 riops=max wiops=max" "$(dir disks)/io.max"
    done
    [ "$(wc -l <"$(dir disks)/io.max")" -eq 3 ]
}

# bats test_tags=bookworm
@test "TasksMax=N is N tasks of the job: one more in the unit, N in payload and in inspect" {
    needs_controllers
    remember
    create few TasksMax t 3
    run -0 systemctl show -p TasksMax workload-few.scope
    has TasksMax=4
    [ "$(cat "$(dir few)/pids.max")" = 4 ]
    [ "$(cat "$(dir few)/payload/pids.max")" = 3 ]
    [[ $(property few Limits) == *'"TasksMax" t 3'* ]]
    run -0 hpcnode-ctl inspect few
    has "pids_max: 3"
    hpcnode-ctl run --scope few --id three -- "$HELPERS/ignore-signals" 2
    # The fourth has no room, and says so.
    refused CreationFailed Spawn 'ssasa{sv}' few four 1 /bin/true 0
    hpcnode-ctl destroy few
    hpcnode-ctl remove few
    nothing_left
}

@test "hpcnode-ctl run sets limits" {
    needs_controllers
    hpcnode-ctl run --id flags --memory-max 64M --memory-high 48M --cpu-weight 50 --cpu-max 20000/100000 \
        --pids-max 10 --io-max 1M -- sleep infinity
    cd "$(dir flags)"
    [ "$(cat memory.max memory.high cpu.weight cpu.max payload/pids.max | paste -sd' ')" = \
        "67108864 50331648 50 20000 100000 10" ]
    [ "$(grep -c 'rbps=1048576 wbps=1048576' io.max)" -eq 3 ]
    run -0 hpcnode-ctl inspect flags
    has "memory_max: 67108864" "memory_high: 50331648" "cpu_weight: 50" "cpu_max: 20000/100000" "pids_max: 10" "io_max: 1048576"
    # A period of no quota is nobody's, as systemd writes its own.
    hpcnode-ctl set flags --cpu-max "max 50000"
    [[ $(<cpu.max) == "max "* ]]
    hpcnode-ctl run --id loose --cpu-max 50000/10000 --cpu-max max -- sleep infinity
    [[ $(<"$(dir loose)/cpu.max") == "max "* ]]
    # More processes than there may be.
    hpcnode-ctl create tight --pids-max 1
    hpcnode-ctl run --scope tight --id first -- sleep infinity
    run -1 hpcnode-ctl run --scope tight --id second -- sleep infinity
    [[ $output == *"the number of processes (TasksMax, --pids-max)"* ]]
}

@test "nothing is limited by default, not even tasks" {
    needs_controllers
    create free
    cd "$(dir free)"
    [ "$(cat memory.max memory.high pids.max payload/pids.max | sort -u)" = max ]
    run -0 hpcnode-ctl metrics free
    [[ $output != *memory_max* ]]
}

@test "the kernel's rounding to pages is accepted" {
    needs_controllers
    create odd MemoryMax t 10000001
    [ "$(cat "$(dir odd)/memory.max")" = 9998336 ]
}

# bats test_tags=bookworm
@test "what is unknown, of a wrong type or out of range is refused, naming key and range" {
    remember
    no() {
        refused InvalidArgs CreateScope 'ssa{sv}' workload.slice refused "$(dict_size "$@")" "$@"
        mentions "$1"
    }
    no MemoryMaximum t 1
    no Slice s system.slice
    no MemoryMax s 64M
    no MemoryMax u 67108864
    no MemoryMax t 1048575 && mentions 1048576
    no MemoryHigh t 1048575
    no CPUWeight t 0 && mentions 1 10000
    no CPUWeight t 10001
    no CPUQuotaPerSecUSec t 0
    no CPUQuotaPeriodUSec t 50000
    no IOWeight t 0
    no IOMax t 0
    no TasksMax t 0
    no TasksMax t 4194304
    no AllowedCPUs ay 0
    no DevicePolicy s sometimes
    no DeviceAllow 'a(ss)' 1 /dev/no-such-device rw
    no DeviceAllow 'a(ss)' 1 /etc/passwd rw
    no DeviceAllow 'a(ss)' 1 /dev/null rx
    no IOReadBandwidthMax 'a(st)' 1 /dev/no-such-disk 1000
    no Priority u 101
    no MemoryMax t 67108864 MemoryMax t 67108864
    nothing_left
}

# bats test_tags=trixie
@test "a cpu or memory node that the machine has not is refused before anything exists" {
    remember
    # cpu 0 and 77, node 1000
    refused InvalidArgs CreateScope 'ssa{sv}' workload.slice nocpu 1 AllowedCPUs ay 10 1 0 0 0 0 0 0 0 0 32
    mentions AllowedCPUs "no cpu 77; it has $(cat /sys/devices/system/cpu/online)"
    refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice nonode 1 AllowedMemoryNodes ay 126 \
        0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 \
        0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 \
        0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 /bin/true 0
    mentions AllowedMemoryNodes "no memory node 1000; it has $(cat /sys/devices/system/node/has_memory)"
    for option in --cpuset-cpus=0,77 --cpuset-cpus=3-1 --cpuset-cpus=0-9999 --cpuset-cpus=a --cpuset-mems=0-1000 --numa-node=1000; do
        run -2 hpcnode-ctl run "$option" true
        [[ $output == "error: option ${option%%=*}: "* ]]
    done
    nothing_left
}

@test "a limit that cannot be in force fails the creation, and leaves nothing" {
    needs_controllers
    remember
    hpcnode-ctl create holds --slice workload.slice/narrow
    systemctl set-property --runtime workload-narrow.slice AllowedCPUs=1
    refused CreationFailed CreateScope 'ssa{sv}' workload.slice/narrow nocpu 1 AllowedCPUs ay 1 1
    mentions AllowedCPUs workload-narrow-nocpu.scope
    refused CreationFailed Run 'ssa{sv}asa{sv}' workload.slice/narrow nocpu 1 AllowedCPUs ay 1 3 1 /bin/true 0
    hpcnode-ctl destroy holds
    hpcnode-ctl remove holds
    await gone "$CGROUPS/workload.slice/workload-narrow.slice"
    nothing_left
}

@test "a task runs on the cpus, and allocates on the memory nodes, of its cpuset" {
    needs_controllers
    # shellcheck disable=SC2016 # expanded by awk
    allowed() {
        hpcnode-ctl run "$@" --pipe -- awk '/^(Cpus|Mems)_allowed_list/ { printf "%s ", $2 }' /proc/self/status
    }
    [ "$(allowed --cpuset-cpus 1 --cpuset-mems 0)" = "1 0 " ]
    [ "$(allowed --cpuset-cpus 0-1)" = "0-1 $(cat /sys/devices/system/node/has_memory) " ]
    hpcnode-ctl create moved --cpuset-cpus 0
    hpcnode-ctl set moved --cpuset-cpus 1
    [ "$(allowed --scope moved)" = "1 $(cat /sys/devices/system/node/has_memory) " ]
}

@test "a cpuset is taken away by an empty one" {
    needs_controllers
    hpcnode-ctl create wide --memory-max 64M --cpuset-cpus 1 --cpuset-mems 0
    cd "$(dir wide)"
    hpcnode-ctl set wide --cpuset-cpus ''
    [ "$(cat cpuset.cpus.effective)" = "$(cat /sys/devices/system/cpu/online)" ]
    [ "$(cat cpuset.mems memory.max | paste -sd' ')" = "0 67108864" ]
    run -0 systemctl show workload-wide.scope
    has "AllowedCPUs=$(cat /sys/devices/system/cpu/possible)" AllowedMemoryNodes=0
    [[ $(property wide Limits) != *AllowedCPUs* ]]
    systemctl restart hpcnode-cgroupd
    [[ $(property wide Limits) != *AllowedCPUs* ]]
    call SetScopeLimits 'sa{sv}' wide 1 AllowedMemoryNodes ay 0
    [ "$(cat cpuset.mems.effective)" = "$(cat /sys/devices/system/node/has_memory)" ]
    # Of one that has none there is nothing to be taken.
    hpcnode-ctl set wide --cpuset-cpus '' --cpuset-mems ''
    hpcnode-ctl set wide --cpuset-cpus 1
    [ "$(cat cpuset.cpus.effective)" = 1 ]
}

@test "a NUMA node is its cpus and its memory" {
    needs_controllers
    # shellcheck disable=SC2016 # expanded by awk
    allowed=$(hpcnode-ctl run --numa-node 1 --pipe -- awk '/^(Cpus|Mems)_allowed_list/ { print $2 }' /proc/self/status)
    [ "$allowed" = "$(cat /sys/devices/system/node/node1/cpulist)"$'\n'1 ]
    hpcnode-ctl create nodes --numa-node 0,1
    hpcnode-ctl set nodes --numa-node 0
    [ "$(cat "$(dir nodes)/cpuset.cpus.effective")" = "$(cat /sys/devices/system/node/node0/cpulist)" ]
    [ "$(cat "$(dir nodes)/cpuset.mems.effective")" = 0 ]
}

@test "a limit whose controller is missing fails the creation, and leaves nothing" {
    ! grep -qw memory "$CGROUPS"/cgroup.controllers || skip "this node has all controllers"
    remember
    refused CreationFailed CreateScope 'ssa{sv}' workload.slice nomem 1 MemoryMax t 67108864
    mentions MemoryMax
    nothing_left
}

@test "SetScopeLimits on a live scope is in the unit, in the files and in its property" {
    needs_controllers
    hpcnode-ctl run --id live --memory-max 64M --pids-max 5 -- sleep infinity
    call SetScopeLimits 'sa{sv}' live 3 MemoryMax t 33554432 TasksMax t 7 CPUWeight t 77
    cd "$(dir live)"
    [ "$(cat memory.max pids.max payload/pids.max cpu.weight | paste -sd' ')" = "33554432 8 7 77" ]
    run -0 systemctl show workload-live.scope
    has MemoryMax=33554432 TasksMax=8 CPUWeight=77
    [[ $(property live Limits) == *'"MemoryMax" t 33554432'* ]]
    hpcnode-ctl set live --memory-max max
    [ "$(cat memory.max)" = max ]
}

@test "of the limits of disks of a live scope the later one counts, and max lifts it" {
    needs_controllers
    disks() { # LINES of io.max that are expected, as "DISK rbps wbps riops wiops"
        [ "$(sort "$(dir live)/io.max")" = "$(while read -r disk rbps wbps riops wiops; do
            echo "$(cat "/sys/block/$disk/dev") rbps=$rbps wbps=$wbps riops=$riops wiops=$wiops"
        done | sort)" ]
    }
    hpcnode-ctl run --id live --io-max 5M -- sleep infinity
    hpcnode-ctl set live --io-max "$(cat /sys/block/vdb/dev) wbps=1M riops=30"
    disks <<<$'vda 5242880 5242880 max max\nvdb 5242880 1048576 30 max\nvdc 5242880 5242880 max max'
    hpcnode-ctl set live --io-max "/dev/vdc rbps=max"
    hpcnode-ctl set live --io-max "/dev/vdc wiops=40"
    disks <<<$'vda 5242880 5242880 max max\nvdb 5242880 1048576 30 max\nvdc max 5242880 max 40'
    # A restarted daemon knows them.
    systemctl restart hpcnode-cgroupd
    hpcnode-ctl set live --io-max 2M
    disks <<<$'vda 2097152 2097152 max max\nvdb 2097152 2097152 30 max\nvdc 2097152 2097152 max 40'
    [[ $(SINCE=today records live) == *" type=cgroup.limits "*'limit="IOMax=2097152"'* ]]
    hpcnode-ctl set live --io-max max
    disks <<<$'vdb max max 30 max\nvdc max max max 40'
    hpcnode-ctl set live --io-max "/dev/vdb riops=max" --io-max "/dev/vdc wiops=max"
    [ ! -s "$(dir live)/io.max" ]
    [[ $(property live Limits) != *IOMax* ]]
    run -0 hpcnode-ctl inspect live
    has "io_max_rule_count: 0"
}

@test "limits that cannot be set leave the old ones in force" {
    needs_controllers
    hpcnode-ctl create stays --slice workload.slice/narrow --memory-max 64M --cpuset-cpus 1
    systemctl set-property --runtime workload-narrow.slice AllowedCPUs=1
    # Both stay; systemd is told of the second only.
    call SetScopeLimits 'sa{sv}' stays 1 IOReadBandwidthMax 'a(st)' 1 /dev/vda 3000000
    call SetScopeLimits 'sa{sv}' stays 1 IOReadBandwidthMax 'a(st)' 1 /dev/vdb 2000000
    refused InvalidArgs SetScopeLimits 'sa{sv}' stays 2 CPUWeight t 50 MemoryMax t 1000
    refused InvalidArgs SetScopeLimits 'sa{sv}' stays 0
    refused InvalidArgs SetScopeLimits 'sa{sv}' stays 2 MemoryMax t 33554432 AllowedCPUs ay 10 0 0 0 0 0 0 0 0 0 32
    refused IO SetScopeLimits 'sa{sv}' stays 5 MemoryMax t 33554432 CPUWeight t 50 AllowedCPUs ay 1 1 \
        MemoryLow t 4194304 IOReadBandwidthMax 'a(st)' 2 /dev/vda 1000000 /dev/vdc 1000000
    refused IO SetScopeLimits 'sa{sv}' stays 2 IOMax t 9000000 AllowedCPUs ay 1 1
    # What was sent to PID 1 over the bus before is done.
    busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.DBus.Peer Ping
    cd "$CGROUPS/workload.slice/workload-narrow.slice/workload-narrow-stays.scope"
    [ "$(cat memory.max memory.low cpuset.cpus.effective | paste -sd' ')" = "67108864 0 1" ]
    [ "$(sort io.max)" = "$(for disk in vda\ 3 vdb\ 2; do
        echo "$(cat "/sys/block/${disk% *}/dev") rbps=${disk#* }000000 wbps=max riops=max wiops=max"
    done | sort)" ]
    run -0 systemctl show workload-narrow-stays.scope
    has MemoryMax=67108864 MemoryLow=0 AllowedCPUs=1 "CPUWeight=[not set]"
    [[ $(property narrow-stays Limits) == *'"MemoryMax" t 67108864'* ]]
}
