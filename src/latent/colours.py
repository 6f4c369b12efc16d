"""The colours of ten classes, for the pictures and the page.

Two lists with similar hues: one for white, one for black. On its own ground each colour has a
contrast of at least 3:1 (WCAG 1.4.11). Any two of a list can be told apart by people who see all
colours, and by those who lack one kind of cone.
"""

ON_LIGHT = [
    "#3b0fe7", "#f16a09", "#047672", "#c24bb9", "#59a27d",
    "#855d06", "#240b6c", "#3c4454", "#410d01", "#7c2101",
]  # fmt: skip
ON_DARK = [
    "#3962f0", "#af4123", "#3fd8e4", "#874f9a", "#c1fee3",
    "#fed746", "#b08dfe", "#858789", "#f6a589", "#fd5814",
]  # fmt: skip
