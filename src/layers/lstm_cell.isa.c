/* lstm_cell.isa.c - the arithmetic of one frame of one sample, vectorised over the hidden units. */
#include "layers/rnn.h"
#include "tensor/vmath.h"

/* quote: cell */
/* i, f, o = sigmoid and g = tanh of their pre-activations;  c' = f c + i g;  h = o tanh(c'). */
void TW_ISA_NAME(tw__lstm_cell)(size_t H, tw_real *gates, const tw_real *bias, tw_real *c, tw_real *h, tw_real *y) {
    TW_INDEPENDENT for (size_t j = 0; j < H; j++) {
        tw_real i = tw__sigmoid1(gates[j] + bias[j]), f = tw__sigmoid1(gates[H + j] + bias[H + j]);
        tw_real g = tw__tanh1(gates[2 * H + j] + bias[2 * H + j]), o = tw__sigmoid1(gates[3 * H + j] + bias[3 * H + j]);
        gates[j] = i;
        gates[H + j] = f;
        gates[2 * H + j] = g;
        gates[3 * H + j] = o;
        c[j] = f * c[j] + i * g;
        h[j] = y[j] = o * tw__tanh1(c[j]);
    }
}
/* end quote */

/* quote: cell_grad */
/* With s(a) the activation, ds/da = s (1 - s) for a sigmoid and 1 - s^2 for tanh:
 *     dh = dy + (from the later frame)         do = dh tanh(c')
 *     dc' = (from the later frame) + dh o (1 - tanh(c')^2)
 *     di = dc' g     df = dc' c     dg = dc' i     dc = dc' f
 * c' is computed again from c, which is cheaper than storing both. */
void TW_ISA_NAME(tw__lstm_cell_grad)(size_t H, tw_real *gates, const tw_real *c, const tw_real *dy, const tw_real *dh,
                                     tw_real *dc) {
    TW_INDEPENDENT for (size_t j = 0; j < H; j++) {
        tw_real i = gates[j], f = gates[H + j], g = gates[2 * H + j], o = gates[3 * H + j];
        tw_real dhj = dy ? dy[j] + dh[j] : dh[j];
        tw_real tanh_c = tw__tanh1(f * c[j] + i * g);
        tw_real dcj = dc[j] + dhj * o * (1 - tanh_c * tanh_c);
        gates[j] = dcj * g * i * (1 - i);
        gates[H + j] = dcj * c[j] * f * (1 - f);
        gates[2 * H + j] = dcj * i * (1 - g * g);
        gates[3 * H + j] = dhj * tanh_c * o * (1 - o);
        dc[j] = dcj * f;
    }
}
/* end quote */
