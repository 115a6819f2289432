#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Programs that have nothing of the project but what is installed, found with pkg-config.

bats_require_minimum_version 1.5.0

setup_file() {
    export TREE=$BATS_FILE_TMPDIR/tree
    # No bus anywhere.
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$BATS_FILE_TMPDIR/no-bus
    meson install -C "$BUILD_ROOT" --no-rebuild --quiet --destdir "$TREE"
    PKG_CONFIG_PATH=$(dirname "$(find "$TREE" -name libhpcnode-cgroup.pc)")
    export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR=$TREE LIBRARIES=${PKG_CONFIG_PATH%/pkgconfig}
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
}

# compile SOURCE PKG-CONFIG-ARGUMENT...: ./program
compile() {
    local source=$1 flags
    shift
    flags="$(pkg-config --cflags --libs "$@" libhpcnode-cgroup)"
    # shellcheck disable=SC2086 # commands and options with their arguments
    $CC $SANITIZE -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Werror -o program "$source" $flags
}

# What program.c prints where there is no daemon.
check_output() {
    echo "$output"
    [[ ${lines[0]} == "daemon: Unreachable: cannot reach hpcnode-cgroupd: no system bus"* ]]
    [ "${lines[1]}" = "empty: 0" ]
    [ "${#lines[@]}" -eq 6 ]
    [[ ${lines[2]} == "create_scope workload.slice alloc-42"* && ${lines[3]} == "spawn alloc-42 rank-0"* ]]
    [[ ${lines[4]} == "is_scope_empty alloc-42" && ${lines[5]} == destroy_scope* ]]
}

@test "a program is built with what pkg-config says, and runs" {
    compile "$SOURCE_ROOT/tests/library/program.c"
    objdump -p program | grep -q 'NEEDED *libhpcnode-cgroup.so.0'
    LD_LIBRARY_PATH=$LIBRARIES run -0 ./program
    check_output
}

@test "the examples are installed, and built so" {
    for source in "$TREE"/usr/share/doc/hpcnode-cgroupd/examples/*.c; do
        cmp "$source" "$SOURCE_ROOT/examples/${source##*/}"
        compile "$source" libsystemd
        LD_LIBRARY_PATH=$LIBRARIES run -2 ./program
        [[ ${lines[0]} == "usage: $(basename "$source" .c) "* ]]
    done
}

@test "a program that is linked statically with the library does not need it to run" {
    [ -n "$ARCHIVE" ] || skip "built without a static library"
    rm "$LIBRARIES/libhpcnode-cgroup.so" # which is preferred
    compile "$SOURCE_ROOT/tests/library/program.c" --static
    run -1 grep -q 'NEEDED *libhpcnode-cgroup' <(objdump -p program)
    run -0 ./program
    check_output
}
