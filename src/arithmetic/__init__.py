"""Arithmetic that gives the same bytes on every x86-64 processor with AVX2 and FMA: what is pinned, what is replaced.

The libraries choose their code by the processor, and two choices add in two orders. What differs, and the way out:

- MKL, inside torch, multiplies matrices (`linear`, `@`) in other ways on Intel's processors than on AMD's, and its
  setting for reproducible results, MKL_CBWR, is ignored on AMD's. oneDNN, inside torch too, does not ask for the
  vendor, only for the instruction set, which can be pinned: `linear.Linear` computes with it.
- MKL also computes exp, log and sqrt of tensors. Those of `functions` are made of exp2 and log2, which are torch's own.
- torch's own kernels and oneDNN use AVX-512 where they find it, OpenBLAS, inside NumPy and SciPy, tells many processors
  apart, and NumPy's exp and log are others with AVX-512. The variables in `pins` hold all of them to AVX2.

Nothing holds on other kinds of machines: on a GPU, on ARM, without AVX2, the plain operations are used.
"""
