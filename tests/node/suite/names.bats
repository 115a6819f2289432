#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Names of slices and scopes: what is the same, what is refused, who owns what.

load lib

# bats test_tags=native
@test "pact.slice/gpu.slice, its cgroup path and pact-gpu.slice are the same slice" {
    n=0
    for parent in pact.slice/gpu.slice /sys/fs/cgroup/pact.slice/gpu.slice pact-gpu.slice /pact.slice/pact-gpu.slice; do
        n=$((n + 1))
        call CreateScope 'ssa{sv}' $parent same-$n 0
        [[ $ANSWER == *" \"/pact.slice/pact-gpu.slice/pact-gpu-same-$n.scope\"" ]]
        call SliceOwner s $parent
        [ "$ANSWER" = 's "pact"' ]
    done
    run -0 systemctl show --value -p Slice pact-gpu-same-{1,2,3,4}.scope
    [ "${output//$'\n'/}" = pact-gpu.slicepact-gpu.slicepact-gpu.slicepact-gpu.slice ]
}

# bats test_tags=trixie
@test "workload.slice/alloc-42 nests, and goes with its last scope" {
    remember
    nested='workload.slice/workload-alloc\x2d42.slice'
    call CreateScope 'ssa{sv}' workload.slice/alloc-42 rank-0 0
    [ -d "$CGROUPS/$nested/workload-alloc\\x2d42-rank-0.scope" ]
    call CreateScope 'ssa{sv}' "/sys/fs/cgroup/$nested" rank-1 0
    [ -d "$CGROUPS/$nested/workload-alloc\\x2d42-rank-1.scope" ]
    hpcnode-ctl destroy rank-0
    hpcnode-ctl destroy rank-1
    await gone "$CGROUPS/$nested"
    # Made again at once.
    call CreateScope 'ssa{sv}' workload.slice/alloc-42/step-1 rank-2 0
    hpcnode-ctl destroy rank-2
    hpcnode-ctl remove rank-0
    hpcnode-ctl remove rank-1
    hpcnode-ctl remove rank-2
    await gone "$CGROUPS/$nested"
    nothing_left
}

# bats test_tags=native
@test "parents that are nobody's, or no slice, are refused and change nothing" {
    remember
    for parent in workload.slice-extra not-pact.slice/foo pactfoo.slice system.slice user.slice -.slice init.scope \
        '' . .. / ../.. /etc /sys/fs/cgroup /sys/fs/cgroup/../../etc workload.slice/.. workload.slice/../system.slice \
        workload.slice//a workload.slice/.hidden workload.slice/-a 'workload.slice/a b' workload.slice/$'a\nb' \
        workload.slice/a.scope workload-.slice workload workload.slice/x.service pact.slice/other.slice \
        pact-other.slice pact.slice/gpu.slice/deeper "workload.slice/$(printf 'x%.0s' {1..129})"; do
        refused InvalidArgs CreateScope 'ssa{sv}' "$parent" refused 0
        [ -n "$ERROR_MESSAGE" ]
    done
    nothing_left
}

# bats test_tags=native
@test "names that are no names are refused and change nothing" {
    remember
    for name in '' . .. .hidden -dash a/b ../a /a $'a\nb' $'a\tb' 'a b' a@b a:b 'a\x2db' 'ä' .scope \
        "$(printf 'x%.0s' {1..129})"; do
        refused InvalidArgs CreateScope 'ssa{sv}' workload.slice "$name" 0
        [ -n "$ERROR_MESSAGE" ]
    done
    nothing_left
}

# bats test_tags=native
@test "a name with a NUL is refused, and changes nothing" {
    run -0 bus-raw --underscore
    [ "$output" = created ]
    hpcnode-ctl destroy nul_name
    hpcnode-ctl remove nul_name
    remember
    run -0 bus-raw
    # The bus itself throws such a message out, with its sender.
    [[ $output == InvalidArgs || $output == disconnected ]]
    nothing_left
}

# bats test_tags=native
@test "a unit name of more than 255 characters is refused" {
    deep=workload.slice/$(printf 'x%.0s' {1..120})
    refused InvalidArgs CreateScope 'ssa{sv}' "$deep" "$(printf 'y%.0s' {1..128})" 0
    mentions 255
}

