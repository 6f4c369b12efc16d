"""The sources of a data set's files; `fetch` tries them in order and checks what they give."""
