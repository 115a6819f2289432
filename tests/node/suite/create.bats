#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Scopes: what CreateScope makes, and what is left when they go.

load lib

@test "a scope is a delegated unit, and replies with its object and path" {
    run -0 hpcnode-ctl create alloc-1
    has "unit: workload-alloc-1.scope" "cgroup: /workload.slice/workload-alloc-1.scope"
    run -0 systemctl show workload-alloc-1.scope
    has ActiveState=active Transient=yes Delegate=yes Slice=workload.slice OOMPolicy=continue \
        CollectMode=inactive-or-failed TasksMax=infinity TimeoutStopUSec="1min 30s" \
        ControlGroup=/workload.slice/workload-alloc-1.scope
    [ -d "$(dir alloc-1)/supervisor" ]
    [ -d "$(dir alloc-1)/payload" ]
    [ "$(cat "$(dir alloc-1)/cgroup.procs")" = "" ]
}

# bats test_tags=trixie
@test "a destroyed scope leaves no unit, cgroup, process, descriptor or file" {
    remember
    create gone
    hpcnode-ctl run --scope gone --id one -- sleep infinity
    hpcnode-ctl destroy gone
    hpcnode-ctl remove gone
    nothing_left
}

@test "destroying again is a success, and a scope that never was is NotFound" {
    create twice
    call DestroyScope s twice
    call DestroyScope s twice
    refused NotFound DestroyScope s never-was
    mentions never-was
}
