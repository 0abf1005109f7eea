#!/bin/sh
# roofline.sh - what bounds each op of a training step on this machine: builds and runs bench/roofline.c.
#
# usage: tools/roofline.sh [OPTION].. [WORKLOAD]..      (--help lists them)
cd "$(dirname "$0")/.." && make --no-print-directory -s build/bench/roofline && exec build/bench/roofline "$@"
