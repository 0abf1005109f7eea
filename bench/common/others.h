/* others.h - is the machine idle apart from what is measured? */
#ifndef BENCH_OTHERS_H
#define BENCH_OTHERS_H

#include <sys/types.h>

/* Processor seconds that processes other than pid and this one have used since the system started, to a few hundredths;
 * 0 where the system does not tell. */
double others_seconds(pid_t pid);

#endif
