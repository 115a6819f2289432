#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Everything at once, at random. The seed is printed; `tests/node/run --long` is the long form.

# bats file_tags=native
load lib

export BATS_TEST_TIMEOUT=1500

@test "in a storm of crashes, restarts and reloads every accepted job has its one, right outcome" {
    systemctl restart hpcnode-cgroupd
    remember
    # An emulated node does in a minute what a native one does in some seconds.
    size=(--jobs 300 --kills 50)
    ! has_sanitizers || size=(--jobs 60 --kills 12)
    [ "$NODE_KIND" = container ] || size=(--jobs 30 --kills 8 --workers 4)
    read -ra given <<<"${CHAOS_OPTIONS-}"
    status=0
    ASAN_OPTIONS=detect_leaks=0 chaos "${size[@]}" "${given[@]}" >"$BATS_TEST_TMPDIR/result" 2>"$BATS_TEST_TMPDIR/errors" || status=$?
    sed 's/^/# /' "$BATS_TEST_TMPDIR/result" >&3
    head -n 40 "$BATS_TEST_TMPDIR/errors"
    [ $status -eq 0 ]
    # What PID 1 still has to clear away.
    systemctl restart hpcnode-cgroupd
    for scope in "$CGROUPS"/workload.slice/workload-chaos-*.scope; do
        await gone "$scope"
    done
    for pid in $(pgrep hpcnode-superv); do
        await exit "$pid"
    done
    what_is_there | grep -v ^descriptors | diff <(grep -v ^descriptors "$BATS_TEST_TMPDIR/before") -
}
