/* stop.c - see stop.h. */
#include "stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t wanted;

static void on_signal(int number) {
    (void)number;
    wanted = 1;
}

static void watch(int number) {
    struct sigaction before, action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    if (!sigaction(number, NULL, &before) && before.sa_handler != SIG_IGN) sigaction(number, &action, NULL);
}

void stop_watch(void) {
    watch(SIGINT);
    watch(SIGTERM);
    watch(SIGHUP); /* the terminal was closed */
}

bool stop_wanted(void) { return wanted; }
