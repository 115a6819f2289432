#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The supervisor by itself: a program plays the daemon, in a cgroup of its own.

# bats file_tags=native

load lib

# Some sixty tests in one program.
export BATS_TEST_TIMEOUT=900

setup_file() {
    mkdir "$CGROUPS/hpcnode-test"
    [ -z "${NODE_DISK-}" ] || {
        mkfs.ext4 -q "$NODE_DISK"
        mkdir -p /mnt/frozen
        mount "$NODE_DISK" /mnt/frozen
    }
}

teardown_file() {
    rmdir "$CGROUPS/hpcnode-test"
    [ -z "${NODE_DISK-}" ] || umount /mnt/frozen
    # One of its tests stops journald with its sockets, which takes the connection of every service.
    systemctl restart hpcnode-cgroupd
}

@test "the supervisor does what its protocol says" {
    export HPCNODE_TEST_CGROUP=$CGROUPS/hpcnode-test HPCNODE_SUPERVISOR=/usr/libexec/hpcnode-supervisor
    [ -z "${NODE_DISK-}" ] || export HPCNODE_TEST_MOUNT=/mnt/frozen
    ! ldd "$HPCNODE_SUPERVISOR" | grep -q libasan || export HPCNODE_TEST_SIZE=0
    test-supervisor >"$BATS_TEST_TMPDIR/out" 2>&1 || {
        cat "$BATS_TEST_TMPDIR/out"
        false
    }
}
