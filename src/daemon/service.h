/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Services of a job: commands that run beside its main task and are started before it. */
#pragma once

#include "daemon/spec.h"

/* Reads the option's value at the message's position: one command (argv) each. *ret, a list that ends in NULL, may be
 * set on failure, too. */
int services_read(sd_bus_message *message, char ****ret, sd_bus_error *error);
void services_free(char ***services);

size_t services_count(char **const *services);
size_t services_bytes(char **const *services);

/* What is to be started for one of them: the job's identity, environment, directory and log, but not its standard
 * input, output and error. */
int service_spec(const Spec *job, size_t index, Spec **ret);

/* "service-1", the task that the first one is. */
#define SERVICE_NAME_SIZE sizeof("service-4294967295")
const char *service_name(size_t index, char buffer[static SERVICE_NAME_SIZE]);
