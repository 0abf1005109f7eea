/* learn.h - real trainings with a test set, for the time they take to be good. accuracy.py has the same. */
#ifndef BENCH_LEARN_H
#define BENCH_LEARN_H

#include <thalweg/thalweg.h>

typedef struct learner learner;

/* task: "mnist" or "captcha4", whose files are in dir. NULL: a sentence is in error[size]. */
learner *learner_new(const char *task, const char *dir, int threads, uint64_t seed, char *error, size_t size);
void learner_free(learner *l);
int learner_steps_per_epoch(const learner *l);
bool learner_step(learner *l);
double learner_test(learner *l); /* part of the test set that is right; negative after an error */
const char *learner_error(const learner *l);

#endif
