/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of a verb: parsed, and described for --help, from one table of options. */
#include "ctl.h"

#include "basic/line.h"
#include "basic/reason.h"
#include <getopt.h>
#include <stdio.h>

/* Beyond a verb's own and the limits: the common ones. */
static const Option common_options[] = {
        { "host", "HOST", "Ask the daemon of [USER@]HOST[:PORT][/CONTAINER], by ssh", parse_host,
          .letter = 'H', .first = true },
        { "machine", "NAME", "Ask the daemon of a container on this host: [USER@]CONTAINER",
          parse_machine, .letter = 'M', .first = true },
        { "json", "MODE", "Print JSON instead of lines: pretty, short or off", parse_json },
        { "no-pager", NULL, "Do not show long output in a pager", parse_no_pager },
        { "help", NULL, "Show this help", NULL, .letter = 'h' },
        { NULL },
};

#define HELP_COLUMN 30

/* Long options get numbers from here on, each its own: getopt_long() takes an abbreviation of
 * several options with one number for unique. */
#define GETOPT_BASE 256

/* Of a verb's short options, each with a colon when it takes a value. */
#define LETTERS_MAX 16

void arguments_done(Arguments *a)
{
        hpcnode_cgroup_limits_free(a->limits);
        hpcnode_cgroup_options_free(a->options);
        free(a->cwd);
}

static const char limits_help[] =
        "\nA SIZE is a number of bytes, or one with K, M, G or T, or max. A LIST is numbers and "
        "ranges:\n"
        "0-3,8. A RULE is a SIZE for every whole disk, or \"DEVICE [rbps=SIZE] [wbps=SIZE] "
        "[riops=N]\n"
        "[wiops=N]\" for one: a path, or its MAJOR:MINOR. A NODE is a device node below /dev, or "
        "a class\n"
        "of /proc/devices such as char-nvidia-uvm. --io-max for several devices, and --device, may "
        "be\n"
        "given more than once.\n";

static size_t options_count(const Option *o)
{
        size_t n = 0;

        while (o && o[n].name)
                n++;
        return n;
}

/* One option with its help, on two lines where the first is long. */
static void help_option(const Option *o)
{
        int n;

        n = o->letter ? printf("  -%c, --%s", o->letter, o->name) : printf("      --%s", o->name);
        if (o->argument)
                n += printf(o->bare ? "[=%s]" : " %s", o->argument);
        if (n >= HELP_COLUMN) {
                putchar('\n');
                n = 0;
        }
        printf("%*s%s\n", HELP_COLUMN - n, "", o->help);
}

static void help_options(const char *heading, const Option *o)
{
        if (!options_count(o))
                return;
        printf("\n%s:\n", heading);
        for (; o->name; o++)
                help_option(o);
}

static int verb_help(const Verb *verb)
{
        printf("Usage: hpcnode-ctl %s [OPTION...]%s%s\n\n%s.\n", verb->name,
               *verb->operands ? " " : "", verb->operands, verb->help);
        help_options("Options", verb->options);
        if (verb->limits) {
                help_options("Limits", limit_options());
                fputs(limits_help, stdout);
        }
        help_options("Common options", common_options);
        printf("\nSee hpcnode-ctl(1).\n");
        return output_flush();
}

/* All options of a verb, pointing into their tables; *ret_getopt is the same for getopt_long(). */
static int options_collect(const Verb *verb, const Option ***ret, struct option **ret_getopt)
{
        const Option *tables[] = { verb->options, verb->limits ? limit_options() : NULL,
                                   common_options };
        _cleanup_(freep) const Option **all = NULL;
        _cleanup_(freep) struct option *getopt = NULL;
        size_t n = 0, k = 0;

        for (size_t i = 0; i < ELEMENTSOF(tables); i++)
                n += options_count(tables[i]);
        all = calloc(n + 1, sizeof(*all));
        getopt = calloc(n + 1, sizeof(*getopt));
        if (!all || !getopt)
                return -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(tables); i++)
                for (const Option *o = tables[i]; o && o->name; o++, k++) {
                        all[k] = o;
                        getopt[k] = (struct option){
                                .name = o->name,
                                .has_arg = o->bare       ? optional_argument
                                           : o->argument ? required_argument
                                                         : no_argument,
                                .val = GETOPT_BASE + (int) k,
                        };
                }

        *ret = TAKE_PTR(all);
        *ret_getopt = TAKE_PTR(getopt);
        return 0;
}

/* The short options for getopt_long(); "+": what follows the program of a job is the job's. */
static void list_letters(const Verb *verb, const Option *const *all, char ret[static LETTERS_MAX])
{
        size_t n = 0;

        if (verb->max_operands < 0)
                ret[n++] = '+';
        ret[n++] = ':';
        for (; *all && n < LETTERS_MAX - 2; all++)
                if ((*all)->letter) {
                        ret[n++] = (*all)->letter;
                        if ((*all)->argument)
                                ret[n++] = ':';
                }
        ret[n] = '\0';
}

