// transposed[m][c][r] = matrix[m][r][c]; the same plain loop everywhere: it is bound by memory.
KERNEL(transpose_forward) {
  const lmn_transpose *a = args;
  for (size_t unit = begin; unit < end; unit++) {
    const size_t m = unit / a->columns, c = unit % a->columns;
    const float *column = a->matrix + m * a->rows * a->columns + c;
    float *row = a->transposed + unit * a->rows;
    for (size_t r = 0; r < a->rows; r++) row[r] = column[r * a->columns];
  }
}
