"""Deflate without zlib's compressor, whose bytes differ between zlib, zlib-ng and their releases.

It finds runs of equal bytes and nothing else, which on the page's arrays is as good as zlib: black
borders are runs, and weights have no repetitions. What it writes is a zlib stream (RFC 1950, RFC
1951) that every browser unpacks.
"""

import heapq
import zlib

import numpy as np

LONGEST = 258  # bytes that one repetition stands for
BLOCK = 2**18  # symbols that share a code
END = 256  # the symbol that ends a block
# Of the lengths of the codes, in the order of RFC 1951.
ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

# For each length of a repetition from 3 to 258: its symbol, how many more bits follow, and which.
_BASES = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
          131, 163, 195, 227, 258]  # fmt: skip
_COUNTS = [0] * 8 + [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 4 + [0]
_KIND = np.searchsorted(_BASES, np.arange(LONGEST + 1), side="right") - 1
_KIND_SYMBOL, _KIND_BITS = 257 + _KIND, np.array(_COUNTS)[_KIND]
_KIND_MORE = np.arange(LONGEST + 1) - np.array(_BASES)[_KIND]

Bits = tuple[np.ndarray, np.ndarray]  # numbers, and with how many bits each is written


def deflate(content: bytes) -> bytes:
    """The content as a zlib stream: `zlib.decompress` gives it back."""
    lengths, values = _runs(np.frombuffer(content, np.uint8))
    starts = range(0, max(len(values), 1), BLOCK)
    parts: list[Bits] = []
    for start in starts:
        last = start + BLOCK >= len(values)
        parts += _block(lengths[start : start + BLOCK], values[start : start + BLOCK], last)
    numbers = np.concatenate([number for number, _ in parts])
    widths = np.concatenate([width for _, width in parts])
    check = zlib.adler32(content).to_bytes(4, "big")
    return b"\x78\x9c" + _packed(numbers, widths) + check


def _runs(content: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The content as steps: a length of 0 and a byte, or how often (from 3 on) to repeat it."""
    places = np.arange(len(content))
    is_first = np.append(True, content[1:] != content[:-1])[: len(content)]
    behind = places - np.maximum.accumulate(np.where(is_first, places, 0))  # a run's first byte
    starts = np.flatnonzero(is_first | (behind % LONGEST == 1))
    sizes = np.diff(starts, append=len(content))
    repeats = ~is_first[starts] & (sizes >= 3)  # fewer are written as bytes
    steps = np.where(repeats, 1, sizes)
    lengths = np.repeat(np.where(repeats, sizes, 0), steps)
    return lengths, np.repeat(content[starts], steps).astype(np.int64)


def _block(lengths: np.ndarray, values: np.ndarray, last: bool) -> list[Bits]:
    """A block with its own Huffman code. All distances are 1, whose code is one bit, 0."""
    symbols = np.append(np.where(lengths > 0, _KIND_SYMBOL[lengths], values), END)
    more = np.append(np.where(lengths > 0, _KIND_MORE[lengths], 0), 0)
    more_bits = np.append(np.where(lengths > 0, _KIND_BITS[lengths] + 1, 0), 0)  # and the distance
    used = max(257, symbols.max() + 1)
    widths = code_lengths(np.bincount(symbols, minlength=used), 15)
    codes = _codes(widths)
    numbers = codes[symbols] | more << widths[symbols]
    return [*_header(np.append(widths, 1), last), (numbers, widths[symbols] + more_bits)]


def _header(widths: np.ndarray, last: bool) -> list[Bits]:
    """The head of a block: the lengths of its code, the distance's last, themselves coded."""
    header_widths = code_lengths(np.bincount(widths, minlength=19), 7)
    listed = header_widths[ORDER]
    count = max(4, np.flatnonzero(listed).max() + 1)
    fixed = np.array([int(last), 2, len(widths) - 1 - 257, 0, count - 4])
    return [
        (fixed, np.array([1, 2, 5, 5, 4])),
        (listed[:count], np.full(count, 3)),
        (_codes(header_widths)[widths], header_widths[widths]),
    ]


def code_lengths(counts: np.ndarray, longest: int) -> np.ndarray:
    """The lengths of a Huffman code for symbols with these counts: at most `longest`; 0: unused."""
    lengths = np.zeros(len(counts), np.int64)
    heap = [(int(counts[symbol]), int(symbol), [int(symbol)]) for symbol in np.flatnonzero(counts)]
    if len(heap) == 1:
        lengths[heap[0][1]] = 1
        return lengths
    heapq.heapify(heap)
    while len(heap) > 1:  # equal counts: the lower symbol first, so that there is one answer
        (few, low, left), (many, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        lengths[left + right] += 1
        heapq.heappush(heap, (few + many, low, left + right))
    if lengths.max() > longest:
        return code_lengths(np.where(counts > 0, (counts + 1) // 2, 0), longest)
    return lengths


def _codes(lengths: np.ndarray) -> np.ndarray:
    """The canonical codes of these lengths, bits reversed: deflate writes the highest first."""
    codes = np.zeros(len(lengths), np.int64)
    code = 0
    for length in range(1, lengths.max() + 1):
        code <<= 1
        for symbol in np.flatnonzero(lengths == length):
            codes[symbol] = int(format(code, f"0{length}b")[::-1], 2)
            code += 1
    return codes


def _packed(numbers: np.ndarray, widths: np.ndarray) -> bytes:
    """Numbers one after another, each with its width in bits, the lowest bit first."""
    starts = np.cumsum(widths) - widths
    bits = np.zeros(int(widths.sum()), np.uint8)
    for place in range(int(widths.max())):
        has = widths > place
        bits[starts[has] + place] = (numbers[has] >> place) & 1
    return np.packbits(bits, bitorder="little").tobytes()
