#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# run --pipe: a job as a part of a shell's pipeline.
# bats file_tags=native
# shellcheck disable=SC2016 # what is in single quotes is for other shells

load lib

setup() {
    cd "$BATS_TEST_TMPDIR" || return
}

# bytes SIZE: never the same line again.
bytes() {
    seq 200000000 2>/dev/null | head -c "$1"
}

@test "1 GB goes through a job in the middle of a pipeline, every byte as it was" {
    size=$((1 << 30))
    ! ldd /usr/libexec/hpcnode-cgroupd | grep -q libasan || size=$((1 << 26))
    run -0 bash -c 'hpcnode-ctl run --pipe -- cat | cksum' < <(bytes $size)
    [ "$output" = "$(bytes $size | cksum)" ]
    [[ $output == *" $size" ]]
}

@test "two jobs in one pipeline" {
    run -0 bash -c 'seq 100000 | hpcnode-ctl run --pipe -- grep 7 | hpcnode-ctl run --pipe -- wc -l'
    [ "$output" = "$(seq 100000 | grep -c 7)" ]
}

@test "a reader that has enough ends the job, as it does in a shell" {
    run -0 bash -c 'hpcnode-ctl run --id enough --pipe -- yes | head -1; echo "${PIPESTATUS[0]}"'
    [ "$output" = $'y\n141' ]
    run -0 hpcnode-ctl inspect enough
    has "signal: 13"
}

@test "a job that needs no more ends who writes to it" {
    run -0 env --default-signal=PIPE bash -c 'yes | hpcnode-ctl run --pipe -- head -1; echo "${PIPESTATUS[*]}"'
    [ "$output" = $'y\n141 0' ]
    # Though it goes on.
    mkfifo go
    run -0 timeout 100 env --default-signal=PIPE bash -c '{ yes; echo x >go; } | hpcnode-ctl run --pipe -- sh -c "exec <&-; read -r x <go; exit 3"; echo "${PIPESTATUS[1]}"'
    [ "$output" = 3 ]
}

@test "a reader sees the end when the job has closed its output, though it goes on" {
    mkfifo go
    run -0 timeout 100 bash -c 'hpcnode-ctl run --pipe -- sh -c "echo all; exec >&- ; read -r x <go; exit 4" | { cat; echo x >go; }; echo "${PIPESTATUS[0]}"'
    [ "$output" = $'all\n4' ]
}

@test "a job without input sees its end at once" {
    run -0 hpcnode-ctl run --pipe -- cat </dev/null
    [ -z "$output" ]
    run -0 bash -c 'hpcnode-ctl run --pipe -- wc -c <&-'
    [ "$output" = 0 ]
}
