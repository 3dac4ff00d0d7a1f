// RMSNorm and LayerNorm.
#include "topics.h"

void run_norms(lmn_context context, const computation *c, outcome *o) {
  const size_t L = c->length, E = c->width;
  const float *x = random_values(o, 1, L * E, 1), *dy = random_values(o, 2, L * E, 1);
  const float *bias = random_values(o, 4, 2 * E, 1);
  OUT(rms_normalized, L * E);
  OUT(rms_scale, L);
  lmn_rms_norm_forward(context, &(lmn_rms_norm){L, E, 1e-6f, x, bias, rms_normalized, rms_scale});
  OUT(rms_d_x, L * E);
  OUT(rms_d_gain, E);
  lmn_rms_norm_backward(context,
                        &(lmn_rms_norm_grad){L, E, x, bias, rms_scale, dy, rms_d_x, rms_d_gain});
  OUT(layer_normalized, L * E);
  OUT(layer_mean, L);
  OUT(layer_scale, L);
  lmn_layer_norm_forward(context, &(lmn_layer_norm){L, E, 1e-5f, x, bias, bias + E,
                                                    layer_normalized, layer_mean, layer_scale});
  OUT(layer_d_x, L * E);
  OUT(layer_d_gain, E);
  OUT(layer_d_bias, E);
  lmn_layer_norm_backward(
      context, &(lmn_layer_norm_grad){L, E, x, bias, layer_mean, layer_scale, dy, layer_d_x,
                                      layer_d_gain, layer_d_bias});
}
