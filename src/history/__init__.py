"""What a training leaves besides the weights: the film of its codes, and the table of losses."""
