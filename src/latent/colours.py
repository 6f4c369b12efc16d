"""The colours of ten classes, for the pictures and the page.

Two lists: one for white, one for the dark page, most hues the same. On its own ground each colour
has a contrast of at least 3:1 (WCAG 1.4.11), and is no darker than L* 35 or lighter than L* 90, so
that small dots do not look black or white. One colour of ten is a grey. Two digits of MNIST whose
codes mix, such as 4 and 9, have colours that differ much.

The least difference of any two colours of a list, in CIEDE2000, for people with

    all cones       21.1 on white, 25.7 on dark
    no red cones    14.1 on white, 17.2 on dark
    no green cones  14.1 on white, 17.2 on dark
    no blue cones   14.1 on white, 17.1 on dark
"""

ON_LIGHT = [
    "#ff4d75", "#58515a", "#ae6fa9", "#a31c00", "#960c8b",
    "#0029fc", "#006f45", "#8089ff", "#0da787", "#858600",
]  # fmt: skip
ON_DARK = [
    "#db8904", "#a29394", "#a4cf94", "#cc0906", "#9d4a7c",
    "#4f44ff", "#048055", "#709bff", "#0efaff", "#ffe200",
]  # fmt: skip
