#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What programs that were linked with an earlier build rely on.

bats_require_minimum_version 1.5.0

setup() {
    LISTS=$SOURCE_ROOT/tests/library
    HEADERS=$SOURCE_ROOT/src/client/hpcnode
    cd "$BATS_TEST_TMPDIR" || return
}

# same LIST FILE: else says what to do about it.
same() {
    diff -u --label "tests/library/$1" --label "this build" "$LISTS/$1" "$2" && return
    cat <<END

The library's ABI is not what tests/library/$1 says. A line with '-' breaks programs that are there: bring it back,
or, with all of them in mind, raise the soversion in src/client/meson.build. If there are only lines with '+',
something was added: add them to the list.
END
    return 1
}

# The functions that the headers declare.
declared() {
    # shellcheck disable=SC2086 # a command with its arguments
    (cd "$HEADERS/.." && printf '#include <%s>\n' hpcnode/*.h) | $CC -E -P -I "$HEADERS/.." -xc - |
        grep -oE '\bhpcnode_[a-z0-9_]+ ?\(' | tr -d ' (' | sort
}

@test "the library exports what the list says" {
    nm -D --defined-only --with-symbol-versions "$LIBRARY" | awk '$2 != "A" { print $3 }' | sort >symbols
    same symbols symbols
}

@test "each function of the headers is exported, and nothing else" {
    declared >functions
    [ -z "$(uniq -d functions)" ]
    sed 's/@.*//' "$LISTS/symbols" | diff -u --label "in the headers" --label "exported" functions -
}

@test "the static library shows the same names" {
    [ -n "$ARCHIVE" ] || skip "built without one"
    nm -g --defined-only "$ARCHIVE" | awk 'NF == 3 { print $3 }' | sort >names
    [ -z "$SANITIZE" ] || sed -i '/^_/d' names
    sed 's/@.*//' "$LISTS/symbols" | diff -u --label "shared" --label "static" - names
}

@test "structures and enums are laid out as the list says" {
    [ "$(getconf LONG_BIT)" = 64 ] || skip "the list is for 64 bits"
    "$LAYOUT" >layout
    same layout layout
}

@test "the soname is libhpcnode-cgroup.so.0, and libsystemd and the C library are all that it needs" {
    run -0 objdump -p "$LIBRARY"
    [[ $output == *"SONAME               libhpcnode-cgroup.so.0"* ]]
    [ -z "$SANITIZE" ] || return 0
    run -0 sed -nE 's/ *NEEDED +//p' <<<"$output"
    [ "$(sort <<<"$output" | paste -sd ' ')" = "libc.so.6 libsystemd.so.0" ]
}

# each_header COMPILER OPTION...: each alone, twice, so that nothing is needed before it, nor twice there.
each_header() {
    local header
    for header in "$HEADERS"/*.h; do
        header=hpcnode/${header##*/}
        printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' "$header" "$header" >include.c
        "$@" -Wall -Wextra -pedantic -Werror -I "$HEADERS/.." -fsyntax-only include.c || {
            echo "$header"
            return 1
        }
    done
}

@test "each header is C11, C99 even, by itself" {
    # shellcheck disable=SC2086 # a command with its arguments
    each_header $CC -std=c11 -Wstrict-prototypes -Wmissing-prototypes
    # shellcheck disable=SC2086
    each_header $CC -std=c99
}

@test "each header is C++11 by itself" {
    [ -n "$CXX" ] || skip "no C++ compiler"
    each_header "$CXX" -std=c++11 -x c++
    each_header "$CXX" -std=c++20 -x c++ -Wold-style-cast
}
