# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The pages of section 3 against the headers: each function, type, error and name has its place in them, nothing is in them
# that there is not, and what they show compiles.

bats_require_minimum_version 1.5.0

setup_file() {
    local header page
    cd "$BATS_FILE_TMPDIR" || return
    for header in "$SOURCE_ROOT"/src/client/hpcnode/*.h; do
        echo "#include <hpcnode/${header##*/}>"
    done >all.h
    # Without comments, and with nothing but names of ours to be found in it.
    # shellcheck disable=SC2086 # a command with its arguments
    $CC -E -P -I"$SOURCE_ROOT/src/client" -x c all.h >headers
    # A name with a parenthesis behind it is a function that is declared; types of functions have one before it, too.
    grep -oE '\bhpcnode_[a-z_]+ ?\(' headers | tr -d ' (' | sort -u >declared
    names_of "$SOURCE_ROOT"/src/client/hpcnode/*.h >names
    for page in "$SOURCE_ROOT"/man/*.3.scd; do
        blocks "$page" SYNOPSIS | grep -oE '\bhpcnode_[a-z_]+ ?\(' | tr -d ' (' | sed "s|$| $(page_name "$page")|"
    done | sort >described
}

# Those of ours in files. Without underscores around them, which are for what is in italics, too.
names_of() {
    sed 's/\\//g' "$@" | grep -oE '\b_?(hpcnode_(cgroup|group)|HPCNODE_CGROUP)[A-Za-z_]*' | sed 's/^_//; s/_$//' | sort -u
}

page_name() {
    basename "$1" .3.scd
}

# section PAGE NAME: its text. blocks PAGE NAME: what is literal in it, as it is shown; with an empty line after each block.
section() {
    awk -v name="# $2" '/^# / { inside = $0 == name; next } inside' "$1"
}

blocks() {
    section "$1" "$2" | awk '/^```/ { inside = !inside; if (!inside) print ""; next } inside' | sed 's/\\\(.\)/\1/g'
}

# compile FILE: its syntax, with all warnings.
compile() {
    # shellcheck disable=SC2086
    $CC -std=gnu17 -fsyntax-only -Wall -Wextra -Werror -I"$SOURCE_ROOT/src/client" "$1"
}

# The members of a struct of the headers.
members() {
    sed -n "/^typedef struct $1 {/,/^} $1;/p" "$BATS_FILE_TMPDIR/headers" | sed '1d;$d' | tr '\n' ' ' | tr ';' '\n' |
        grep -oE '\(\*[a-z_]+\)|[a-z_]+ *$' | tr -d '(*) '
}

# missing PAGE NAME...: the names that do not stand in bold in the page.
missing() {
    local page=$SOURCE_ROOT/man/$1 name
    shift
    [ $# -gt 0 ] || echo "nothing to look for in $page"
    for name; do
        grep -qE "\*([^*]*[^*a-zA-Z_])?$name\*" "$page" || echo "$page: $name"
    done
}

@test "each function of the headers is in the synopsis of one page" {
    [ "$(wc -l <"$BATS_FILE_TMPDIR/declared")" -gt 50 ]
    run -0 diff "$BATS_FILE_TMPDIR/declared" <(cut -d ' ' -f 1 "$BATS_FILE_TMPDIR/described")
}

@test "the synopses are the declarations of the headers" {
    local page
    for page in "$SOURCE_ROOT"/man/*.3.scd; do
        blocks "$page" SYNOPSIS >"$BATS_TEST_TMPDIR/synopsis.c"
        compile "$BATS_TEST_TMPDIR/synopsis.c"
    done
}

@test "each page names its functions under NAME" {
    local page
    for page in "$SOURCE_ROOT"/man/hpcnode_*.3.scd; do
        diff <(section "$page" NAME | sed 's/ - .*//' | grep -oE '\bhpcnode_[a-z_]+' | sort) \
            <(grep " $(page_name "$page")$" "$BATS_FILE_TMPDIR/described" | cut -d ' ' -f 1)
    done
}

@test "man finds each function, and its page" {
    local name page
    command -v man || skip "no man"
    mkdir "$BATS_TEST_TMPDIR/man3"
    for name in $PAGE_FILES; do
        cp "$PAGES/$name" "$BATS_TEST_TMPDIR/man3/"
    done
    while read -r name page; do
        [ "$(man -M "$BATS_TEST_TMPDIR" -w 3 "$name")" = "$BATS_TEST_TMPDIR/man3/$page.3" ]
    done <"$BATS_FILE_TMPDIR/described"
    # Nor is there a link for what is no function.
    run -0 diff <(cut -d ' ' -f 1 "$BATS_FILE_TMPDIR/described") \
        <(tr " " "\n" <<<"$PAGE_FILES" | sed -n 's/^\(hpcnode_.*\)\.3$/\1/p' | sort)
}