# bats test_tags=native
@test "a trailing .scope is dropped, and all characters allowed are accepted" {
    call CreateScope 'ssa{sv}' workload.slice A_.z-09.scope 0
    [[ $ANSWER == *'"/workload.slice/workload-A_.z-09.scope"' ]]
    [ "$(systemctl show --value -p ActiveState workload-A_.z-09.scope)" = active ]
}

# bats test_tags=native
@test "a scope is found by name, unit, path and object" {
    call CreateScope 'ssa{sv}' workload.slice found 0
    object=${ANSWER#*\"}
    for spelling in found found.scope workload-found.scope workload.slice/workload-found.scope \
        /sys/fs/cgroup/workload.slice/workload-found.scope "${object%%\"*}"; do
        call IsScopeEmpty s "$spelling"
        [ "$ANSWER" = "b true" ]
    done
}

# bats test_tags=native
@test "a name that fits in two slices is an error that lists both" {
    call CreateScope 'ssa{sv}' workload.slice both 0
    call CreateScope 'ssa{sv}' pact-infra.slice both 0
    refused InvalidArgs DestroyScope s both
    mentions workload-both.scope pact-infra-both.scope
    call DestroyScope s workload-both.scope
    call DestroyScope s pact-infra-both.scope
    call RemoveScope s pact-infra-both.scope
}

# bats test_tags=native
@test "of a scope the name is enough to tell its owner" {
    hpcnode-ctl create owned
    hpcnode-ctl create --slice pact-gpu.slice smi
    [ "$(hpcnode-ctl owner owned)" = workload ]
    [ "$(hpcnode-ctl owner pact-gpu-smi.scope)" = pact ]
    [ "$(hpcnode-ctl owner nobody)" = none ]
    [ "$(hpcnode-ctl owner workload.slice-extra)" = none ]
}

# bats test_tags=native
@test "an owner is decided component by component" {
    for pair in pact.slice:pact pact.slice/gpu.slice:pact pact-gpu.slice:pact workload.slice:workload \
        workload.slice/a/b:workload /sys/fs/cgroup/workload.slice/workload-x.scope/payload:workload \
        workload.slice-extra: not-pact.slice/x: pactfoo.slice: system.slice: user.slice/pact.slice:; do
        call SliceOwner s "${pair%:*}"
        [ "$ANSWER" = "s \"${pair#*:}\"" ]
    done
}

# bats test_tags=native
@test "a name of 128 characters works throughout" {
    remember
    name=$(printf 'n%.0s' {1..128})
    run -0 hpcnode-ctl run --id "$name" -- sh -c 'echo long-lived; exec sleep infinity'
    has "id: $name" "unit: workload-$name.scope"
    [ -d "$(dir "$name")/payload/main" ]
    [ "$(find "$STATE_DIR" -name '*.scope' | wc -l)" -eq 1 ]
    [ "$(find "$STATE_DIR" -name '*.sock' -type s | wc -l)" -eq 1 ]
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl inspect "$name"
    has "state: running"
    call FreezeScope s "$name"
    call ThawScope s "$name"
    run -0 hpcnode-ctl run --scope "$name" --id "$(printf 't%.0s' {1..128})" -- echo from-task
    hpcnode-ctl wait "$name/$(printf 't%.0s' {1..128})"
    hpcnode-ctl kill "$name" --signal TERM
    run -0 hpcnode-ctl wait "$name"
    has "state: failed" "signal: 15"
    [ "$(job_log "$name")" = $'long-lived\nfrom-task' ]
    hpcnode-ctl remove "$name"
    nothing_left
}

# bats test_tags=native
@test "a task cannot be named like one of the kernel's files" {
    call CreateScope 'ssa{sv}' workload.slice tasks 0
    for task in cgroup.procs memory.max .. a/b '' "$(printf 't%.0s' {1..129})"; do
        refused InvalidArgs Spawn 'ssasa{sv}' tasks "$task" 1 true 0
        refused InvalidArgs OpenScope ss tasks "$task"
    done
}
