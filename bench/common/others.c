/* others.c - what all processors did, less what one process and this one did, from /proc. */
#include "others.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static double all_ticks(void) {
    unsigned long long user, nice, system, idle, wait, irq, soft, steal = 0;
    FILE *file = fopen("/proc/stat", "r");
    int n = file ? fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait,
                          &irq, &soft, &steal)
                 : 0;
    if (file) fclose(file);
    return n >= 7 ? (double)(user + nice + system + irq + soft + (n == 8 ? steal : 0)) : 0;
}

static double ticks_of(pid_t pid) {
    char path[64], line[1024] = "";
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (!fgets(line, sizeof line, file)) *line = 0;
    fclose(file);
    const char *name_end = strrchr(line, ')'); /* the name before it may hold anything */
    if (name_end) sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system);
    return (double)(user + system);
}

double others_seconds(pid_t pid) {
    double all = all_ticks();
    long rate = sysconf(_SC_CLK_TCK);
    return all > 0 && rate > 0 ? (all - ticks_of(pid) - ticks_of(getpid())) / (double)rate : 0;
}