@test "the pages refer to nothing that there is not" {
    local page name bad=
    for page in "$SOURCE_ROOT"/man/*.scd; do
        for name in $(grep -oE '\*[a-zA-Z_.0-9-]+\*\([0-9]\)' "$page" | grep -E '^\*(lib)?(hpcnode|cgroupd|org\.hpcnode)' |
            tr -d '*)' | tr '(' '.' | sort -u); do
            [[ " $PAGE_FILES " == *" $name "* ]] || bad+="$page: $name"$'\n'
        done
    done
    for page in "$SOURCE_ROOT"/man/*.3.scd; do
        for name in $(comm -13 "$BATS_FILE_TMPDIR/names" <(names_of "$page")); do
            bad+="$page: $name"$'\n'
        done
    done
    echo "$bad"
    [ -z "$bad" ]
}

@test "the examples compile" {
    local page n=0 source=$BATS_TEST_TMPDIR/example.c
    for page in "$SOURCE_ROOT"/man/*.3.scd; do
        grep -qx '# EXAMPLE' "$page" || continue
        # Each is C, or lines for a shell.
        blocks "$page" EXAMPLE | grep -v '^\$ ' >"$source"
        echo "$page"
        compile "$source"
        n=$((n + 1))
    done
    [ "$n" -gt 10 ]
}

@test "the errors are those of the library, with their errno and name" {
    local errors=$BATS_TEST_TMPDIR/errors
    sed -nE 's/^ *\{ (HPCNODE_CGROUP_ERROR_[A-Z_]+), (E[A-Z]+), "(.*)" \},$/*\1* (-\2, \3)/p' \
        "$SOURCE_ROOT/src/client/error.c" >"$errors"
    run -0 diff <(grep -oE 'HPCNODE_CGROUP_ERROR_[A-Z_]+' "$errors" | sort) \
        <(grep -oE '\bHPCNODE_CGROUP_ERROR_[A-Z_]+' "$BATS_FILE_TMPDIR/headers" | grep -v _NONE | sort -u)
    run -0 diff "$errors" <(grep -E '^\*HPCNODE_CGROUP_ERROR_[A-Z_]+\* \(' "$SOURCE_ROOT/man/libhpcnode-cgroup.3.scd")
    # Where other pages say when a code comes, its errno is that one. (Of fork_into it is the kernel's.)
    run -0 comm -23 <(grep -hE '^\*HPCNODE_CGROUP_ERROR_[A-Z_]+\* \(-E[A-Z]+\)$' "$SOURCE_ROOT"/man/hpcnode_*.3.scd |
        grep -vF 'LIMITS_EXCEEDED* (-EAGAIN)' | sort -u) <(sed 's/, .*/)/' "$errors" | sort)
    [ -z "$output" ]
}

@test "the fields, operations and names that the library knows are described" {
    local names
    # shellcheck disable=SC2046 # words
    {
        missing hpcnode_cgroup_list.3.scd $(members hpcnode_cgroup_info)
        missing hpcnode_cgroup_new.3.scd $(members hpcnode_cgroup_ops)
        missing hpcnode_cgroup_attach_event.3.scd $(members hpcnode_cgroup_result)
        missing hpcnode_cgroup_options_new.3.scd \
            $(sed -nE 's/^ *\{ "([A-Za-z]+)", OPTION_KIND.*/\1/p' "$SOURCE_ROOT/src/client/options.c")
        missing hpcnode_cgroup_limits_new.3.scd \
            $(sed -nE 's/.*(= [A-Z]+_LIMIT\(|\.property = )"([A-Za-z]+)".*/\2/p' "$SOURCE_ROOT/src/basic/limits-table.c")
        missing hpcnode_cgroup_read_metrics.3.scd \
            $(grep -oE '\] = \{ "[A-Za-z]+", +"[a-z_]+"' <(tr -s ' \n' ' ' <"$SOURCE_ROOT/src/basic/metrics.c") |
                grep -oE '[a-z_]+"$' | tr -d '"')
    } >"$BATS_TEST_TMPDIR/missing"
    names=$(<"$BATS_TEST_TMPDIR/missing")
    echo "$names"
    [ -z "$names" ]
}

@test "the pages render without a warning, and no name is cut in two" {
    local page
    command -v man || skip "no man"
    for page in "$SOURCE_ROOT"/man/*.3.scd; do
        page=$PAGES/$(page_name "$page").3
        echo "$page"
        [ -z "$(MANWIDTH=80 man --warnings=all -l "$page" 2>&1 >"$BATS_TEST_TMPDIR/text")" ]
        run -1 grep -E '\b(hpcn|HPCN|(hpcnode|HPCNODE)_[A-Za-z_]*)‐$' "$BATS_TEST_TMPDIR/text"
    done
}
