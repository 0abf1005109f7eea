/* options.h - the options of a loss, as its record tells them. */
#ifndef LOSSLAB_OPTIONS_H
#define LOSSLAB_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>
#include <thalweg/extend.h>

void option_default(const tw_option *o, char *text, size_t size);
void option_range(const tw_option *o, char *text, size_t size); /* "0 to 1", "mean, sum, none" */
void option_value(const tw_cost *cost, const tw_option *o, char *text, size_t size);
void option_targets(const tw_cost_layer *layer, char *text, size_t size); /* "classes or tensor" */

/* Values by name, also for losses that have no such option. */
double option_real(const tw_cost *cost, const char *name, double otherwise);
int option_int(const tw_cost *cost, const char *name, int otherwise); /* INT, ENUM, BOOL */
tw_reals option_list(const tw_cost *cost, const char *name);
/* How many numbers the longest list of the options has: what a prediction must have of classes. 0: no list. */
size_t option_longest_list(const tw_cost *cost);

#endif