/* The option that getopt_long() has found; NULL for one that is not known. */
static const Option *option_found(const Option *const *all, int c)
{
        if (c >= GETOPT_BASE)
                return all[c - GETOPT_BASE];
        for (; *all; all++)
                if ((*all)->letter && (*all)->letter == c)
                        return *all;
        return NULL;
}

/* Those that are only taken before the verb, since --user is another option after `run`. */
static bool is_before_verb(const char *option)
{
        return streq(option, "--user") || streq(option, "--no-ask-password");
}

/* What getopt_long() found wrong with argv[optind - 1]: optopt is then the number of a known
 * option. */
static int getopt_error(const Verb *verb, int c, char **argv)
{
        const char *option = argv[optind - 1];

        if (c == ':')
                return usage_error("option %s needs a value; see hpcnode-ctl %s --help", option,
                                   verb->name);
        if (optopt >= GETOPT_BASE)
                return usage_error("option %s takes no value; see hpcnode-ctl %s --help", option,
                                   verb->name);
        if (optopt != 0)
                return usage_error("option -%c is not known; see hpcnode-ctl %s --help", optopt,
                                   verb->name);
        if (is_before_verb(option))
                return usage_error("option %s stands before the verb: hpcnode-ctl %s %s", option,
                                   option, verb->name);
        return usage_error(
                "option %s is not known, or short for several; see hpcnode-ctl %s --help", option,
                verb->name);
}

static int option_apply(const Option *o, const char *value, Arguments *a)
{
        _cleanup_(freep) char *reason = NULL;
        char quoted[REASON_QUOTE_SIZE];
        int r;

        r = o->parse(a, o, value, &reason);
        if (r == CTL_OK && value && !text_is_utf8(value))
                return usage_error("option --%s: %s is not UTF-8 text, which D-Bus asks for",
                                   o->name, reason_quote(value, quoted));
        if (r == CTL_USAGE)
                return usage_error("option --%s: %s", o->name,
                                   reason ?: "the value is not allowed");
        if (r != CTL_OK)
                fprintf(stderr, "error: %s\n", reason ?: "out of memory");
        return r;
}

static int operands_check(const Verb *verb, const Arguments *a)
{
        if (a->n_operands < verb->min_operands)
                return usage_error("%s needs %s; see hpcnode-ctl %s --help", verb->name,
                                   verb->operands, verb->name);
        if (verb->max_operands >= 0 && a->n_operands > verb->max_operands)
                return usage_error("%s takes %s: \"%s\" is too much; see hpcnode-ctl %s --help",
                                   verb->name, *verb->operands ? verb->operands : "no operand",
                                   a->operands[verb->max_operands], verb->name);
        for (int i = 0; i < verb->min_operands; i++)
                if (!*a->operands[i])
                        return usage_error("%s needs %s, which must not be empty", verb->name,
                                           verb->operands);
        return CTL_OK;
}

/* Applies those options that are `first`, or all others. CTL_MAY_RUN, or the exit status. */
static int options_apply(const Verb *verb, int argc, char **argv, const Option *const *all,
                         const struct option *getopt, bool first, Arguments *a)
{
        char letters[LETTERS_MAX];
        int c, r;

        list_letters(verb, all, letters);
        opterr = 0;
        optind = 0;
        while ((c = getopt_long(argc, argv, letters, getopt, NULL)) >= 0) {
                const Option *o = option_found(all, c);

                if (!o)
                        return getopt_error(verb, c, argv);
                if (!o->parse)
                        return verb_help(verb);
                if (o->first != first)
                        continue;
                r = option_apply(o, optarg, a);
                if (r != CTL_OK)
                        return r;
        }
        return CTL_MAY_RUN;
}

int options_parse(const Verb *verb, int argc, char **argv, Arguments *a)
{
        _cleanup_(freep) const Option **all = NULL;
        _cleanup_(freep) struct option *getopt = NULL;
        int r;

        if (options_collect(verb, &all, &getopt) < 0)
                return out_of_memory();
        r = options_apply(verb, argc, argv, all, getopt, true, a);
        if (r == CTL_MAY_RUN)
                r = options_apply(verb, argc, argv, all, getopt, false, a);
        if (r != CTL_MAY_RUN)
                return r;

        a->operands = argv + optind;
        a->n_operands = argc - optind;
        r = operands_check(verb, a);
        if (r == CTL_OK)
                r = limits_given_check(verb, a);
        return r == CTL_OK ? CTL_MAY_RUN : r;
}
