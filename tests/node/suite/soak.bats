#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the daemon holds does not grow with what it has done.

# bats file_tags=native

load lib

export BATS_TEST_TIMEOUT=1500

resident() {
    sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$DAEMON/status"
}

@test "descriptors and memory of the daemon after 10,000 jobs are as after 100" {
    needs_plain_build
    jobs=10000
    systemctl restart hpcnode-cgroupd
    chaos --calm --jobs 100
    remember
    first=$(resident)
    run -0 chaos --calm --jobs $jobs
    echo "$output"
    last=$(resident)
    echo "# resident after 100 jobs: $first KiB, after $jobs more: $last KiB" >&3
    nothing_left
    # What the allocator does not give back, but nothing of each job.
    [ $((last - first)) -le $((jobs / 20 + 256)) ]
}
