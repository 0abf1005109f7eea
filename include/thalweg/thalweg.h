/* thalweg/thalweg.h - everything a program that trains needs. Authors of ops, layers and losses add extend.h. */
#ifndef THALWEG_THALWEG_H
#define THALWEG_THALWEG_H

#include <thalweg/base.h>
#include <thalweg/tensor.h>
#include <thalweg/layers.h>
#include <thalweg/losses.h>
#include <thalweg/optim.h>
#include <thalweg/data.h>
#include <thalweg/model.h>
#include <thalweg/text.h>

#endif
