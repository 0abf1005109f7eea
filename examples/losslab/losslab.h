/* losslab.h - the commands of losslab, each in a file of its name. argv[0] is the command's name. */
#ifndef LOSSLAB_H
#define LOSSLAB_H

int command_list(int argc, char **argv);
int command_show(int argc, char **argv);
int command_plot(int argc, char **argv);
int command_report(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_check(int argc, char **argv);
int command_ctc(int argc, char **argv);
int command_backprop(int argc, char **argv);
int command_experiment(int argc, char **argv);

#endif
