/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is allowed of an emergency. Its reason is a line as in line.h. */
#pragma once

#include "macro.h"

#define EMERGENCY_USEC_MIN USEC_PER_SEC
#define EMERGENCY_USEC_MAX (UINT64_C(4) * 3600 * USEC_PER_SEC) /* also when nothing is said */
