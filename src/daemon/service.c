/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Services of a job: commands that run beside its main task and are started before it. */
#include "daemon/service.h"

#include "basic/option.h"
#include "daemon/error-bus.h"
#include "daemon/strv.h"

size_t services_count(char **const *services)
{
        size_t n = 0;

        while (services && services[n])
                n++;
        return n;
}

size_t services_bytes(char **const *services)
{
        size_t n = 0;

        for (; services && *services; services++)
                n += strv_bytes(*services);
        return n;
}

void services_free(char ***services)
{
        for (char ***p = services; p && *p; p++)
                strv_free(*p);
        free(services);
}

/* Takes argv. */
static int append(char ****list, char **argv)
{
        size_t n = services_count(*list);
        char ***longer = reallocarray(*list, n + 2, sizeof *longer);

        if (!longer) {
                strv_free(argv);
                return -ENOMEM;
        }
        longer[n] = argv;
        longer[n + 1] = NULL;
        *list = longer;
        return 0;
}

int services_read(sd_bus_message *message, char ****ret, sd_bus_error *error)
{
        int r;

        r = sd_bus_message_enter_container(message, 'v', "aas");
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "as");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_at_end(message, false)) == 0) {
                char **argv = NULL;

                r = strv_read(message, &argv);
                if (r < 0)
                        return r;
                if (services_count(*ret) == SERVICES_MAX) {
                        strv_free(argv);
                        return error_set(error, ERROR_INVALID_ARGS,
                                         "Services: at most %d are allowed", SERVICES_MAX);
                }
                if (!argv || !argv[0] || !*argv[0]) {
                        strv_free(argv);
                        return error_set(error, ERROR_INVALID_ARGS,
                                         "Services: number %zu is empty: it needs at least the "
                                         "program",
                                         services_count(*ret) + 1);
                }
                r = append(ret, argv);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int copy_texts(const Spec *job, Spec *s)
{
        const char *const from[] = { job->cwd, job->user, job->group, job->log };
        char **const to[] = { &s->cwd, &s->user, &s->group, &s->log };

        for (size_t i = 0; i < ELEMENTSOF(from); i++)
                if (from[i] && !(*to[i] = strdup(from[i])))
                        return -ENOMEM;
        s->environment = strv_copy(job->environment);
        return s->environment ? 0 : -ENOMEM;
}

int service_spec(const Spec *job, size_t index, Spec **ret)
{
        _cleanup_(spec_freep) Spec *s = spec_new();
        int r;

        if (!s)
                return -ENOMEM;
        r = copy_texts(job, s);
        if (r >= 0)
                r = user_identity_copy(&job->identity, &s->identity);
        if (r < 0)
                return r;
        s->argv = strv_copy(job->services[index]);
        if (!s->argv)
                return -ENOMEM;
        s->nice = job->nice;
        s->has_nice = job->has_nice;
        s->no_new_privs = job->no_new_privs;
        s->manager = job->manager;
        *ret = TAKE_PTR(s);
        return 0;
}

const char *service_name(size_t index, char buffer[static SERVICE_NAME_SIZE])
{
        (void) snprintf(buffer, SERVICE_NAME_SIZE, "service-%u", (unsigned) index + 1);
        return buffer;
}
