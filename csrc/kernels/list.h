// All kernels. Expanded with different definitions of LMN_KERNEL: no include guard.
LMN_KERNEL(sum_forward)                             // unit: LMN_BLOCK values
LMN_KERNEL(mean_forward)                            // unit: one row
LMN_KERNEL(mean_backward)                           // unit: one row
LMN_KERNEL(row_copy_forward)                        // unit: one row
LMN_KERNEL(matmul_forward)                          // unit: LMN_TILE_ROWS x LMN_TILE_COLUMNS
LMN_KERNEL(matmul_backward_right)                   // unit: LMN_GRAD_ROWS x LMN_TILE_COLUMNS
LMN_KERNEL(transpose_forward)                       // unit: one row of a transposed matrix
LMN_KERNEL(row_sum_forward)                         // unit: LMN_TILE_COLUMNS columns
LMN_KERNEL(row_maximum_forward)                     // unit: LMN_TILE_COLUMNS columns
LMN_KERNEL(row_maximum_backward)                    // unit: one row
LMN_KERNEL(expansion_forward)                       // unit: LMN_TILE_ROWS families of one bank
LMN_KERNEL(expansion_backward_nodes)                // unit: LMN_TILE_ROWS families of one bank
LMN_KERNEL(expansion_backward_weight)               // unit: LMN_TILE_ROWS rows of one tap's matrix
LMN_KERNEL(affine_summary_forward)                  // unit: LMN_TILE_ROWS families of one bank
LMN_KERNEL(affine_summary_backward_nodes)           // unit: LMN_TILE_ROWS families of children
LMN_KERNEL(affine_summary_backward_weight)          // unit: LMN_TILE_ROWS rows of one bank's weight
LMN_KERNEL(separable_conv_forward)                  // unit: LMN_TILE_ROWS families of one bank
LMN_KERNEL(separable_conv_backward_nodes)           // unit: LMN_TILE_ROWS families of children
LMN_KERNEL(separable_conv_backward_taps)            // unit: LMN_TILE_COLUMNS channels of one bank
LMN_KERNEL(separable_conv_backward_pointwise)       // unit: LMN_TILE_ROWS rows of one bank's matrix
LMN_KERNEL(single_vector_attention_forward)         // unit: LMN_ATTENTION_BLOCK positions
LMN_KERNEL(single_vector_attention_backward)        // unit: a chunk of positions
LMN_KERNEL(single_vector_attention_backward_upper)  // unit: one upper level of one bank
LMN_KERNEL(single_vector_attention_step_forward)    // unit: one stream
LMN_KERNEL(token_attention_forward)                 // unit: one position
LMN_KERNEL(token_attention_backward_keys)           // unit: LMN_TOKEN_ATTENTION_BLOCK positions
LMN_KERNEL(token_attention_backward_slots)          // unit: one token
LMN_KERNEL(router_forward)                          // unit: one row
LMN_KERNEL(router_backward)                         // unit: one row
LMN_KERNEL(router_balance_forward)                  // unit: one memory
LMN_KERNEL(router_balance_backward)                 // unit: one row
LMN_KERNEL(dispatch_forward)                        // unit: one token
LMN_KERNEL(combine_forward)                         // unit: one token
LMN_KERNEL(combine_backward)                        // unit: one token
LMN_KERNEL(grouped_matmul_forward)                  // unit: LMN_TILE_ROWS rows of one segment
LMN_KERNEL(grouped_matmul_backward_right)           // unit: LMN_GRAD_ROWS rows of one matrix
LMN_KERNEL(grouped_row_sum_forward)                 // unit: LMN_TILE_COLUMNS columns of one sum
LMN_KERNEL(short_conv_forward)                      // unit: LMN_TILE_COLUMNS channels
LMN_KERNEL(short_conv_backward)                     // unit: LMN_TILE_COLUMNS channels
LMN_KERNEL(short_conv_step_forward)                 // unit: one stream
LMN_KERNEL(feature_map_forward)                     // unit: one row
LMN_KERNEL(feature_map_backward)                    // unit: one row
LMN_KERNEL(head_decay_forward)                      // unit: one row
LMN_KERNEL(head_decay_backward_x)                   // unit: one row
LMN_KERNEL(head_decay_backward_heads)               // unit: LMN_TILE_COLUMNS heads
LMN_KERNEL(silu_gate_forward)                       // unit: LMN_BLOCK values
LMN_KERNEL(silu_gate_backward)                      // unit: LMN_BLOCK values
LMN_KERNEL(linear_recurrence_forward)               // unit: one head of one segment
LMN_KERNEL(linear_recurrence_backward)              // unit: one head of one segment
LMN_KERNEL(linear_recurrence_step_forward)          // unit: one head of one stream
LMN_KERNEL(state_space_forward)                     // unit: LMN_STATE_SPACE_CHANNELS channels
LMN_KERNEL(state_space_backward)                    // unit: LMN_STATE_SPACE_CHANNELS channels
LMN_KERNEL(state_space_step_forward)                // unit: these channels of one stream
LMN_KERNEL(discretization_forward)                  // unit: one channel
LMN_KERNEL(discretization_backward)                 // unit: one channel
LMN_KERNEL(causal_attention_forward)                // unit: LMN_QUERY_BLOCK tokens of one head
LMN_KERNEL(causal_attention_backward)               // unit: one head
LMN_KERNEL(causal_attention_step_forward)           // unit: one head of one stream
LMN_KERNEL(rotary_forward)                          // unit: one row
LMN_KERNEL(segment_attention_forward)               // unit: LMN_QUERY_BLOCK queries of one head
LMN_KERNEL(segment_attention_backward)              // unit: one head
LMN_KERNEL(segment_attention_step_forward)          // unit: one head of one stream
LMN_KERNEL(slot_write_forward)                      // unit: one head of one stream
LMN_KERNEL(slot_write_backward)                     // unit: one head of one stream
LMN_KERNEL(rms_norm_forward)                        // unit: one row
LMN_KERNEL(rms_norm_backward_x)                     // unit: one row
LMN_KERNEL(rms_norm_backward_gain)                  // unit: LMN_TILE_COLUMNS columns
LMN_KERNEL(layer_norm_forward)                      // unit: one row
LMN_KERNEL(layer_norm_backward_x)                   // unit: one row
LMN_KERNEL(layer_norm_backward_gain)                // unit: LMN_TILE_COLUMNS columns, gain and bias
LMN_KERNEL(silu_forward)                            // unit: LMN_BLOCK values
LMN_KERNEL(silu_backward)                           // unit: LMN_BLOCK values
LMN_KERNEL(gelu_forward)                            // unit: LMN_BLOCK values
LMN_KERNEL(gelu_backward)                           // unit: LMN_BLOCK values
LMN_KERNEL(sigmoid_forward)                         // unit: LMN_BLOCK values
LMN_KERNEL(sigmoid_backward)                        // unit: LMN_BLOCK values
LMN_KERNEL(log_sigmoid_forward)                     // unit: LMN_BLOCK values
LMN_KERNEL(log_sigmoid_backward)                    // unit: LMN_BLOCK values
LMN_KERNEL(relu_forward)                            // unit: LMN_BLOCK values
LMN_KERNEL(relu_backward)                           // unit: LMN_BLOCK values
LMN_KERNEL(gated_linear_unit_forward)               // unit: one row
LMN_KERNEL(gated_linear_unit_backward)              // unit: one row
LMN_KERNEL(dropout_forward)                         // unit: LMN_BLOCK values
LMN_KERNEL(embedding_forward)                       // unit: one row
LMN_KERNEL(embedding_backward)                      // unit: LMN_TILE_COLUMNS columns
LMN_KERNEL(embedding_bag_forward)                   // unit: one bag
LMN_KERNEL(embedding_bag_backward)                  // unit: LMN_TILE_COLUMNS columns
LMN_KERNEL(sinusoid_forward)                        // unit: one row
LMN_KERNEL(cross_entropy_forward)                   // unit: one row
LMN_KERNEL(cross_entropy_backward)                  // unit: one row
LMN_KERNEL(prediction_error_forward)                // unit: LMN_BLOCK values
LMN_KERNEL(prediction_error_backward)               // unit: LMN_BLOCK values
LMN_KERNEL(adamw_update)                            // unit: LMN_BLOCK values
LMN_KERNEL(adamw_rows_update)                       // unit: one row
LMN_KERNEL(squared_norm_forward)                    // unit: LMN_SQUARED_NORM_BLOCK values
