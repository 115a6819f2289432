#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What docs/ quotes of programs is what stands there.

bats_require_minimum_version 1.5.0

# each_quote FUNCTION: calls it with each block of C code, and the file that the line before the block names.
each_quote() {
    local page line file='' text='' inside=false
    for page in "$SOURCE_ROOT"/docs/*.md; do
        while IFS= read -r line; do
            if $inside && [[ $line == '```' ]]; then
                "$1" "$file" "$text" || return
                inside=false file='' text=''
            elif $inside; then
                text+=$line$'\n'
            elif [[ $line == '```c' ]]; then
                inside=true
            elif [[ $line =~ ^'<!-- '(.*)' -->'$ ]]; then
                file=${BASH_REMATCH[1]}
            fi
        done <"$page"
    done
}

in_file() {
    N_QUOTES=$((N_QUOTES + 1))
    [[ -n $2 && $'\n'$(<"$SOURCE_ROOT/$1")$'\n' == *$'\n'"$2"* ]] || {
        printf 'not in %s:\n%s' "${1:-any file}" "$2"
        return 1
    }
}

@test "each quote is to be found in the file that it is of, word for word" {
    N_QUOTES=0
    each_quote in_file
    [ "$N_QUOTES" -ge 5 ]
}

@test "each example is built and spoken of" {
    for source in "$SOURCE_ROOT"/examples/*.c; do
        grep -qF "(../examples/${source##*/})" "$SOURCE_ROOT/docs/library.md"
        [ -x "$BUILD_ROOT/examples/$(basename "$source" .c)" ]
        [ "$(wc -l <"$source")" -lt 250 ]
    done
}
