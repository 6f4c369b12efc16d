"""Arithmetic with the same bytes on every x86-64 processor with AVX2 and FMA, and with any threads.

Libraries choose their routines by the processor, and two routines may add the same numbers in
different orders. What differs, and what is done about it:

- MKL, inside torch, multiplies matrices (`linear`, `@`) differently on Intel's processors and on
  AMD's, and its setting for reproducible results, MKL_CBWR, is ignored on AMD's. oneDNN, also
  inside torch, looks at the instruction set only, which can be pinned: `linear.Linear` uses it.
- MKL also computes exp, log and sqrt of tensors. `functions` builds exp and log of exp2 and log2,
  which are torch's own.
- torch's own kernels and oneDNN use AVX-512 where they find it; OpenBLAS, inside NumPy and SciPy,
  tells many processors apart; NumPy has its own exp and log for AVX-512. The variables in `pins`
  hold all of them to AVX2.
- Threads divide sums. `threads` has one thread compute whatever a cut could show in.

On a GPU, on ARM and without AVX2 the plain operations are used, and results are those of one kind
of machine. `kinds` names each kind of arithmetic, for the record of a stage.
"""
