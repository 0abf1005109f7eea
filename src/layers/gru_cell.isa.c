/* gru_cell.isa.c - the arithmetic of one frame of one sample, vectorised over the hidden units. */
#include "layers/rnn.h"
#include "tensor/vmath.h"

/* quote: cell */
/* r, z = sigmoid of their pre-activations;  m = W_hn h + b_hn;  n = tanh(W_in x + b_in + r m);  h' = n + z (h - n). */
void TW_ISA_NAME(tw__gru_cell)(size_t H, tw_real *gates, const tw_real *bias, tw_real *h, tw_real *y) {
    TW_INDEPENDENT for (size_t j = 0; j < H; j++) {
        tw_real r = tw__sigmoid1(gates[j] + bias[j]), z = tw__sigmoid1(gates[H + j] + bias[H + j]);
        tw_real m = gates[3 * H + j] + bias[3 * H + j];
        tw_real n = tw__tanh1(gates[2 * H + j] + bias[2 * H + j] + r * m);
        gates[j] = r;
        gates[H + j] = z;
        gates[2 * H + j] = n;
        gates[3 * H + j] = m;
        h[j] = y[j] = n + z * (h[j] - n);
    }
}
/* end quote */

/* quote: cell_grad */
/* With dh' = dy + (from the later frame):
 *     dz = dh' (h - n)     dn = dh' (1 - z)     dh = dh' z + (through W_hh)
 *     da_n = dn (1 - n^2), and from it     dr = da_n m     dm = da_n r */
void TW_ISA_NAME(tw__gru_cell_grad)(size_t H, tw_real *gates, const tw_real *h, const tw_real *dy, tw_real *dh) {
    TW_INDEPENDENT for (size_t j = 0; j < H; j++) {
        tw_real r = gates[j], z = gates[H + j], n = gates[2 * H + j], m = gates[3 * H + j];
        tw_real dhj = dy ? dy[j] + dh[j] : dh[j];
        tw_real da_n = dhj * (1 - z) * (1 - n * n);
        gates[j] = da_n * m * r * (1 - r);
        gates[H + j] = dhj * (h[j] - n) * z * (1 - z);
        gates[2 * H + j] = da_n;
        gates[3 * H + j] = da_n * r;
        dh[j] = dhj * z;
    }
}
/* end quote */
